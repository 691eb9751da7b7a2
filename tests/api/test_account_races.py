"""Requests of the same moment against the rules about administrators, on both databases."""

import asyncio
import itertools

import httpx2
import pytest
from tests.support.in_process import ADMIN, Api

pytestmark = pytest.mark.asyncio(loop_scope="module")

DATABASES = ("sqlite", "postgresql")
ROUNDS = 5

numbers = itertools.count(1)


async def admins(api: Api) -> list[str]:
    users = (await api.get("/api/admin/users", headers=ADMIN)).json()["users"]
    return [one["username"] for one in users if one["role"] == "admin"]


async def two_admins(api: Api) -> dict[str, Api]:
    """Two administrators with their keys, and no other in the store."""
    made = {}
    former = await admins(api)
    for _ in range(2):
        name = f"boss-{next(numbers)}"
        reply = await api.post("/api/admin/users", json={"username": name}, headers=ADMIN)
        made[name] = api.bearer(reply.json()["api_key"])
    for name in former:
        await api.delete(f"/api/admin/users/{name}", headers=ADMIN)
    assert await admins(api) == sorted(made)
    return made


async def removed(by: Api, name: str) -> httpx2.Response:
    return await by.delete(f"/api/admin/users/{name}")


async def demoted(by: Api, name: str) -> httpx2.Response:
    return await by.put(f"/api/admin/users/{name}/role", json={"role": "user"})


@pytest.mark.parametrize("means", [(removed, removed), (demoted, demoted), (removed, demoted)])
async def test_two_requests_never_take_the_last_two_administrators_away(api: Api, means: tuple) -> None:  # type: ignore[type-arg]  # functions
    root = api.visitor(**ADMIN)
    outcomes = []
    for _ in range(ROUNDS):
        names = list(await two_admins(api))
        replies = await asyncio.gather(*(act(root, name) for act, name in zip(means, names, strict=True)))
        outcomes.append((sorted(one.status_code for one in replies), len(await admins(api))))

    assert outcomes == [([200, 400], 1)] * ROUNDS


@pytest.mark.parametrize("means", [removed, demoted])
async def test_two_administrators_never_take_each_other_away(api: Api, means: object) -> None:
    assert callable(means)
    outcomes = []
    for _ in range(ROUNDS):
        (anna, by_anna), (bert, by_bert) = (await two_admins(api)).items()
        replies = await asyncio.gather(means(by_anna, bert), means(by_bert, anna))
        outcomes.append((min(one.status_code for one in replies), len(await admins(api))))

    assert outcomes == [(200, 1)] * ROUNDS
