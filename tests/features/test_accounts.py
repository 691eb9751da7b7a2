"""Rules that must hold against requests at the same moment, in two processes on one database."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rootcoz.domain.account import Actor, Role
from rootcoz.domain.errors import CallerError, InvalidInput, NotAllowed
from rootcoz.features.accounts import Accounts
from rootcoz.kit.sealed import Seal
from rootcoz.store.engine import Database

SEAL = Seal("a secret")
ROOT = Actor("admin", "127.0.0.1")


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[list[Accounts]]:
    """The same users as several processes see them."""
    databases = [await Database.open(tmp_path) for _ in range(4)]
    yield [Accounts(database, SEAL) for database in databases]
    for database in databases:
        await database.close()


async def admins(accounts: Accounts) -> list[str]:
    return [one.username for one in await accounts.list() if one.role is Role.ADMIN]


async def errors(*attempts: object) -> list[CallerError]:
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)  # type: ignore[call-overload]  # coroutines
    assert all(isinstance(one, CallerError) or not isinstance(one, BaseException) for one in outcomes), (
        outcomes
    )
    return [one for one in outcomes if isinstance(one, CallerError)]


@pytest.mark.parametrize("attempt", range(5))
async def test_two_requests_at_once_do_not_remove_the_last_two_administrators(
    processes: list[Accounts], attempt: int
) -> None:
    for name in ("anna", "bert"):
        await processes[0].create(name, Role.ADMIN, ROOT)
    refused = await errors(processes[1].delete_admin("anna", ROOT), processes[2].delete_admin("bert", ROOT))

    assert len(await admins(processes[0])) == 1
    assert [type(one) for one in refused] == [InvalidInput]


@pytest.mark.parametrize("attempt", range(5))
async def test_removal_and_demotion_at_once_leave_one_administrator(
    processes: list[Accounts], attempt: int
) -> None:
    names = ["anna", "bert", "carl", "dora"]
    for name in names:
        await processes[0].create(name, Role.ADMIN, ROOT)
    refused = await errors(
        processes[0].delete_admin("anna", ROOT),
        processes[1].change_role("bert", Role.USER, ROOT),
        processes[2].delete_admin("carl", ROOT),
        processes[3].change_role("dora", Role.USER, ROOT),
    )

    assert len(await admins(processes[0])) == 1
    assert len(refused) == 1


async def test_two_administrators_who_demote_each_other_do_not_both_succeed(
    processes: list[Accounts],
) -> None:
    for name in ("anna", "bert", "carl"):
        await processes[0].create(name, Role.ADMIN, ROOT)
    by_name = {one.username: Actor(one.username, "", one.id) for one in await processes[0].list()}
    refused = await errors(
        processes[1].change_role("anna", Role.USER, by_name["bert"]),
        processes[2].change_role("bert", Role.USER, by_name["anna"]),
    )

    assert [type(one) for one in refused] == [NotAllowed]
    assert len(await admins(processes[0])) == 2


async def test_one_name_is_given_once_to_several_who_want_it(processes: list[Accounts]) -> None:
    refused = await errors(*(one.create("Anna", Role.ADMIN, ROOT) for one in processes))

    assert len(refused) == len(processes) - 1
    assert await admins(processes[0]) == ["Anna"]


async def test_tokens_saved_at_once_are_saved_once_each(processes: list[Accounts]) -> None:
    account = (await processes[0].create("anna", Role.USER, ROOT)).account
    await asyncio.gather(
        *(
            one.save_tokens("anna", {"github_token": f"t{number}"}, ROOT)
            for number, one in enumerate(processes)
        )
    )
    tokens = await processes[0].tokens(account.id)

    assert tokens["github_token"] in {"t0", "t1", "t2", "t3"}


async def test_only_an_administrator_with_a_key_is_an_entrance(processes: list[Accounts]) -> None:
    before = await processes[0].has_usable_admin()
    await processes[0].create("anna", Role.USER, ROOT)
    user_only = await processes[0].has_usable_admin()
    await processes[0].create("bert", Role.ADMIN, ROOT)

    assert (before, user_only, await processes[0].has_usable_admin()) == (False, False, True)
