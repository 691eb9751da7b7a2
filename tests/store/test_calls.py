from tests.support.analyses import added

from rootcoz.domain.analysis import KeptReply, ProviderCall
from rootcoz.store.calls import load_ledger, load_replies, save_call, total_cost
from rootcoz.store.engine import Database


def call(cost_usd: float | None = None, error: str = "") -> ProviderCall:
    return ProviderCall(
        "primary",
        "command",
        "m",
        duration_ms=5,
        prompt_chars=6,
        reply_chars=7,
        cost_usd=cost_usd,
        error=error,
    )


async def test_what_a_call_said_is_kept_with_what_it_cost(database: Database) -> None:
    analysis_id, other = await added(database), await added(database, "other")
    said = KeptReply("ü" * 100_000, truncated=True)
    async with database.write() as connection:
        await save_call(connection, analysis_id, "group 1: primary", call(0.5), said)
        await save_call(connection, other, "group 1: primary", call(), KeptReply("", truncated=False))
    async with database.read() as connection:
        replies = await load_replies(connection, analysis_id)
        (entry,) = await load_ledger(connection, analysis_id)

    assert replies == {"group 1: primary": said}
    assert entry.call == call(0.5)


async def test_a_call_that_failed_is_booked_and_may_be_made_again(database: Database) -> None:
    analysis_id = await added(database)
    said = KeptReply("yes", truncated=False)
    async with database.write() as connection:
        await save_call(connection, analysis_id, "group 1: primary", call(error="timed out"), None)
        await save_call(connection, analysis_id, "group 1: primary", call(), said)
    async with database.read() as connection:
        replies = await load_replies(connection, analysis_id)
        ledger = await load_ledger(connection, analysis_id)

    assert replies == {"group 1: primary": said}
    assert sorted(entry.call.error for entry in ledger) == ["", "timed out"]


def test_a_sum_with_an_unknown_cost_is_unknown() -> None:
    assert total_cost([call(0.25), call(0.5)]) == 0.75
    assert total_cost([call(0.25), call()]) is None
    assert total_cost([]) == 0
