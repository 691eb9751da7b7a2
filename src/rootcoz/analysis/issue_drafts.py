"""Drafts of issues about one failure, for a person to read and change, and issues that may be about the same.

An AI writes the text where there is one that answers, else the program does; the draft says who wrote it, and why where
that is not whom one would expect. Nothing is filed here.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rootcoz.analysis.drafting import (
    PATIENCE_S,
    Choice,
    Queue,
    Writer,
    facts_without_secrets,
    without_secrets,
    writing_key,
    written,
)
from rootcoz.analysis.duplicates import IssueJudge
from rootcoz.analysis.enrich import Desk, look_up
from rootcoz.analysis.issue_case import IssueCase, load_case
from rootcoz.analysis.issue_text import (
    Author,
    Places,
    below,
    case_facts,
    checked_body,
    plain_body,
    plain_title,
)
from rootcoz.analysis.ledger import Ledger
from rootcoz.analysis.turns import Turns
from rootcoz.domain.analysis import StoredAnalysis
from rootcoz.domain.budget import Budgets
from rootcoz.domain.draft import DraftOrder, Tracker
from rootcoz.domain.errors import NotConfigured
from rootcoz.domain.finding import Classification, Finding, ProductBugReport, Severity
from rootcoz.domain.issue import MatchedIssue
from rootcoz.evidence.similarity import words
from rootcoz.kit.markdown import Markdown
from rootcoz.kit.markup import Markup, cleaned, write
from rootcoz.kit.wiki_text import WikiText
from rootcoz.prompts.draft import Written, issue_draft_prompt
from rootcoz.store.engine import Database

SIMILAR = 5
"""Issues that are shown beside a draft, at most."""
SEARCH_S = PATIENCE_S + 30.0
"""Seconds that similar issues are waited for, judging included."""
_TITLE_WORDS = 6
_FEWEST_LETTERS = 3


_MARKUPS: dict[Tracker, Markup] = {Tracker.GITHUB: Markdown(), Tracker.JIRA: WikiText()}
_CALL_TYPES = {Tracker.GITHUB: "github_preview", Tracker.JIRA: "jira_preview"}
_JUDGING_CALLS = {Tracker.GITHUB: "tests_repo_filter", Tracker.JIRA: "jira_filter"}
"""What the ledger calls the questions."""

MakeDesk = Callable[[StoredAnalysis], Desk | None]
"""Where similar issues of an analysis are looked for; None: nowhere. Raises NotConfigured."""


@dataclass(frozen=True, slots=True)
class IssueDraft:
    """A draft, in the tracker's markup."""

    title: str
    body: str
    author: Author
    similar: Sequence[MatchedIssue]
    """Best first."""
    notes: tuple[str, ...]
    """Sentences about what was not done, and why."""


@dataclass(frozen=True, slots=True)
class DraftParts:
    """What the drafts are made with."""

    database: Database
    choice: Choice
    server_gate: asyncio.Semaphore
    """Bounds the questions of the whole server."""
    budgets: Budgets
    public_base_url: str
    """Empty when the server does not know its address."""


