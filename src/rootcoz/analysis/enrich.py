"""Looking for the same problem in the trackers: product bugs in Jira, code issues among the tests' GitHub issues.

`plan_searches` decides what is looked for, `rank` what of it is shown; both are pure. `look_up` asks the tracker in
between. A tracker's trouble never fails an analysis: it ends the looking and becomes a sentence for the user.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rootcoz.domain.errors import BudgetSpent, OutsideError, RateLimited
from rootcoz.domain.failure import FailureGroup
from rootcoz.domain.finding import Answer, Classification, Finding
from rootcoz.domain.issue import MatchedIssue, Relevance, TrackerIssue
from rootcoz.evidence.secret_rules import MARK
from rootcoz.evidence.secrets import redact
from rootcoz.evidence.similarity import RELEVANT, Subject, issue_score, words
from rootcoz.trackers.base import IssueQuery, IssueSearch

MAX_SEARCHES = 40
"""Of one analysis at one tracker: GitHub allows 30 a minute, and nobody waits for duplicates of the 41st finding."""
MAX_FINDINGS = 200
"""Of one analysis that are looked up, the biggest groups first: equal searches serve many."""
AT_ONCE = 4
TIME_LIMIT_S = 180.0
"""Seconds after which no further search is begun."""
MAX_TROUBLES = 3
"""Failed searches after which a tracker is left alone; the first one alone is enough when nothing worked before."""
JUDGED = 10
"""Issues of a finding that a judge is shown: those most alike in words."""
JUDGED_AT_ONCE = 3

MAX_FAILED_JUDGEMENTS = 3
"""After which nobody is asked any more; the first one alone is enough when nothing worked before."""
LIKELY = 0.5
"""An issue is shown when the judge holds it for at least as likely as not to be about the same problem."""

Judge = Callable[[FailureGroup, Finding, Sequence[TrackerIssue]], Awaitable[Mapping[str, Relevance]]]
"""Reads issues and says how surely each is about the finding, by key.

May raise OutsideError and BudgetSpent: then similarity of words decides.
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where findings of one classification are looked up."""

    search: IssueSearch
    classification: Classification
    matches: int
    """Shown of one finding, at most."""
    candidates: int
    """Asked for with each search."""


@dataclass(frozen=True, slots=True)
class Search:
    """One question to a tracker, and the groups that it is for."""

    query: IssueQuery
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KnownIssues:
    """What was found."""

    matches: dict[int, list[MatchedIssue]]
    """By group number, best first; an empty list where nothing fits, no entry where nobody could look."""
    notes: tuple[str, ...] = ()
    """Sentences for the user about what was not looked up."""


async def look_up(
    desk: Desk,
    groups: Sequence[FailureGroup],
    answers: Mapping[int, Answer],
    *,
    judge: Judge | None = None,
) -> KnownIssues:
    """Look for each finding of the desk's classification. Answers of other kinds are passed over."""
    wanted = {
        group.number: (group, answer)
        for group in sorted(groups, key=lambda group: (-len(group.members), group.number))
        if isinstance(answer := answers.get(group.number), Finding)
        and answer.classification is desk.classification
    }
    looked_up = list(wanted.values())[:MAX_FINDINGS]
    searches = await asyncio.to_thread(plan_searches, looked_up, limit=desk.candidates)
    results = await _Rounds(desk.search).run(searches[:MAX_SEARCHES])
    found: dict[int, dict[str, TrackerIssue]] = {}
    for search, issues in results.found.items():
        for number in search.groups:
            found.setdefault(number, {}).update((issue.key, issue) for issue in issues)
    ranking = _Ranking(desk.matches, judge)
    matches = await ranking.rank_all(
        [(*wanted[number], list(found[number].values())) for number in sorted(found)]
    )
    notes = [*results.notes(desk.search.name), *ranking.notes]
    planned = {number for search in searches for number in search.groups}
    if missed := len(planned - set(found)) + len(wanted) - len(looked_up):
        notes.append(f"{missed} of {len(wanted)} findings were not looked up in {desk.search.name}.")
    return KnownIssues(matches, tuple(notes))


# --- what is looked for --------------------------------------------------------------------------

