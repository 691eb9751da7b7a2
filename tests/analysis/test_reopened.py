"""Which of the linked issues are closed, asked at a real server."""

from collections.abc import Iterator

import pytest
from tests.support.tracker_server import Answer, Request, TrackerServer, tracker_server

from rootcoz.analysis import reopened
from rootcoz.analysis.reopened import MAX_ASKED, find_reopened
from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.domain.issue import LinkedBy, LinkedIssue
from rootcoz.trackers.connection import GitHubAccess
from rootcoz.trackers.http import Limits
from rootcoz.trackers.issue_states import GitHubIssueStates

QUICK = Limits(attempt_s=0.5, total_s=1.0, tries=1, first_pause_s=0.01, longest_pause_s=0.1)


class GitHub(TrackerServer):
    """Its issues with odd numbers are closed; those from 100 on answer with trouble."""

    def take(self, request: Request) -> Answer:
        super().take(request)
        number = int(request.target.rpartition("/")[2])
        if number >= 100:
            return Answer({"message": "Sorry."}, status=500)
        return Answer({"title": f"Issue {number}", "state": "closed" if number % 2 else "open"})


@pytest.fixture
def github() -> Iterator[GitHub]:
    server = GitHub()
    with tracker_server(server):
        yield server


def states(github: GitHub) -> list[GitHubIssueStates]:
    return [GitHubIssueStates(GitHubAccess(github.url, "token"), limits=QUICK)]


def group(number: int, size: int = 1) -> FailureGroup:
    signature = ErrorSignature(f"{number:064x}", 2)
    return FailureGroup(number, signature, Failure("t"), tuple(range(size)))


def link(github: GitHub, number: int, linked_by: LinkedBy = LinkedBy.FILED) -> LinkedIssue:
    return LinkedIssue(f"{github.url}/shop/ui-tests/issues/{number}", linked_by, "job-1")


async def test_closed_issues_are_told_with_their_group_and_open_ones_are_not(github: GitHub) -> None:
    links = {1: [link(github, 2), link(github, 3)], 2: [link(github, 4)]}
    found = await find_reopened([group(1), group(2)], links, states(github))

    assert {number: [one.key for one in issues] for number, issues in found.issues.items()} == {
        1: ["shop/ui-tests#3"]
    }
    assert found.notes == ()


async def test_only_a_comment_s_issue_is_told_without_its_title(github: GitHub) -> None:
    links = {1: [link(github, 1, how) for how in (LinkedBy.FILED,)], 2: [link(github, 3, LinkedBy.COMMENT)]}
    found = await find_reopened([group(1), group(2)], links, states(github))

    assert [found.issues[number][0].title for number in (1, 2)] == ["Issue 1", ""]


async def test_an_issue_of_many_groups_is_asked_about_once(github: GitHub) -> None:
    links = {number: [link(github, 1)] for number in (1, 2, 3)}
    found = await find_reopened([group(1), group(2), group(3)], links, states(github))

    assert (set(found.issues), len(github.requests)) == ({1, 2, 3}, 1)


async def test_the_biggest_groups_come_first_and_what_is_left_out_is_told(github: GitHub) -> None:
    groups = [*(group(number) for number in range(1, MAX_ASKED + 2)), group(99, size=5)]
    links = {one.number: [link(github, one.number)] for one in groups}
    found = await find_reopened(groups, links, states(github))

    assert len(github.requests) == MAX_ASKED
    assert 99 in found.issues
    assert found.notes == ("2 linked issues were not looked at.",)


async def test_trouble_with_one_issue_leaves_the_others_and_is_told(github: GitHub) -> None:
    links = {1: [link(github, 1), link(github, 100)]}
    found = await find_reopened([group(1)], links, states(github))

    assert [one.key for one in found.issues[1]] == ["shop/ui-tests#1"]
    assert found.notes[0].startswith("Whether 1 linked issue is closed is not known. GitHub has trouble")


async def test_what_takes_too_long_is_told(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reopened, "TIME_LIMIT_S", 0.0)
    found = await find_reopened([group(1)], {1: [link(github, 1)]}, states(github))

    assert found.issues == {}
    assert found.notes == ("Whether 1 linked issue is closed is not known. It took too long.",)


async def test_issues_of_trackers_that_nobody_connected_are_left_alone(github: GitHub) -> None:
    links = {1: [LinkedIssue("https://elsewhere.example.com/browse/A-1", LinkedBy.FILED, "job-1")]}
    found = await find_reopened([group(1)], links, states(github))

    assert (found.issues, found.notes, github.requests) == ({}, (), [])
