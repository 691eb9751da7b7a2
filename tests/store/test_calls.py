from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError
from tests.support.analyses import added

from rootcoz.domain.analysis import KeptReply, PromptUse, ProviderCall
from rootcoz.store.analyses import delete_analysis
from rootcoz.store.calls import load_calls_of_none, load_ledger, load_replies, save_call, total_cost
from rootcoz.store.engine import Database
from rootcoz.store.token_usage import CallFilter, Dimension, sum_groups


def call(cost_usd: float | None = None) -> ProviderCall:
    return ProviderCall(
        "primary", "command", "m", duration_ms=5, prompt_chars=6, reply_chars=7, cost_usd=cost_usd
    )


@pytest.mark.parametrize("text", ["", "short", "ü" * 200_000])
async def test_what_was_said_is_kept_by_the_call_s_key(database: Database, text: str) -> None:
    analysis_id, other = await added(database), await added(database, "other")
    async with database.write() as connection:
        await save_call(connection, analysis_id, "group 1", call(0.5), KeptReply(text, truncated=True))
        await save_call(connection, analysis_id, "group 2", call(), None)
        await save_call(connection, other, "group 1", call(), KeptReply("other", truncated=False))
    async with database.read() as connection:
        replies = await load_replies(connection, analysis_id)
        ledger = await load_ledger(connection, analysis_id)

    assert replies == {"group 1": KeptReply(text, truncated=True)}
    assert [entry.call for entry in ledger] == [call(0.5), call()]


async def test_calls_of_no_analysis_stay_when_analyses_go_and_are_summed_by_their_type(
    database: Database,
) -> None:
    analysis_id = await added(database, "job")
    side = replace(call(0.25), call_type="comment_intent")
    async with database.write() as connection:
        await save_call(connection, None, "comment", side, None)
        await save_call(connection, analysis_id, "group 1", call(1.0), None)
        both = await sum_groups(connection, CallFilter(), Dimension.JOB)
        await delete_analysis(connection, "job")
        left = await sum_groups(connection, CallFilter(), Dimension.JOB)
        listed = await load_calls_of_none(connection, "comment_intent", 5)
        other = await load_calls_of_none(connection, "primary", 5)

    assert [(one.key, one.cost_usd) for one in both] == [(("job",), 1.0), (("comment-intent",), 0.25)]
    assert [one.key for one in left] == [("comment-intent",)]
    assert [entry.call for entry in listed] == [side]
    assert other == []


async def test_the_prompts_of_a_call_are_kept_with_it(database: Database) -> None:
    analysis_id = await added(database)
    uses = (PromptUse("analyse", "2-b31e2e7d"), PromptUse(".rootcoz/ROOTCOZ_PROMPT.md", "0a1b2c3d"))
    async with database.write() as connection:
        await save_call(connection, analysis_id, "group 1", replace(call(), prompts=uses), None)
    async with database.read() as connection:
        (entry,) = await load_ledger(connection, analysis_id)

    assert entry.call.prompts == uses


async def test_a_call_hangs_on_its_analysis(database: Database) -> None:
    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await save_call(connection, 77, "group 1", call(), None)


def test_a_sum_with_an_unknown_cost_is_unknown() -> None:
    assert total_cost([call(0.25), call(0.5)]) == 0.75
    assert total_cost([call(0.25), call()]) is None
    assert total_cost([]) == 0
