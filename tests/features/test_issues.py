"""An issue is filed once: through time-outs, deaths, and other processes that are at it too."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update
from tests.support.postgres import PostgresServer
from tests.support.reviewed_build import accepted_build, bug, parts_with, step
from tests.support.scripted_provider import ScriptedProvider
from tests.support.tracker_server import Answer, tracker_server
from tests.support.tracker_stand_ins import Fault, GitHubStandIn, JiraStandIn

from rootcoz.analysis.pipeline import analyse
from rootcoz.domain.errors import OutcomeUnknown, StoreUnavailable, Unavailable
from rootcoz.domain.issue import NewIssue
from rootcoz.domain.review import Author, FailureTarget
from rootcoz.features import issues as issues_module
from rootcoz.features.issues import Filing, Issues
from rootcoz.store import review
from rootcoz.store.engine import Database
from rootcoz.store.schema import analyses, comments, tracker_items
from rootcoz.trackers.base import IssueFiler
from rootcoz.trackers.connection import CloudLogin, GitHubConnection, JiraConnection
from rootcoz.trackers.github import GitHubIssues
from rootcoz.trackers.http import Limits
from rootcoz.trackers.jira_issues import JiraIssues

LIMITS = Limits(attempt_s=1.0, total_s=2.0, tries=1, first_pause_s=0.01, reply_bytes=100_000)
TARGET = FailureTarget("a.one")
DRAFT = NewIssue("It fails", "## Why\n\nNobody knows.")
ALICE = Author("alice", proven=True)
SILENCE = Answer({}, delay_s=3)


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    server = GitHubStandIn()
    with tracker_server(server):
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        database = await Database.open(tmp_path)
        yield database
        await database.close()
        return
    postgres: PostgresServer = request.getfixturevalue("postgres")
    with postgres.database() as name:
        database = await Database.open(tmp_path, postgres.url(name))
        yield database
        await database.close()


@pytest.fixture
async def job_id(database: Database, tmp_path: Path) -> str:
    parts = parts_with(database, tmp_path / "workspaces", ScriptedProvider(bug))
    job_id = await accepted_build(parts)
    await analyse(job_id, parts, step)
    return job_id


def filer(server: GitHubStandIn, *, settles_s: float = 0.0) -> IssueFiler:
    return GitHubIssues(GitHubConnection(server.url, "shop/ui-tests", "token"), LIMITS, settles_s=settles_s)


async def file(issues: Issues, job_id: str, *filers: IssueFiler) -> Filing:
    return await issues.file(job_id, TARGET, DRAFT, filers, ALICE)


async def told(database: Database) -> list[str]:
    async with database.read() as connection:
        return list(await connection.scalars(select(comments.c.comment)))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the other side is a thread
            await asyncio.sleep(0.01)


async def die_while_filing(database: Database, job_id: str, server: GitHubStandIn) -> None:
    """What a process leaves behind that is killed while it waits for the tracker."""
    task = asyncio.create_task(file(Issues(database), job_id, filer(server)))
    await until(lambda: bool(server.attempts))
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes are taken for dead sooner."""
    monkeypatch.setattr(issues_module, "DEAD_AFTER_S", 0.5)
    monkeypatch.setattr(issues_module, "BEAT_S", 0.1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("filed", [True, False])
async def test_after_a_death_the_next_one_looks_before_it_files(
    database: Database, job_id: str, github: GitHubStandIn, *, filed: bool
) -> None:
    github.faults = [Fault(SILENCE, files=filed)]
    await die_while_filing(database, job_id, github)
    filing = await file(Issues(database), job_id, filer(github))

    assert filing.issue.number == 1
    assert len(github.issues) == 1
    assert await told(database) == [f"GitHub issue [#1]: [It fails]({filing.issue.url})"]


@pytest.mark.parametrize("filed", [True, False])
async def test_after_a_time_out_it_is_looked_for_at_once(
    database: Database, job_id: str, github: GitHubStandIn, *, filed: bool
) -> None:
    github.faults = [Fault(SILENCE, files=filed)]
    issues = Issues(database)
    if filed:
        await file(issues, job_id, filer(github))
    else:
        with pytest.raises(OutcomeUnknown, match="Send the same request again") as caught:
            await file(issues, job_id, filer(github))
        assert caught.value.timed_out
    await file(issues, job_id, filer(github))

    assert len(github.issues) == 1
    assert len(await told(database)) == 1


async def test_what_the_tracker_shows_late_is_waited_for(
    database: Database, job_id: str, github: GitHubStandIn
) -> None:
    github.faults = [Fault(Answer({}, status=500), files=True)]
    github.hidden_looks = 1
    filing = await file(Issues(database), job_id, filer(github, settles_s=3.0))

    assert filing.issue.number == 1
    assert len(github.attempts) == 1


async def test_nothing_is_filed_while_it_cannot_be_looked_for(
    database: Database, job_id: str, github: GitHubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.faults = [Fault(Answer({}, status=500), files=False)]
    issues = Issues(database)
    with pytest.raises(OutcomeUnknown):
        await file(issues, job_id, filer(github))
    look = GitHubStandIn.seen

    def broken(_server: GitHubStandIn) -> list[dict[str, object]]:
        raise ConnectionError("the list is out of order")

    monkeypatch.setattr(GitHubStandIn, "seen", broken)
    with pytest.raises(Unavailable):
        await file(issues, job_id, filer(github))
    attempts = len(github.attempts)
    monkeypatch.setattr(GitHubStandIn, "seen", look)
    await file(issues, job_id, filer(github))

    assert attempts == 1
    assert len(github.issues) == 1


async def test_two_processes_at_the_same_time_file_one_issue(
    database: Database, job_id: str, github: GitHubStandIn
) -> None:
    if not database.is_shared:
        pytest.skip("one process works on a data directory")
    github.faults = [Fault(None, files=True)]
    filings = await asyncio.gather(*(file(Issues(database), job_id, filer(github)) for _ in range(4)))

    assert len({filing.comment_id for filing in filings}) == 1
    assert len(github.attempts) == 1
    assert len(await told(database)) == 1


@pytest.mark.usefixtures("impatient")
async def test_a_process_that_is_slow_and_alive_is_not_taken_for_dead(
    database: Database, job_id: str, github: GitHubStandIn
) -> None:
    if not database.is_shared:
        pytest.skip("one process works on a data directory")
    patient = GitHubIssues(
        GitHubConnection(github.url, "shop/ui-tests", "token"), replace(LIMITS, attempt_s=5.0, total_s=5.0)
    )
    issue = {"number": 1, "title": "It fails", "body": "", "html_url": "https://github.test/1"}
    github.faults = [Fault(Answer(issue, status=201, delay_s=2), files=True)]
    first = asyncio.create_task(file(Issues(database), job_id, patient))
    await until(lambda: bool(github.attempts))
    second = await file(Issues(database), job_id, patient)

    assert second == await first
    assert len(github.requests) == 1


async def test_what_is_filed_while_the_database_is_away_gets_its_comment_later(
    database: Database, job_id: str, github: GitHubStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    issues = Issues(database)

    async def fail(*_args: object, **_named: object) -> int:
        raise StoreUnavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(review, "add_comment", fail)
        first = await file(issues, job_id, filer(github))
    second = await file(issues, job_id, filer(github))

    assert first.comment_id == 0
    assert second.comment_id > 0
    assert second.issue == first.issue
    assert len(await told(database)) == len(github.attempts) == 1


async def test_an_issue_of_an_analysis_that_is_deleted_meanwhile_has_no_comment(
    database: Database, job_id: str, github: GitHubStandIn
) -> None:
    issue = {"number": 7, "title": "It fails", "body": "", "html_url": "https://github.test/7"}
    github.faults = [Fault(Answer(issue, status=201, delay_s=0.4), files=True)]
    filing = asyncio.create_task(file(Issues(database), job_id, filer(github)))
    await until(lambda: bool(github.attempts))
    async with database.write() as connection:
        await connection.execute(delete(analyses).where(analyses.c.job_id == job_id))

    assert (await filing).comment_id == 0


async def test_a_row_tells_what_was_filed_and_for_which_signature(
    database: Database, job_id: str, github: GitHubStandIn
) -> None:
    filing = await file(Issues(database), job_id, filer(github))
    async with database.read() as connection:
        row = (await connection.execute(select(tracker_items))).one()

    assert (row.state, row.tracker, row.key, row.url) == ("filed", "github", "#1", filing.issue.url)
    assert row.place == f"{github.url} shop/ui-tests"
    assert len(row.error_signature) == 64
    assert row.comment_id == filing.comment_id
    assert row.username == "alice"


async def test_a_refused_credential_leaves_no_row(
    database: Database, job_id: str, github: GitHubStandIn
) -> None:
    github.accepts = lambda _authorization: False
    with pytest.raises(Exception, match="did not accept the credential"):
        await file(Issues(database), job_id, filer(github))
    async with database.read() as connection:
        rows = (await connection.execute(select(tracker_items))).all()

    assert rows == []


async def test_a_cloud_issue_without_an_answer_is_found_by_its_marker(
    database: Database, job_id: str
) -> None:
    with tracker_server(JiraStandIn(cloud=True)) as server:
        assert isinstance(server, JiraStandIn)
        server.faults = [Fault(Answer(reset=True), files=True)]
        connection = JiraConnection(server.url, CloudLogin("a@example.com", "token"), "SHOP")
        filing = await file(Issues(database), job_id, JiraIssues(connection, LIMITS, settles_s=0.0))
        description = server.issues[0]["fields"]["description"]

    assert filing.issue.key == "SHOP-1"
    assert [block["type"] for block in description["content"]] == [
        "heading",
        "paragraph",
        "rule",
        "paragraph",
    ]
    assert len(server.attempts) == 1


async def test_a_row_of_a_zombie_is_completed_once(
    database: Database, job_id: str, github: GitHubStandIn
) -> None:
    """Its place was taken while it was frozen; both find the issue filed."""
    issue = {"number": 1, "title": "It fails", "body": "", "html_url": "https://github.test/1"}
    github.faults = [Fault(Answer(issue, status=201, delay_s=0.4), files=True)]
    zombie = asyncio.create_task(file(Issues(database), job_id, filer(github)))
    await until(lambda: bool(github.issues))
    async with database.write() as connection:
        await connection.execute(update(tracker_items).values(state="unclear"))
    other = await file(Issues(database), job_id, filer(github))

    assert (await zombie).comment_id == other.comment_id
    assert len(await told(database)) == 1
