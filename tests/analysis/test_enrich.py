"""Looking for the same problem in the trackers."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.tracker_server import Answer as Sent
from tests.support.tracker_server import TrackerServer, tracker_server

from rootcoz.analysis.enrich import (
    AT_ONCE,
    JUDGED_AT_ONCE,
    MAX_FINDINGS,
    MAX_SEARCHES,
    MAX_TROUBLES,
    Desk,
    KnownIssues,
    look_up,
    plan_searches,
    rank,
)
from rootcoz.domain.errors import BudgetSpent, OutsideError, RateLimited, Refused, Unavailable
from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.domain.finding import (
    Answer,
    Classification,
    CodeFix,
    Finding,
    NoVerdict,
    NoVerdictReason,
    ProductBugReport,
    Severity,
)
from rootcoz.domain.issue import MatchedIssue, Relevance, TrackerIssue
from rootcoz.trackers.base import IssueQuery, IssueSearch
from rootcoz.trackers.connection import JiraAccess, jira_connection
from rootcoz.trackers.http import Limits
from rootcoz.trackers.registry import issue_search

GATEWAY = TrackerIssue(
    "SHOP-1",
    "Checkout answers 502 Bad Gateway",
    "Open",
    "https://j.example/browse/SHOP-1",
    "High",
    "2026-03-01",
)
COLOUR = TrackerIssue("SHOP-2", "Button has the wrong colour", "Open", "https://j.example/browse/SHOP-2")


def group(number: int, *, error: str = "HTTPError: 502 Bad Gateway", members: int = 1) -> FailureGroup:
    return FailureGroup(
        number,
        ErrorSignature(f"{number:064x}", 1),
        Failure(f"shop.TestCheckout.test_{number}", error),
        tuple(range(members)),
    )


def product_bug(*keywords: str, title: str = "Checkout: 502 Bad Gateway") -> Finding:
    report = ProductBugReport(title, Severity.HIGH, "checkout", "It broke.", "", keywords)
    return Finding(Classification.PRODUCT_BUG, 0.8, "", product_bug_report=report)


def code_issue(*keywords: str) -> Finding:
    fix = CodeFix("test_login.py", "3", "Use the new selector", tests_repo_search_keywords=keywords)
    return Finding(Classification.CODE_ISSUE, 0.8, "", code_fix=fix)


@dataclass
class Tracker:
    """A tracker in this process: finds the same issues always, or fails as told."""

    issues: list[TrackerIssue] = field(default_factory=lambda: [GATEWAY, COLOUR])
    failing: Callable[[int], OutsideError | None] = lambda _: None
    name: str = "Jira"
    queries: list[IssueQuery] = field(default_factory=list)
    busy: int = 0
    busiest: int = 0

    async def search(self, query: IssueQuery) -> list[TrackerIssue]:
        self.queries.append(query)
        number = len(self.queries)
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        await asyncio.sleep(0.001)
        self.busy -= 1
        if error := self.failing(number):
            raise error
        return self.issues


def desk(tracker: IssueSearch, matches: int = 5) -> Desk:
    return Desk(tracker, Classification.PRODUCT_BUG, matches=matches, candidates=20)


def many(count: int) -> tuple[list[FailureGroup], dict[int, Answer]]:
    """Groups without words of their own in the error, so that each has one search."""
    groups = [group(number, error="") for number in range(1, count + 1)]
    return groups, {each.number: product_bug(f"keyword{'x' * each.number}") for each in groups}


async def run(
    tracker: IssueSearch, groups: Sequence[FailureGroup], answers: Mapping[int, Answer]
) -> KnownIssues:
    return await look_up(desk(tracker), groups, answers)


# --- what is looked for --------------------------------------------------------------------------


def test_a_finding_is_looked_for_by_keywords_and_by_the_error_s_own_words() -> None:
    one = group(1, error="java.net.ConnectTimeout: gateway did not answer in 30s (id 7f3)")
    searches = plan_searches([(one, product_bug("Payment  Gateway", "502"))], limit=20)

    assert [search.query for search in searches] == [
        IssueQuery(("payment gateway",), (), 20),
        IssueQuery(("ConnectTimeout",), ("gateway did not answer in",), 20),
    ]


def test_equal_searches_are_planned_once() -> None:
    findings = [
        (group(1, error=""), product_bug("gateway", "login")),
        (group(2, error=""), product_bug("Login", "GATEWAY ")),
        (group(3, error=""), product_bug("volume")),
    ]
    searches = plan_searches(findings, limit=20)

    assert [search.groups for search in searches] == [(1, 2), (3,)]


def test_the_biggest_groups_come_first_and_every_first_search_before_a_second() -> None:
    findings = [
        (group(1, error="FooError: x"), product_bug("foo")),
        (group(2, error="BarError: x", members=9), product_bug("bar")),
    ]
    searches = plan_searches(findings, limit=20)

    assert [search.query.title_terms for search in searches] == [
        ("bar",),
        ("foo",),
        ("BarError",),
        ("FooError",),
    ]


def test_what_says_nothing_is_not_searched_for() -> None:
    findings = [(group(1, error="AssertionError: 3 != 4"), product_bug("the", "error", "12"))]

    assert plan_searches(findings, limit=20) == ()


def test_the_keywords_of_a_code_issue_are_those_for_the_tests_repository() -> None:
    searches = plan_searches([(group(1, error=""), code_issue("selector"))], limit=10)

    assert searches[0].query == IssueQuery(("selector",), (), 10)


def test_secrets_are_removed_before_anything_is_looked_for() -> None:
    error = "LoginError: bob@shop.example was rejected with password=hunterhunter for some user"
    searches = plan_searches(
        [(group(1, error=error), product_bug("token=hUnterhunt3rhunter8", "login"))], limit=5
    )

    assert [search.query.title_terms for search in searches][-1] == ("LoginError",)
    assert not any(word in repr(searches).lower() for word in ("hunter", "bob", "secret:"))


@given(st.text(max_size=400), st.lists(st.text(max_size=40), max_size=6))
def test_planning_copes_with_any_text(error: str, keywords: list[str]) -> None:
    searches = plan_searches([(group(1, error=error), product_bug(*keywords))], limit=5)

    assert all(search.query.title_terms or search.query.phrases for search in searches)
    assert len(searches) <= 2


# --- what is found -------------------------------------------------------------------------------


async def test_what_is_alike_is_shown_with_score_status_and_link() -> None:
    known = await run(Tracker(), [group(1)], {1: product_bug("gateway")})
    (match,) = known.matches[1]

    assert match == MatchedIssue(
        "SHOP-1", GATEWAY.title, "Open", "https://j.example/browse/SHOP-1", "High", match.score
    )
    assert 0.5 <= match.score <= 1
    assert known.notes == ()


async def test_other_answers_are_not_looked_up() -> None:
    tracker = Tracker()
    answers: dict[int, Answer] = {
        1: code_issue("gateway"),
        2: Finding(Classification.INFRASTRUCTURE, 0.9, ""),
        3: NoVerdict(NoVerdictReason.TIMED_OUT, "Too late."),
    }
    known = await run(tracker, [group(number) for number in range(1, 5)], answers)

    assert known == KnownIssues({})
    assert tracker.queries == []


async def test_nothing_alike_is_an_empty_list() -> None:
    known = await run(Tracker([COLOUR]), [group(1)], {1: product_bug("gateway")})

    assert known == KnownIssues({1: []})


async def test_searches_run_side_by_side_within_bounds() -> None:
    tracker = Tracker()
    await run(tracker, *many(20))

    assert len(tracker.queries) == 20
    assert 2 <= tracker.busiest <= AT_ONCE


async def test_too_many_findings_are_not_all_looked_up_and_that_is_said() -> None:
    tracker = Tracker()
    known = await run(tracker, *many(MAX_SEARCHES + 2))

    assert len(tracker.queries) == MAX_SEARCHES
    assert known.notes == ("2 of 42 findings were not looked up in Jira.",)


async def test_only_the_biggest_of_very_many_findings_are_looked_up() -> None:
    tracker = Tracker()
    groups = [group(number, error="", members=number) for number in range(1, MAX_FINDINGS + 51)]
    known = await run(tracker, groups, {each.number: product_bug("gateway") for each in groups})

    assert len(tracker.queries) == 1
    assert sorted(known.matches) == list(range(51, MAX_FINDINGS + 51))
    assert known.notes == (f"50 of {len(groups)} findings were not looked up in Jira.",)


def test_the_best_is_first_then_the_newest_and_no_more_than_wanted() -> None:
    issues = [
        TrackerIssue(key, key, "Open", "", updated_at=updated)
        for key, updated in [
            ("A", "2026-01-01"),
            ("B", "2026-02-01"),
            ("C", "2026-01-01"),
            ("D", ""),
            ("E", ""),
        ]
    ]
    scores = {"A": 0.5, "B": 0.5, "C": 7.0, "D": 0.0}
    ranked = rank(issues, {key: Relevance(score) for key, score in scores.items()}, most=2)

    assert [(match.key, match.score) for match in ranked] == [("C", 1.0), ("B", 0.5)]


# --- judging -------------------------------------------------------------------------------------


async def test_a_judge_decides_and_what_it_leaves_out_is_not_shown() -> None:
    shown: list[list[str]] = []

    async def judge(_: FailureGroup, __: Finding, issues: Sequence[TrackerIssue]) -> Mapping[str, Relevance]:
        shown.append([issue.key for issue in issues])
        return {
            "SHOP-2": Relevance(0.7, "The colour."),
            "SHOP-1": Relevance(0.4),
            "INVENTED-1": Relevance(1.0),
        }

    known = await look_up(desk(Tracker()), [group(1)], {1: product_bug("gateway")}, judge=judge)

    assert shown == [["SHOP-1", "SHOP-2"]]
    assert [(match.key, match.score, match.reason) for match in known.matches[1]] == [
        ("SHOP-2", 0.7, "The colour.")
    ]


async def test_a_judge_in_trouble_leaves_the_words_to_decide() -> None:
    async def judge(_: FailureGroup, __: Finding, ___: Sequence[TrackerIssue]) -> Mapping[str, Relevance]:
        raise Unavailable("The model is away.", source="provider x")

    known = await look_up(desk(Tracker()), [group(1)], {1: product_bug("gateway")}, judge=judge)

    assert [match.key for match in known.matches[1]] == ["SHOP-1"]
    assert known.notes == (
        "Issues were matched by their words alone where they could not be judged. The model is away.",
    )


@pytest.mark.parametrize("arrived", [[1, 2, 3], [3, 1, 2]])
async def test_a_judge_sees_equally_similar_issues_in_one_order(arrived: list[int]) -> None:
    seen: list[str] = []

    async def judge(_: FailureGroup, __: Finding, issues: Sequence[TrackerIssue]) -> Mapping[str, Relevance]:
        seen.extend(issue.key for issue in issues)
        return {}

    issues = [replace(GATEWAY, key=f"SHOP-{number}") for number in arrived]
    await look_up(desk(Tracker(issues)), [group(1)], {1: product_bug("gateway")}, judge=judge)

    assert seen == ["SHOP-1", "SHOP-2", "SHOP-3"]


async def test_nobody_is_asked_to_judge_nothing() -> None:
    async def judge(_: FailureGroup, __: Finding, ___: Sequence[TrackerIssue]) -> Mapping[str, Relevance]:
        raise AssertionError

    known = await look_up(desk(Tracker([])), [group(1)], {1: product_bug("gateway")}, judge=judge)

    assert known.matches == {1: []}


async def test_a_judge_in_lasting_trouble_is_left_alone() -> None:
    asked: list[int] = []

    async def judge(
        asked_for: FailureGroup, _: Finding, __: Sequence[TrackerIssue]
    ) -> Mapping[str, Relevance]:
        asked.append(asked_for.number)
        await asyncio.sleep(0.001)
        raise Unavailable("The model is away.", source="provider x")

    groups, answers = many(20)
    known = await look_up(desk(Tracker()), groups, answers, judge=judge)

    assert len(asked) == JUDGED_AT_ONCE
    assert len(known.matches) == 20
    assert len(known.notes) == 1


async def test_a_spent_budget_leaves_the_words_to_decide() -> None:
    async def judge(_: FailureGroup, __: Finding, ___: Sequence[TrackerIssue]) -> Mapping[str, Relevance]:
        raise BudgetSpent("The budget of $2.00 for this analysis is spent.")

    known = await look_up(desk(Tracker()), [group(1)], {1: product_bug("gateway")}, judge=judge)

    assert [match.key for match in known.matches[1]] == ["SHOP-1"]
    assert known.notes == (
        (
            "Issues were matched by their words alone where they could not be judged. "
            "The budget of $2.00 for this analysis is spent."
        ),
    )


# --- trouble -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        Refused("Jira did not accept the credential.", source="tracker jira"),
        Unavailable("Jira did not answer.", source="tracker jira"),
        RateLimited("Jira turned us away.", source="tracker jira", retry_after_s=60),
    ],
)
async def test_a_tracker_that_fails_at_once_is_asked_once(error: OutsideError) -> None:
    tracker = Tracker(failing=lambda _: error)
    known = await run(tracker, *many(10))

    assert len(tracker.queries) == 1
    assert known == KnownIssues(
        {}, (f"Jira could not be searched in full. {error}", "10 of 10 findings were not looked up in Jira.")
    )


async def test_one_refused_search_does_not_end_the_others() -> None:
    odd = Refused("Jira refused the search.", source="tracker jira")
    tracker = Tracker(failing=lambda number: odd if number == 3 else None)
    known = await run(tracker, *many(10))

    assert len(known.matches) == 9
    assert known.notes == (
        "Jira could not be searched in full. Jira refused the search.",
        "1 of 10 findings were not looked up in Jira.",
    )


async def test_a_tracker_in_lasting_trouble_is_left_alone() -> None:
    error = Unavailable("Jira did not answer.", source="tracker jira")
    tracker = Tracker(failing=lambda number: error if number > 2 else None)
    known = await run(tracker, *many(30))

    assert len(tracker.queries) <= 2 + MAX_TROUBLES + AT_ONCE
    assert len(known.matches) == 2


async def test_a_rate_limit_ends_the_searching() -> None:
    error = RateLimited("Jira turned us away.", source="tracker jira", retry_after_s=60)
    tracker = Tracker(failing=lambda number: error if number == 2 else None)
    known = await run(tracker, *many(30))

    assert len(tracker.queries) <= 2 + AT_ONCE
    assert known.notes[0] == "Jira could not be searched in full. Jira turned us away."


async def test_from_settings_to_matches_over_a_real_server() -> None:
    page = {
        "total": 1,
        "issues": [{"key": "SHOP-1", "fields": {"summary": GATEWAY.title, "status": {"name": "Open"}}}],
    }
    with tracker_server() as server:
        server.say(Sent(page))
        known = await run(_jira(server), [group(1)], {1: product_bug("gateway")})

    assert [(match.key, match.url) for match in known.matches[1]] == [
        ("SHOP-1", f"{server.url}/browse/SHOP-1")
    ]


def _jira(server: TrackerServer) -> IssueSearch:
    connection = jira_connection(JiraAccess(url=server.url, pat="made-up", project_key="SHOP"))
    assert connection is not None
    return issue_search(connection, Limits(attempt_s=5, total_s=10))