class IssueDrafts:
    """Makes the drafts."""

    def __init__(self, parts: DraftParts) -> None:
        self._parts = parts
        self._queue = Queue()

    async def draft(self, job_id: str, order: DraftOrder, make_desk: MakeDesk) -> IssueDraft:
        """The draft for one failure of the analysis. Raises as `load_case`."""
        case = await load_case(self._parts.database, job_id, order.target)
        options = case.analysis.options
        writer = self._parts.choice.writer(
            order.provider, order.model, otherwise=(options.provider, options.model)
        )
        gate = asyncio.Semaphore(options.max_concurrent_questions)
        try:
            async with asyncio.TaskGroup() as tasks:
                text = tasks.create_task(self._written(case, order, writer, gate))
                found = tasks.create_task(self._similar(case, order.tracker, make_desk, writer, gate))
        except BaseExceptionGroup as group:
            raise _first(group) from group
        said, (similar, notes) = text.result(), found.result()
        if isinstance(said, str):
            notes = (said, *notes)
        author = Author() if isinstance(said, str) else _author(writer)
        title, body = await asyncio.to_thread(
            _composed, case, said, _places(self._parts.public_base_url, case, order), author, order.tracker
        )
        return IssueDraft(title, body, author, similar, notes)

    async def _written(
        self, case: IssueCase, order: DraftOrder, writer: Writer | str, gate: asyncio.Semaphore
    ) -> Written | str:
        if isinstance(writer, str):
            return writer
        facts = facts_without_secrets(case_facts(case))
        prompt = issue_draft_prompt(order.tracker, facts, wishes=without_secrets(order.wishes))
        question = self._parts.choice.question(writer, prompt, "issue_draft")
        call_type = _CALL_TYPES[order.tracker]
        turn = self._queue.turn(f"{case.analysis.id} {writing_key(writer, question, call_type)}")
        async with turn:
            turns = await self._turns(case, gate)
            return await written(turns.ask, writer, question, call_type)

    async def _turns(self, case: IssueCase, gate: asyncio.Semaphore) -> Turns:
        ledger = await Ledger.open(self._parts.database, case.analysis.id, self._parts.budgets)
        return Turns(ledger, gate, self._parts.server_gate)

    async def _similar(
        self,
        case: IssueCase,
        tracker: Tracker,
        make_desk: MakeDesk,
        writer: Writer | str,
        gate: asyncio.Semaphore,
    ) -> tuple[Sequence[MatchedIssue], tuple[str, ...]]:
        """Issues that may be about the same, judged by the writer where there is one. Trouble is a note."""
        try:
            desk = make_desk(case.analysis)
        except NotConfigured as error:
            return (), (str(error),)
        if desk is None:
            return (), ()
        finding = _searchable(case)
        judge = None
        if isinstance(writer, Writer):
            options = replace(
                case.analysis.options,
                provider=writer.provider.name,
                model=writer.model,
                question_timeout_s=min(self._parts.choice.timeout_s, PATIENCE_S),
            )
            turns = await self._turns(case, gate)
            judge = IssueJudge(writer.provider, options, turns, _JUDGING_CALLS[tracker])
        looking = look_up(
            replace(desk, classification=finding.classification, matches=SIMILAR),
            [case.group],
            {case.group.number: finding},
            judge=judge,
        )
        try:
            known = await asyncio.wait_for(looking, SEARCH_S)
        except TimeoutError:
            return (), (f"{tracker} did not tell of similar issues within {SEARCH_S:.0f} seconds.",)
        return known.matches.get(case.group.number, ()), known.notes


def _author(writer: Writer | str) -> Author:
    return Author(writer.provider.name, writer.model) if isinstance(writer, Writer) else Author()


def _places(base_url: str, case: IssueCase, order: DraftOrder) -> Places:
    if not order.with_links or not base_url:
        return Places()
    return Places(f"{base_url}/results/{case.analysis.job_id}", case.analysis.jenkins_url)


def _first(group: BaseExceptionGroup) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _composed(
    case: IssueCase, said: Written | str, places: Places, author: Author, tracker: Tracker
) -> tuple[str, str]:
    """Title and text: what an AI wrote, else what is put together, and what stands below either."""
    title = plain_title(case) if isinstance(said, str) else said.title
    body = plain_body(case) if isinstance(said, str) else checked_body(said.body, case)
    text = write(
        [cleaned(block, without_secrets) for block in body],
        [cleaned(block, without_secrets) for block in below(case, places, author)],
        _MARKUPS[tracker],
    )
    return without_secrets(title), text


def _searchable(case: IssueCase) -> Finding:
    """The answer as a finding that has words to search for: its own, else those of a title."""
    answer = case.answer
    finding = (
        answer
        if isinstance(answer, Finding)
        else Finding(Classification.PRODUCT_BUG, None, answer.details, evidence=answer.evidence)
    )
    report, fix = finding.product_bug_report, finding.code_fix
    if (report and report.jira_search_keywords) or (fix and fix.tests_repo_search_keywords):
        return finding
    title = plain_title(case)
    keywords = tuple(sorted(word for word in words(title) if len(word) >= _FEWEST_LETTERS)[:_TITLE_WORDS])
    made = report or ProductBugReport(title, Severity.MEDIUM, "", "", "")
    return replace(finding, product_bug_report=replace(made, jira_search_keywords=keywords))