_FIRST_LINES = 3
_MESSAGE_CHARS = 600
_MAX_KEYWORDS = 6
_PHRASE_WORDS = 6
_EXCEPTION = re.compile(
    r"\b(?:[A-Za-z_]\w*[.$:]+)*([A-Z]\w*(?:Error|Exception|Fault|Failure|Timeout|Expired))\b"
)
_PLAIN_RUN = re.compile(r"(?<![\w.:/\\@$%&=+-])[A-Za-z]{2,30}(?: [A-Za-z]{2,30})+(?![\w:/\\@$%=+-])")
_SAYS_NOTHING = frozenset(
    {"AssertionError", "AssertionFailedError", "RuntimeException", "RuntimeError", "Exception"}
)


def plan_searches(findings: Iterable[tuple[FailureGroup, Finding]], *, limit: int) -> tuple[Search, ...]:
    """The searches in the order in which they are worth it: equal ones once, the biggest groups first.

    Each finding is looked for by its answer's keywords and by the error's own words; the second searches come when
    every finding has had its first.
    """
    biggest_first = sorted(findings, key=lambda item: (-len(item[0].members), item[0].number))
    by_keywords: list[tuple[IssueQuery, int]] = []
    by_error: list[tuple[IssueQuery, int]] = []
    for group, finding in biggest_first:
        queries = [
            query
            for query in (_keyword_query(finding, limit), _error_query(group, limit))
            if query.title_terms or query.phrases
        ]
        for place, query in zip((by_keywords, by_error), queries, strict=False):
            place.append((query, group.number))
    groups: dict[IssueQuery, list[int]] = {}
    for query, number in (*by_keywords, *by_error):
        groups.setdefault(query, []).append(number)
    return tuple(Search(query, tuple(numbers)) for query, numbers in groups.items())


def _keyword_query(finding: Finding, limit: int) -> IssueQuery:
    keywords: Iterable[str] = ()
    if finding.product_bug_report is not None:
        keywords = finding.product_bug_report.jira_search_keywords
    elif finding.code_fix is not None:
        keywords = finding.code_fix.tests_repo_search_keywords
    # In one spelling and order, so that two findings with the same keywords make one search.
    terms = {" ".join(_clean(keyword).lower().split()) for keyword in keywords}
    return IssueQuery(tuple(sorted(term for term in terms if words(term))[:_MAX_KEYWORDS]), limit=limit)


def _error_query(group: FailureGroup, limit: int) -> IssueQuery:
    error = _error_text(group)
    exception = _EXCEPTION.search(error)
    terms = (exception[1],) if exception and exception[1] not in _SAYS_NOTHING else ()
    runs = [run for run in _PLAIN_RUN.findall(error) if len(words(run)) > 1]
    best = max(runs, key=lambda run: len(words(run)), default="")
    phrases = (" ".join(best.split()[:_PHRASE_WORDS]),) if best else ()
    return IssueQuery(terms, phrases, limit)


def _error_text(group: FailureGroup) -> str:
    """The first lines of the error that say something; of the trace when there is no message."""
    failure = group.representative
    text = failure.error_message if failure.error_message.strip() else failure.stack_trace
    lines = [line.strip() for line in _clean(text[: 10 * _MESSAGE_CHARS]).splitlines() if line.strip()]
    return "\n".join(lines[:_FIRST_LINES])[:_MESSAGE_CHARS]


_REMOVED = re.compile(re.escape(MARK) + r"[^\]]*\]")


def _clean(text: str) -> str:
    """Without secrets and e-mail addresses, and without a word about where they were."""
    return _REMOVED.sub(" ", redact(text, emails=True).text)


def _subject(group: FailureGroup, finding: Finding) -> Subject:
    report, fix = finding.product_bug_report, finding.code_fix
    if report is not None:
        title = report.title
    else:
        title = " ".join((group.representative.test_name.rpartition(".")[2], fix.change if fix else ""))
    return Subject(_clean(title[:_MESSAGE_CHARS]), _error_text(group))


# --- asking the tracker --------------------------------------------------------------------------


