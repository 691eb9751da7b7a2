"""What users say of rootcoz itself, as an issue of its own repository: drafted, read by the user, then filed.

Secrets and e-mail addresses are taken out of all that comes in, of what an AI makes of it, and of what is filed.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol

from rootcoz.analysis.drafting import (
    Choice,
    Queue,
    Writer,
    facts_without_secrets,
    without_secrets,
    writing_key,
    written,
)
from rootcoz.analysis.issue_text import Author, attribution
from rootcoz.analysis.ledger import Ledger
from rootcoz.analysis.turns import Turns
from rootcoz.domain.budget import Budgets
from rootcoz.domain.draft import FailedCall, Feedback
from rootcoz.domain.errors import CredentialRefused, NotOffered, OutcomeUnknown, Refused
from rootcoz.domain.issue import FiledIssue, NewIssue
from rootcoz.kit.clock import utc_text
from rootcoz.kit.markdown import Markdown
from rootcoz.kit.markup import (
    Block,
    CodeBlock,
    Heading,
    Line,
    Paragraph,
    Span,
    Style,
    cleaned,
    one_line,
    plain_text,
    read_markup,
    say,
    write,
)
from rootcoz.prompts.draft import BUG, ENHANCEMENT, LABELS, Written, feedback_prompt, short_title
from rootcoz.store.engine import Database

CALL_TYPE = "feedback"
BODY_LIMIT = 50_000
"""Characters of a body that can be filed."""
SAME_S = 600.0
"""Seconds within which the same text is the same issue: a double click, a retry after a time-out."""
_REMEMBERED = 100
_ERRORS_SHOWN = 20
_ERROR_CHARS = 500
_MARKDOWN = Markdown(BODY_LIMIT - 1_000)


@dataclass(frozen=True, slots=True)
class FeedbackDraft:
    """An issue for the user to read and change."""

    title: str
    body: str
    """Markdown."""
    labels: tuple[str, ...]
    notes: tuple[str, ...]
    """Sentences about what was not done, and why."""


class Filing(Protocol):
    """Files issues in one repository: `trackers.github.GitHubIssues`."""

    async def create_issue(self, issue: NewIssue) -> FiledIssue:
        """File it. Raises OutcomeUnknown when it may have been filed, and OutsideError when it was not."""
        ...

    async def find_filed(self, issue: NewIssue, since: str) -> FiledIssue | None:
        """The issue with its marker, if it has been filed since then. Raises OutsideError."""
        ...


@dataclass(frozen=True, slots=True)
class FeedbackParts:
    """What feedback is handled with."""

    database: Database
    choice: Choice
    server_gate: asyncio.Semaphore
    budgets: Budgets
    filing: Callable[[], Filing]
    """The repository. Raises NotOffered when the server is not set up for it."""


@dataclass(slots=True)
class FeedbackDesk:
    """Takes the feedback."""

    parts: FeedbackParts
    _queue: Queue = field(default_factory=Queue)
    _filed: OrderedDict[str, tuple[float, FiledIssue]] = field(default_factory=OrderedDict)

    async def draft(self, feedback: Feedback) -> FeedbackDraft:
        """The issue as it could be filed. Raises NotOffered when the server has no AI or no repository to file it."""
        self.parts.filing()
        writer = self.parts.choice.writer()
        if isinstance(writer, str):
            raise NotOffered(f"Feedback needs an AI: set AI_PROVIDER and AI_MODEL. {writer}")
        said = await self._written(feedback, writer)
        notes: tuple[str, ...] = ()
        author = Author(writer.provider.name, writer.model)
        if isinstance(said, str):
            notes, author = (said,), Author()
            said = Written(_plain_title(feedback), feedback.description)
        label = said.label or (BUG if _tells_of_errors(feedback) else ENHANCEMENT)
        end = [*_below(feedback), Paragraph((attribution(author),))]
        return FeedbackDraft(
            title=without_secrets(said.title),
            body=await asyncio.to_thread(_body, read_markup(said.body), end),
            labels=(label,),
            notes=notes,
        )

    async def file(self, title: str, body: str, labels: Sequence[str]) -> FiledIssue:
        """File the issue; the same one again within SAME_S seconds is the one that is there.

        Raises NotOffered when the server has no repository to file it, and OutsideError.
        """
        filing = self.parts.filing()
        known = tuple(dict.fromkeys(label for label in labels if label in LABELS))
        title, body = short_title(without_secrets(one_line(title))), without_secrets(plain_text(body))
        digest = sha256("\n".join((title, *known, body)).encode("utf-8", "replace")).hexdigest()[:32]
        issue = NewIssue(title=title, body=body, labels=known, marker=f"rootcoz-feedback-{digest}")
        async with self._queue.turn(digest):
            filed = self._remembered(digest) or await _filed_once(filing, issue)
            self._filed[digest] = time.monotonic(), filed
            while len(self._filed) > _REMEMBERED:
                self._filed.popitem(last=False)
            return filed

    def _remembered(self, digest: str) -> FiledIssue | None:
        at, filed = self._filed.get(digest, (0.0, None))
        return filed if filed is not None and time.monotonic() - at < SAME_S else None

    async def _written(self, feedback: Feedback, writer: Writer) -> Written | str:
        prompt = feedback_prompt(facts_without_secrets(_facts(feedback)))
        question = self.parts.choice.question(writer, prompt, "feedback")
        key = writing_key(writer, question, CALL_TYPE)
        async with self._queue.turn(key):
            ledger = await Ledger.of_server(self.parts.database, key, self.parts.budgets)
            turns = Turns(ledger, asyncio.Semaphore(1), self.parts.server_gate)
            return await written(turns.ask, writer, question, CALL_TYPE)


async def _filed_once(filing: Filing, issue: NewIssue) -> FiledIssue:
    """File it unless it is there already: another process may have, or one that died before it could say so."""
    since = utc_text(datetime.now(UTC) - timedelta(seconds=SAME_S))
    try:
        there = await filing.find_filed(issue, since)
    except Refused:  # a token may be allowed to file issues and not to list them
        there = None
    if there is not None:
        return there
    try:
        return await filing.create_issue(issue)
    except CredentialRefused as error:  # the server's: no other of the caller's could help
        raise Refused(str(error), source=error.source) from error
    except OutcomeUnknown:
        there = await filing.find_filed(issue, since)
        if there is None:
            raise
        return there


# --- the text ------------------------------------------------------------------------------------


def _tells_of_errors(feedback: Feedback) -> bool:
    return feedback.kind.strip().lower() == BUG or bool(feedback.console_errors or feedback.failed_calls)


def _facts(feedback: Feedback) -> dict[str, object]:
    facts: dict[str, object] = {
        "description": feedback.description,
        "the_user_calls_it": feedback.kind,
        "console_errors": [text[:_ERROR_CHARS] for text in feedback.console_errors[:_ERRORS_SHOWN]],
        "failed_calls": [_told(call) for call in feedback.failed_calls[:_ERRORS_SHOWN]],
        "page": feedback.page_url,
        "active_filters": feedback.active_filters,
    }
    return {name: value for name, value in facts.items() if value}


def _told(call: FailedCall) -> str:
    return f"{call.status} {call.endpoint} {call.error[:_ERROR_CHARS]}".strip()


def _plain_title(feedback: Feedback) -> str:
    first = next((line for line in feedback.description.splitlines() if line.strip()), "")
    return short_title(one_line(first)) or "Feedback"


def _below(feedback: Feedback) -> Iterator[Block]:
    """What the browser told, in few characters enough to stand whole below any text."""
    page = [
        Line((Span(f"{name}: "), Span(one_line(value), Style.CODE)), bullet=1)
        for name, value in (
            ("Page", feedback.page_url),
            ("Filters", feedback.active_filters),
            ("Analysis", feedback.report_id),
            ("Browser", feedback.user_agent),
        )
        if value.strip()
    ]
    if page:
        yield Heading("Where")
        yield Paragraph(tuple(page))
    yield from _listed("Console errors", feedback.console_errors)
    yield from _listed("Failed calls", [_told(call) for call in feedback.failed_calls])


def _listed(title: str, entries: Sequence[str]) -> Iterator[Block]:
    texts = [entry.strip() for entry in entries if entry.strip()]
    if not texts:
        return
    yield Heading(title)
    shown = [text if len(text) <= _ERROR_CHARS else f"{text[:_ERROR_CHARS]}…" for text in texts]
    yield CodeBlock("\n".join(shown[:_ERRORS_SHOWN]))
    if len(texts) > _ERRORS_SHOWN:
        yield say(f"and {len(texts) - _ERRORS_SHOWN} more")


def _body(body: Sequence[Block], end: Sequence[Block]) -> str:
    return write(
        [cleaned(block, without_secrets) for block in body],
        [cleaned(block, without_secrets) for block in end],
        _MARKDOWN,
    )
