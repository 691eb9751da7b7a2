"""Writing the finding: what failed, where, why it is classified so, and what to do next."""

import re
from dataclasses import dataclass

from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import Classification, CodeFix, Evidence, Finding, ProductBugReport
from rootcoz.triage.rule import Weight
from rootcoz.triage.stack import Frame, FrameKind
from rootcoz.triage.weighing import Verdict, Vote

_MESSAGE_CHARS = 200
_TITLE_CHARS = 120
_MAX_QUOTES = 5
_MAX_REASONS = 3
_MIN_KEYWORDS, _MAX_KEYWORDS = 3, 5

_CALLED: dict[Classification, str] = {
    Classification.CODE_ISSUE: "a problem in the test's own code",
    Classification.PRODUCT_BUG: "a product bug",
    Classification.INFRASTRUCTURE: "a problem of the infrastructure",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What was read from a failure before anybody judged it."""

    failure: Failure
    affected_tests: tuple[str, ...]
    exception: str
    """Simple type of the root cause; empty when none is named."""
    message: str
    """Of the root cause, else the first line of the error message."""
    raised_at: Frame | None
    """Deepest call in the test's or the product's own code."""
    raised_kind: FrameKind | None
    raised_directly: bool
    """Whether `raised_at` raised it itself and no library below it."""
    test_frame: Frame | None
    """Deepest call in the test's own code."""
    product_frame: Frame | None
    headline: Evidence | None
    """The line that says what failed."""


def write_finding(verdict: Verdict, known: Known) -> Finding:
    """Put the verdict into words, with a code fix or a bug report where the classification calls for one."""
    classification = verdict.classification
    return Finding(
        classification=classification,
        confidence=verdict.confidence,
        details=_details(verdict, known),
        evidence=_evidence(verdict, known),
        code_fix=_code_fix(verdict, known) if classification is Classification.CODE_ISSUE else None,
        product_bug_report=_bug_report(verdict, known)
        if classification is Classification.PRODUCT_BUG
        else None,
        affected_tests=known.affected_tests,
        rules=tuple(vote.name for vote in verdict.votes),
    )


def no_finding_details(known: Known) -> str:
    """What is known all the same."""
    return "\n".join([_what_failed(known), *_where(known)])


def _details(verdict: Verdict, known: Known) -> str:
    # A hint beside a real reason would only dilute it.
    strong = [vote for vote in verdict.votes if vote.weight > Weight.HINT] or list(verdict.votes)
    reasons = "; and ".join(dict.fromkeys(vote.reason for vote in strong[:_MAX_REASONS]))
    return "\n".join(
        [
            _what_failed(known),
            *_where(known),
            f"This looks like {_CALLED[verdict.classification]}, because {reasons}.",
            f"Next: {verdict.votes[0].advice}",
        ]
    )


def _what_failed(known: Known) -> str:
    message = _short(known.message, _MESSAGE_CHARS)
    if known.exception and message:
        return f"What failed: {known.exception}: {message}"
    return (
        f"What failed: {known.exception or message or 'the report gives neither a message nor an exception.'}"
    )


def _where(known: Known) -> list[str]:
    frame = known.raised_at
    if frame is None:
        return []
    whose = "the test's own code" if known.raised_kind is FrameKind.TEST else "the product's code"
    return [f"Where: {_place(frame)}, in {whose}."]


def _place(frame: Frame) -> str:
    line = f":{frame.line}" if frame.line is not None else ""
    function = f" ({_short(frame.function, _TITLE_CHARS)})" if frame.function else ""
    return f"{frame.file or 'unknown file'}{line}{function}"


def _short(text: str, limit: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def _evidence(verdict: Verdict, known: Known) -> tuple[Evidence, ...]:
    """The decisive lines, those of the strongest votes first, each once."""
    quotes = {vote.evidence.quote: vote.evidence for vote in reversed(verdict.votes) if vote.evidence.quote}
    found = list(reversed(quotes.values()))
    frame = known.test_frame
    if verdict.classification is Classification.PRODUCT_BUG:
        frame = known.product_frame or known.test_frame
    if frame is not None:
        found.append(Evidence(frame.text, _source_of(frame, known.failure)))
    return tuple(found[:_MAX_QUOTES])


def _source_of(frame: Frame, failure: Failure) -> str:
    return "stack_trace" if frame.text in failure.stack_trace else "error_message"


def _code_fix(verdict: Verdict, known: Known) -> CodeFix | None:
    """Where to change the test. None when nothing tells the file: an invented place helps nobody."""
    frame = known.test_frame
    if frame is not None and frame.file:
        file, line = frame.file, str(frame.line) if frame.line is not None else ""
    elif known.failure.file:
        file, line = known.failure.file, str(known.failure.line) if known.failure.line is not None else ""
    else:
        return None
    return CodeFix(
        file=file,
        line=line,
        change=verdict.votes[0].advice,
        tests_repo_search_keywords=_keywords(known),
    )


def _bug_report(verdict: Verdict, known: Known) -> ProductBugReport:
    component = _component(known)
    subject = ": ".join(part for part in (known.exception, _short(known.message, _MESSAGE_CHARS)) if part)
    return ProductBugReport(
        title=_short(f"{component}: {subject}" if component else subject, _TITLE_CHARS)
        or "Failure without a message",
        severity=max((vote for vote in verdict.votes), key=_weight).severity,
        component=component or "unknown",
        description=_details(verdict, known),
        evidence="\n".join(quote.quote for quote in _evidence(verdict, known)),
        jira_search_keywords=_keywords(known),
    )


def _weight(vote: Vote) -> float:
    return vote.weight


def _component(known: Known) -> str:
    """The product's module that the trace names, else what the test's class, suite or file is about."""
    frame = known.product_frame
    if frame is not None:
        owner = re.split(r"[.$/]|::", frame.function.rpartition(".")[0])[-1]
        return owner.strip("(*)") or _stem(frame.file)
    subject = known.failure.class_name or known.failure.suite
    if not subject and known.test_frame is not None:
        subject = _stem(known.test_frame.file)
    return re.sub(
        r"^(?:Test(?=[A-Z])|test_)|(?:Tests?|Spec|IT|_tests?)$", "", re.split(r"[.$/\\:]", subject)[-1]
    )


def _stem(path: str) -> str:
    return re.split(r"[/\\]", path)[-1].partition(".")[0]


_WORD = re.compile(r"[A-Za-z][A-Za-z_]{3,}")
_EMPTY_WORDS = frozenset(
    (
        "",
        "that", "this", "with", "from", "have", "been", "were", "what", "when", "which", "while",
        "expected", "actual", "error", "exception", "failed", "failure", "test", "tests", "none",
        "null", "true", "false", "line", "file", "call", "last", "most", "recent", "java", "lang",
        "python", "object", "assertionerror", "message", "should", "because", "could", "would",
        "there", "their", "they", "them", "than", "then", "does", "into", "your",
    )
)  # fmt: skip


def _keywords(known: Known) -> tuple[str, ...]:
    """Three to five words that tell this failure from others: exception, message, place, test."""
    failure = known.failure
    places = " ".join(
        " ".join(frame.function.split(".")[-2:]) for frame in (known.product_frame, known.test_frame) if frame
    )
    words = [known.exception] if known.exception.lower() not in _EMPTY_WORDS else []
    for text in (known.message, places, re.sub(r"[_\W]+", " ", failure.test_name)):
        words += [word for word in _WORD.findall(text[:_MESSAGE_CHARS]) if word.lower() not in _EMPTY_WORDS]
        distinct = list({word.lower(): word for word in reversed(words)}.values())[::-1]
        if len(distinct) >= _MIN_KEYWORDS:
            return tuple(distinct[:_MAX_KEYWORDS])
    return tuple({word.lower(): word for word in words}.values())
