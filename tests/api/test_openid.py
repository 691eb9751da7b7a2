"""Signing in at a real OpenID provider, with the real application; one of each for all tests."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from tests.support.in_process import ADMIN, ADMIN_KEY, Api, running_api
from tests.support.openid_provider import (
    BASE,
    OpenIdServer,
    arrives,
    departs,
    me,
    openid_server,
    openid_settings,
    signs_in_there,
)

from rootcoz.features.sign_in import ARRIVAL_LIMIT

pytestmark = pytest.mark.asyncio(loop_scope="module")

HTML = {"Accept": "text/html,application/xhtml+xml"}
ADMINS = "/rootcoz-admins"

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdServer]:
    with openid_server() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(provider: OpenIdServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    # The durable engine puts its own threads into the loop, and they end with it: the next server needs others.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
    settings = openid_settings(
        provider, oidc_admin_groups=(ADMINS,), oidc_scopes="openid profile email groups"
    )
    async with running_api(tmp_path_factory.mktemp("data"), **settings) as api:
        yield api


def newcomer(provider: OpenIdServer, **claims: object) -> str:
    """Somebody whom the provider knows and we do not; their name at both."""
    name = f"person-{next(numbers)}"
    provider.says(name, preferred_username=name, **claims)
    return name


def elsewhere(api: Api, **headers: str) -> Api:
    """A browser at an address of its own, which no limit has heard of."""
    return api.visitor(f"198.51.100.{next(numbers)}", **headers)


async def key_of_new_user(api: Api, name: str, role: str = "user") -> str:
    reply = await api.post("/api/admin/users", json={"username": name, "role": role}, headers=ADMIN)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["api_key"])


async def test_somebody_signs_in_at_the_provider_and_has_a_session_like_any_other(
    house: Api, provider: OpenIdServer
) -> None:
    name, visitor = newcomer(provider), elsewhere(house)
    page = await arrives(visitor, name, return_to="/results/x?tab=1")
    inside = await me(visitor)
    sessions = (await visitor.get("/api/auth/sessions")).json()["sessions"]
    cookies = {line.split("=")[0]: line.lower() for line in page.headers.get_list("set-cookie")}
    await visitor.delete(f"/api/auth/sessions/{sessions[0]['id']}")
    outside = await me(visitor)

    assert page.status_code == 200
    assert f'content="0;url={BASE}/results/x?tab=1"' in page.text
    assert inside == {"username": name, "role": "user", "is_admin": False, "signed_in": True}
    assert [one["current"] for one in sessions] == [True]
    assert {"httponly", "secure", "samesite=strict", "max-age=28800"} <= set(
        cookies["rootcoz_session"].split("; ")
    )
    assert "max-age=0" in cookies["rootcoz_oidc"]
    assert "rootcoz_oidc" not in visitor.client.cookies
    assert not outside["signed_in"]


async def test_the_way_there_says_no_more_than_it_must(house: Api) -> None:
    departure = await departs(elsewhere(house), return_to="/results/secret-report")
    address = urlsplit(departure.headers["location"])
    query = {name: values[0] for name, values in parse_qs(address.query).items()}
    (line,) = departure.headers.get_list("set-cookie")

    assert query["response_type"] == "code"
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == f"{BASE}/api/auth/oidc/callback"
    assert len({query["state"], query["nonce"], query["code_challenge"]}) == 3
    assert "secret-report" not in address.query
    assert {"httponly", "secure", "samesite=lax", "max-age=600"} <= set(line.lower().split("; "))
    assert query["state"] not in line
    assert departure.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.test/",
        "//evil.test/",
        "/\\evil.test/",
        "\\\\evil.test",
        "/results\\x",
        "javascript:alert(1)",
        "results",
        "",
        "/a b",
        "/\tx",
        "/x\r\nSet-Cookie: a=b",
        "/../outside",
        "/%2e%2e/outside",
        "/é",
        "/" + "x" * 2000,
    ],
)
async def test_nobody_is_sent_anywhere_but_to_this_server(house: Api, target: str) -> None:
    reply = await departs(elsewhere(house), return_to=target)

    assert reply.status_code == 400
    assert "path of this server" in reply.json()["detail"]


async def test_an_identity_stays_the_same_user_whatever_name_it_gets(
    house: Api, provider: OpenIdServer
) -> None:
    name, other = newcomer(provider), newcomer(provider)
    await arrives(elsewhere(house), name)
    provider.says(name, preferred_username=other)
    renamed = elsewhere(house)
    await arrives(renamed, name)

    assert (await me(renamed))["username"] == name


@pytest.mark.parametrize("role", ["user", "admin"])
async def test_nobody_gets_a_name_that_has_a_key(house: Api, provider: OpenIdServer, role: str) -> None:
    name, visitor = newcomer(provider), elsewhere(house, **HTML)
    await key_of_new_user(house, name.upper(), role)
    page = await arrives(visitor, name)

    assert page.status_code == 409
    assert "belongs to a user of this server" in page.text
    assert not (await me(visitor))["signed_in"]


async def test_nobody_gets_a_name_that_another_identity_has(house: Api, provider: OpenIdServer) -> None:
    name, mallory = newcomer(provider), newcomer(provider)
    await arrives(elsewhere(house), name)
    provider.says(mallory, preferred_username=name.upper())
    page = await arrives(elsewhere(house), mallory)

    assert page.status_code == 409


async def test_a_name_that_only_plain_cookies_have_said_is_free(house: Api, provider: OpenIdServer) -> None:
    name, visitor = newcomer(provider), elsewhere(house)
    await elsewhere(house, Cookie=f"rootcoz_username={name}").get("/results")
    await house.services.presence.settle()
    before = (await house.get("/api/admin/users", headers=ADMIN)).json()["users"]
    page = await arrives(visitor, name)

    assert name in {one["username"] for one in before}
    assert page.status_code == 200
    assert (await me(visitor))["username"] == name


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({}, 401),
        ({"preferred_username": "admin"}, 401),
        ({"preferred_username": " \uff21\uff24\uff2d\uff29\uff2e"}, 401),
        ({"preferred_username": "a\u202eb"}, 401),
        ({"preferred_username": "x" * 201}, 401),
        ({"preferred_username": ["alice"]}, 401),
        ({"preferred_username": "josé.müller@example.com"}, 200),
    ],
)
async def test_only_a_name_that_somebody_can_have_is_taken(
    house: Api, provider: OpenIdServer, claims: dict[str, object], status: int
) -> None:
    login = newcomer(provider)
    provider.says(login, **claims)
    page = await arrives(elsewhere(house), login)

    assert page.status_code == status


async def test_a_group_makes_an_administrator_for_as_long_as_the_session_lasts(
    house: Api, provider: OpenIdServer
) -> None:
    name, boss, later = newcomer(provider, groups=["staff", ADMINS]), elsewhere(house), elsewhere(house)
    await arrives(boss, name)
    inside = await me(boss)
    others = [newcomer(provider), newcomer(provider)]
    created = [await boss.post("/api/admin/users", json={"username": other}) for other in others]
    demoted = await boss.put(f"/api/admin/users/{others[0]}/role", json={"role": "user"})
    users = {one["username"]: one["role"] for one in (await boss.get("/api/admin/users")).json()["users"]}
    key = (await boss.post("/api/user/keys", json={"name": "script"})).json()["api_key"]
    by_key = (await house.bearer(key).get("/api/auth/me")).json()
    provider.says(name, preferred_username=name, groups=["staff"])
    await arrives(later, name)

    assert inside["is_admin"]
    assert [one.status_code for one in (*created, demoted)] == [200, 200, 200]
    assert users[name] == "user"
    assert not by_key["is_admin"]
    assert not (await me(later))["is_admin"]


async def test_who_has_a_key_links_an_identity_and_nobody_else_can(
    house: Api, provider: OpenIdServer
) -> None:
    name, visitor, again = newcomer(provider), elsewhere(house), elsewhere(house)
    key = await key_of_new_user(house, name)
    unproven = await departs(elsewhere(house, Cookie=f"rootcoz_username={name}"), link="true")
    by_key = await departs(house.bearer(key), link="true")
    await visitor.post("/api/auth/login", json={"username": name, "api_key": key})
    linked = await arrives(visitor, name, link="true")
    await arrives(again, name)

    assert (unproven.status_code, by_key.status_code) == (401, 401)
    assert linked.status_code == 200
    assert (await me(again))["username"] == name


async def test_an_identity_that_a_key_has_linked_ends_with_the_key(
    house: Api, provider: OpenIdServer
) -> None:
    name, intruder, visitor = newcomer(provider), newcomer(provider), elsewhere(house)
    stolen = await key_of_new_user(house, name)
    await visitor.post("/api/auth/login", json={"username": name, "api_key": stolen})
    await arrives(visitor, intruder, link="true")
    await house.delete(f"/api/admin/users/{name}/keys", headers=ADMIN)
    again = elsewhere(house)
    await arrives(again, intruder)

    assert (await me(again))["username"] == intruder


async def test_an_identity_of_its_own_outlives_the_user_s_keys(house: Api, provider: OpenIdServer) -> None:
    name, visitor, again = newcomer(provider), elsewhere(house), elsewhere(house)
    await arrives(visitor, name)
    await visitor.post("/api/user/keys", json={"name": "script"})
    await house.delete(f"/api/admin/users/{name}/keys", headers=ADMIN)
    outside = await me(visitor)
    await arrives(again, name)

    assert not outside["signed_in"]
    assert (await me(again))["username"] == name


async def test_an_identity_is_linked_to_one_user_and_only_while_the_session_lasts(
    house: Api, provider: OpenIdServer
) -> None:
    taken_name, fresh, carl = newcomer(provider), newcomer(provider), elsewhere(house)
    await arrives(elsewhere(house), taken_name)
    key = await key_of_new_user(house, f"carl-{fresh}")
    await carl.post("/api/auth/login", json={"username": f"carl-{fresh}", "api_key": key})
    taken = await arrives(carl, taken_name, link="true")
    departure = await departs(carl, link="true")
    back = await signs_in_there(departure.headers["location"], fresh)
    await house.delete(f"/api/admin/users/carl-{fresh}/sessions", headers=ADMIN)
    ended = await carl.client.get(back)

    assert (taken.status_code, ended.status_code) == (409, 401)


async def test_an_administrator_forgets_an_identity_with_its_sessions(
    house: Api, provider: OpenIdServer
) -> None:
    name, other, visitor, heir = newcomer(provider), newcomer(provider), elsewhere(house), elsewhere(house)
    await arrives(visitor, name)
    removed = await house.delete(f"/api/admin/users/{name}/identities", headers=ADMIN)
    outside = await me(visitor)
    provider.says(other, preferred_username=name)
    await arrives(heir, other)

    assert removed.json() == {"username": name, "revoked": 1}
    assert not outside["signed_in"]
    assert (await me(heir))["username"] == name


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"state": "another"}, "another sign-in"),
        ({"state": ""}, "another sign-in"),
        ({"iss": "https://evil.test"}, "another identity provider"),
        ({"iss": None}, "does not say which identity provider"),
        ({"code": "made-up"}, "begin again"),
        ({"code": ""}, "nothing that would say who you are"),
    ],
)
async def test_a_reply_that_was_tampered_with_signs_nobody_in(
    house: Api, provider: OpenIdServer, change: dict[str, str | None], word: str
) -> None:
    visitor = elsewhere(house)
    departure = await departs(visitor)
    back = await signs_in_there(departure.headers["location"], newcomer(provider))
    query = {name: values[0] for name, values in parse_qs(urlsplit(back).query).items()} | change
    sent = {name: value for name, value in query.items() if value is not None}
    reply = await visitor.get("/api/auth/oidc/callback", params=sent)

    assert reply.status_code == 401
    assert word in reply.json()["detail"]
    assert "rootcoz_session" not in visitor.client.cookies


async def test_a_reply_counts_in_the_browser_that_asked_and_once(house: Api, provider: OpenIdServer) -> None:
    asked, other = elsewhere(house), elsewhere(house)
    departure = await departs(asked)
    back = await signs_in_there(departure.headers["location"], newcomer(provider))
    ticket = asked.client.cookies["rootcoz_oidc"]
    nobody = await other.client.get(back)
    await departs(other)
    with_another_ticket = await other.client.get(back)
    first = await asked.client.get(back)
    second = await elsewhere(house, Cookie=f"rootcoz_oidc={ticket}").client.get(back)
    broken = await elsewhere(house, Cookie=f"rootcoz_oidc={ticket[:-8]}AAAAAAAA").client.get(back)

    assert (nobody.status_code, with_another_ticket.status_code) == (401, 401)
    assert (first.status_code, second.status_code, broken.status_code) == (200, 401, 401)


async def test_who_cancels_is_told_in_a_page_and_may_begin_again(house: Api, provider: OpenIdServer) -> None:
    visitor = elsewhere(house)
    departure = await departs(visitor)
    back = await signs_in_there(departure.headers["location"], newcomer(provider), cancels=True)
    page = await visitor.client.get(back, headers=HTML)

    assert page.status_code == 401
    assert page.headers["content-type"].startswith("text/html")
    assert "cancelled" in page.text
    assert f'href="{BASE}/api/auth/oidc/login"' in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["referrer-policy"] == "no-referrer"


async def test_an_error_in_the_address_is_not_repeated_as_it_stands(house: Api) -> None:
    visitor = elsewhere(house)
    departure = await departs(visitor)
    state = parse_qs(urlsplit(departure.headers["location"]).query)["state"][0]
    sent = {"state": state, "error": "<script>alert(1)</script>"}
    page = await visitor.client.get("/api/auth/oidc/callback", params=sent, headers=HTML)

    assert page.status_code == 401
    assert "<script>" not in page.text


async def test_failed_returns_are_limited_and_keys_still_open_the_door(house: Api) -> None:
    visitor = elsewhere(house)
    replies = [
        (await visitor.get("/api/auth/oidc/callback?state=x&code=y")).status_code
        for _ in range(ARRIVAL_LIMIT + 1)
    ]
    login = await visitor.post("/api/auth/login", json={"username": "admin", "api_key": ADMIN_KEY})

    assert replies == [401] * ARRIVAL_LIMIT + [429]
    assert login.status_code == 200


async def test_the_audit_log_tells_of_sign_ins_links_and_failures(house: Api, provider: OpenIdServer) -> None:
    name, visitor = newcomer(provider, groups=[ADMINS]), house.visitor("203.0.113.7")
    await arrives(visitor, name)
    await visitor.client.get("/api/auth/oidc/callback?state=x&code=y")
    reply = await house.get("/api/admin/audit?address=203.0.113.7", headers=ADMIN)
    lines = reply.json()["entries"]

    told = [(one["action"], one["actor"], one["outcome"]) for one in lines]
    assert told == [("sign_in", "", "failed"), ("sign_in", name, "ok"), ("identity_linked", name, "ok")]
    assert "as an administrator by a group" in lines[1]["detail"]


async def test_a_provider_may_take_other_keys_at_any_time(house: Api, provider: OpenIdServer) -> None:
    name = newcomer(provider)
    await arrives(elsewhere(house), name)
    provider.takes_other_keys()
    page = await arrives(elsewhere(house), name)

    assert page.status_code == 200


async def test_a_provider_in_trouble_is_502_in_a_sentence(house: Api, provider: OpenIdServer) -> None:
    visitor = elsewhere(house)
    departure = await departs(visitor)
    back = await signs_in_there(departure.headers["location"], newcomer(provider))
    provider.breaks_or_heals()
    try:
        reply = await visitor.get(back.removeprefix(BASE))
    finally:
        provider.breaks_or_heals()

    assert reply.status_code == 502
    assert "identity provider has trouble" in reply.json()["detail"]
