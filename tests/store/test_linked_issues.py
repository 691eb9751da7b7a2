"""Which issues earlier analyses of the same failure are linked to."""

from sqlalchemy import insert
from tests.support.analyses import added

from rootcoz.domain.failure import ErrorSignature
from rootcoz.domain.finding import NoVerdict, NoVerdictReason
from rootcoz.domain.issue import FiledIssue, MatchedIssue
from rootcoz.kit.chunks import chunked
from rootcoz.store.documents import save_document
from rootcoz.store.engine import Database
from rootcoz.store.findings import GroupAnswer, save_answers
from rootcoz.store.issues import ISSUES, encode_issues
from rootcoz.store.linked_issues import comments_on, earlier_matches, filed_issues
from rootcoz.store.review import FoundFailure
from rootcoz.store.schema import comments
from rootcoz.store.tracker_items import ItemClaim, add_item, complete_item

OURS, OTHER = ErrorSignature("a" * 64, 2), ErrorSignature("b" * 64, 2)
AT = "2026-03-01T00:00:00.000Z"


def failure(signature: ErrorSignature) -> FoundFailure:
    return FoundFailure("t", "", 0, 1, signature.value, signature.version, 1, 0)


async def file(
    database: Database, analysis_id: int, signature: ErrorSignature, url: str, *, done: bool
) -> None:
    async with database.write() as connection:
        claim = ItemClaim(url, "jira", "SHOP", "It breaks", username="alice", run="r")
        item = await add_item(connection, analysis_id, failure(signature), claim, at=AT)
        if done:
            await complete_item(connection, item.id, FiledIssue("SHOP-1", url, "It breaks"), at=AT)


async def test_issues_that_were_filed_for_the_same_failure_are_found_in_other_analyses(
    database: Database,
) -> None:
    first, second = await added(database, "job-1"), await added(database, "job-2")
    await file(database, first, OURS, "https://j/1", done=True)
    await file(database, first, OTHER, "https://j/2", done=True)
    await file(database, first, OURS, "https://j/3", done=False)
    await file(database, second, OURS, "https://j/4", done=True)
    async with database.read() as connection:
        found = await filed_issues(connection, {OURS}, but=second)

    assert [(link.signature, link.url, link.job_id) for link in found] == [(OURS, "https://j/1", "job-1")]


async def test_comments_on_the_same_failure_are_found_in_other_analyses(database: Database) -> None:
    first, second = await added(database, "job-1"), await added(database, "job-2")
    async with database.write() as connection:
        for analysis_id, signature, text in (
            (first, OURS, "one"),
            (first, OURS, "two"),
            (first, OTHER, "three"),
            (second, OURS, "four"),
        ):
            await connection.execute(
                insert(comments).values(
                    analysis_id=analysis_id,
                    test_name="t",
                    comment=text,
                    error_signature=signature.value,
                    created_at=AT,
                )
            )
        found = await comments_on(connection, {OURS}, but=second)

    assert [(remark.text, remark.job_id) for remark in found] == [("two", "job-1"), ("one", "job-1")]


async def test_what_trackers_had_for_the_same_failure_is_found_in_other_analyses(database: Database) -> None:
    ids = [await added(database, f"job-{number}") for number in (1, 2, 3)]
    nothing = NoVerdict(NoVerdictReason.ABSTAINED, "No idea.")
    async with database.write() as connection:
        for analysis_id in ids:
            answers = [GroupAnswer(1, OTHER, nothing), GroupAnswer(2, OURS, nothing)]
            await save_answers(connection, analysis_id, answers, provider="builtin", model="")
            matches = {
                group: [MatchedIssue(f"SHOP-{analysis_id}{group}", "", "", "u", "", 0.9)] for group in (1, 2)
            }
            await save_document(connection, analysis_id, ISSUES, chunked([encode_issues(matches)]))
        found = await earlier_matches(connection, {OURS}, but=ids[2])

    assert [(one.issue.key, one.job_id) for one in found] == [
        (f"SHOP-{ids[1]}2", "job-2"),
        (f"SHOP-{ids[0]}2", "job-1"),
    ]
