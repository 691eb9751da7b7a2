from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.analyses import added

from rootcoz.analysis.ledger import Ledger
from rootcoz.domain.analysis import ProviderCall
from rootcoz.providers.base import Reply
from rootcoz.store.analyses import count_attempt
from rootcoz.store.engine import Database

CALL = ProviderCall("peer", "command", "m", duration_ms=1, prompt_chars=1, reply_chars=1)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    yield database
    await database.close()


async def attempts_after(database: Database, call: ProviderCall, reply: Reply | None) -> int:
    """Starts that count against the analysis after three of them, the call, and one more."""
    analysis_id = await added(database)
    async with database.write() as connection:
        for _ in range(3):
            await count_attempt(connection, analysis_id)
    ledger = await Ledger.open(database, analysis_id)
    await ledger.record("group 1: peer 1 of round 2", call, reply)
    async with database.write() as connection:
        return await count_attempt(connection, analysis_id)


async def test_an_answer_within_a_long_debate_is_progress(database: Database) -> None:
    assert await attempts_after(database, CALL, Reply("yes")) == 2


async def test_a_call_that_failed_is_none(database: Database) -> None:
    assert await attempts_after(database, replace(CALL, error="no"), None) == 4


async def test_what_was_said_is_known_after_a_restart(database: Database) -> None:
    analysis_id = await added(database)
    await (await Ledger.open(database, analysis_id)).record("key", CALL, Reply("yes", truncated=True))
    reopened = await Ledger.open(database, analysis_id)

    assert reopened.reply("key") == Reply("yes", truncated=True)
    assert reopened.reply("another") is None