@dataclass(slots=True)
class _Rounds:
    """The searches of one analysis at one tracker."""

    tracker: IssueSearch
    found: dict[Search, list[TrackerIssue]] = field(default_factory=dict)
    troubles: list[OutsideError] = field(default_factory=list)

    async def run(self, searches: Sequence[Search]) -> "_Rounds":
        """Search until all is found, the time is up or the tracker is in trouble.

        The first search goes alone: what is wrong with an address or a credential shows at once, and a wrong
        password sent four times at once may lock an account.
        """
        ends = time.monotonic() + TIME_LIMIT_S
        waiting = iter(searches)

        async def work(most: int | None = None) -> None:
            for done, search in enumerate(waiting, start=1):
                if time.monotonic() > ends or self._is_given_up():
                    return
                await self._search(search)
                if done == most:
                    return

        await work(most=1)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(work())
        return self

    async def _search(self, search: Search) -> None:
        try:
            self.found[search] = await self.tracker.search(search.query)
        except OutsideError as error:
            self.troubles.append(error)

    def _is_given_up(self) -> bool:
        enough = MAX_TROUBLES if self.found else 1
        return len(self.troubles) >= enough or any(isinstance(error, RateLimited) for error in self.troubles)

    def notes(self, name: str) -> list[str]:
        """What went wrong, each thing once."""
        return [
            f"{name} could not be searched in full. {said}" for said in dict.fromkeys(map(str, self.troubles))
        ]


# --- what is shown -------------------------------------------------------------------------------


def rank(
    issues: Iterable[TrackerIssue], relevance: Mapping[str, Relevance], *, most: int
) -> list[MatchedIssue]:
    """The issues with a score above 0, best first; of equal ones the more recently updated, then by key."""
    scored = [(min(1.0, relevance[issue.key].score), issue) for issue in issues if issue.key in relevance]
    by_key = sorted((item for item in scored if item[0] > 0), key=lambda item: item[1].key)
    newest_first = sorted(by_key, key=lambda item: item[1].updated_at, reverse=True)
    best_first = sorted(newest_first, key=lambda item: item[0], reverse=True)
    return [
        MatchedIssue(
            issue.key,
            issue.title,
            issue.status,
            issue.url,
            issue.priority,
            score,
            relevance[issue.key].reason,
        )
        for score, issue in best_first[:most]
    ]


def similar_scores(subject: Subject, issues: Iterable[TrackerIssue]) -> dict[str, float]:
    """How alike each issue is in words, by key."""
    return {issue.key: issue_score(subject, issue) for issue in issues}


class _Ranking:
    """From what was found to what is shown."""

    def __init__(self, most: int, judge: Judge | None) -> None:
        self._most = most
        self._judge = judge
        self._judged = 0
        self._failed = 0
        self._gate = asyncio.Semaphore(JUDGED_AT_ONCE)
        self._troubles: list[str] = []

    @property
    def notes(self) -> list[str]:
        """What went wrong with judging, each thing once."""
        return [
            f"Issues were matched by their words alone where they could not be judged. {said}"
            for said in dict.fromkeys(self._troubles)
        ]

    async def rank_all(
        self, found: Sequence[tuple[FailureGroup, Finding, list[TrackerIssue]]]
    ) -> dict[int, list[MatchedIssue]]:
        async with asyncio.TaskGroup() as tasks:
            ranked = {
                group.number: tasks.create_task(self._rank(group, finding, issues))
                for group, finding, issues in found
            }
        return {number: task.result() for number, task in ranked.items()}

    async def _rank(
        self, group: FailureGroup, finding: Finding, issues: list[TrackerIssue]
    ) -> list[MatchedIssue]:
        async with self._gate:
            return rank(issues, await self._relevance(group, finding, issues), most=self._most)

    async def _relevance(
        self, group: FailureGroup, finding: Finding, issues: list[TrackerIssue]
    ) -> Mapping[str, Relevance]:
        alike = similar_scores(_subject(group, finding), issues)
        if self._judge is not None and issues and not self._is_given_up():
            # The same issues make the same question, in whichever order the searches have ended: it is paid once.
            nearest = sorted(issues, key=lambda issue: (-alike[issue.key], issue.key))[:JUDGED]
            try:
                judged = await self._judge(group, finding, nearest)
            except OutsideError as error:
                self._failed += 1
                self._troubles.append(str(error))
            except BudgetSpent as error:
                self._troubles.append(str(error))
            else:
                self._judged += 1
                return {key: one for key, one in judged.items() if one.score >= LIKELY}
        return {key: Relevance(score) for key, score in alike.items() if score >= RELEVANT}

    def _is_given_up(self) -> bool:
        """Whether asking again would only cost time and money: whoever judges is in lasting trouble."""
        return self._failed >= (MAX_FAILED_JUDGEMENTS if self._judged else 1)
