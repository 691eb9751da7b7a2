import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from tests.support.analyses import added

from rootcoz.domain.failure import ErrorSignature
from rootcoz.domain.finding import (
    Answer,
    Classification,
    CodeFix,
    Evidence,
    Finding,
    NoVerdict,
    NoVerdictReason,
    ProductBugReport,
)
from rootcoz.store.engine import Database
from rootcoz.store.findings import (
    GroupAnswer,
    answered_groups,
    count_answers,
    decode_answer,
    decode_answers,
    encode_answer,
    load_answers,
    save_answers,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
EVIDENCE = st.lists(st.builds(Evidence, TEXT, TEXT), max_size=3).map(tuple)
WORDS = st.lists(TEXT, max_size=3).map(tuple)
ANSWERS: st.SearchStrategy[Answer] = st.one_of(
    st.builds(
        Finding,
        classification=st.sampled_from(Classification),
        confidence=st.none() | st.floats(0, 1),
        details=TEXT,
        evidence=EVIDENCE,
        code_fix=st.none() | st.builds(CodeFix, TEXT, TEXT, TEXT, tests_repo_search_keywords=WORDS),
        product_bug_report=st.none() | st.builds(ProductBugReport, title=TEXT, jira_search_keywords=WORDS),
        affected_tests=WORDS,
        rules=WORDS,
    ),
    st.builds(NoVerdict, st.sampled_from(NoVerdictReason), TEXT, TEXT, TEXT, EVIDENCE),
)
SIGNATURE = ErrorSignature("ab" * 32, 1)
ABSTAINED = NoVerdict(NoVerdictReason.ABSTAINED, "It cannot tell.")


@given(ANSWERS)
def test_an_answer_is_the_same_after_it_was_kept(answer: Answer) -> None:
    assert decode_answer(encode_answer(answer)) == answer


async def test_answers_and_their_calls_are_kept_by_group(database: Database) -> None:
    analysis_id, other = await added(database), await added(database, "other")
    finding = Finding(Classification.PRODUCT_BUG, 0.5, "details")
    async with database.write() as connection:
        for row in (analysis_id, other):
            await save_answers(
                connection,
                row,
                [
                    GroupAnswer(2, SIGNATURE, finding),
                    GroupAnswer(5, SIGNATURE, ABSTAINED),
                ],
                provider="command",
                model="m",
            )
    async with database.read() as connection:
        kept = decode_answers(await load_answers(connection, analysis_id))
        answered = await answered_groups(connection, analysis_id)
        count = await count_answers(connection, analysis_id)

    assert kept == {2: finding, 5: ABSTAINED}
    assert (answered, count) == ({2, 5}, 2)


async def test_a_second_answer_of_a_group_is_an_error(database: Database) -> None:
    analysis_id = await added(database)
    answer = GroupAnswer(1, SIGNATURE, ABSTAINED)
    async with database.write() as connection:
        await save_answers(connection, analysis_id, [answer], provider="p", model="")

    with pytest.raises(IntegrityError):
        async with database.write() as connection:
            await save_answers(connection, analysis_id, [answer], provider="p", model="")
