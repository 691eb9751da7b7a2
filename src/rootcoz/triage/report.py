"""Writing the finding: what failed, where, why it is classified so, and what to do next."""

import re
from dataclasses import dataclass

from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import Classification, CodeFix, Evidence, Finding, ProductBugReport
from rootcoz.kit.stack import Frame, FrameKind
from rootcoz.triage.rule import Weight
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
    compared: tuple[tuple[str, str], ...] = ()
    """The two sides of a comparison with their names, for example `Expected` and `Received`."""


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
    return "\n".join([_what_failed(known), *_more(known), *_where(known)])


def no_finding_evidence(known: Known) -> tuple[Evidence, ...]:
    """The line that says what failed, and those of the test's other failures."""
    return _distinct([*((known.headline,) if known.headline else ()), *_more_evidence(known)])


def _details(verdict: Verdict, known: Known) -> str:
    return "\n".join(
        [
            _what_failed(known),
            *_more(known),
            *_where(known),
            f"This looks like {_CALLED[verdict.classification]}, because {_reasons(verdict)}.",
            f"Next: {verdict.votes[0].advice}",
        ]
    )


def _reasons(verdict: Verdict) -> str:
    # A hint beside a real reason would only dilute it.
    strong = [vote for vote in verdict.votes if vote.weight > Weight.HINT] or list(verdict.votes)
    return "; and ".join(dict.fromkeys(vote.reason for vote in strong[:_MAX_REASONS]))


def _what_failed(known: Known) -> str:
    message = _short(known.message, _MESSAGE_CHARS)
    if known.compared and not all(value in message for _, value in known.compared):
        sides = ", ".join(f"{name}: {_short(value, _MESSAGE_CHARS)}" for name, value in known.compared)
        message = f"{message} ({sides})" if message else sides
    if known.exception and message:
        return f"What failed: {known.exception}: {message}"
    return (
        f"What failed: {known.exception or message or 'the report gives neither a message nor an exception.'}"
    )


def _more(known: Known) -> list[str]:
    """That the test failed in more than one way."""
    others = known.failure.other_messages
    if not others:
        return []
    number = "one more failure" if len(others) == 1 else f"{len(others)} more failures"
    shown = "; ".join(_short(message, _MESSAGE_CHARS) for message in others[:_MAX_QUOTES])
    return [f"The test has {number}: {shown}{'; …' if len(others) > _MAX_QUOTES else ''}"]


def _more_evidence(known: Known) -> list[Evidence]:
    lines = (message.strip().partition("\n")[0].strip() for message in known.failure.other_messages)
    return [Evidence(line, "stack_trace") for line in lines if line and len(line) <= _MESSAGE_CHARS]


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
    return _distinct([*_distinct(found)[:_MAX_QUOTES], *_more_evidence(known)[:_MAX_QUOTES]])


def _distinct(found: list[Evidence]) -> tuple[Evidence, ...]:
    """Each quotation once: not a second time as a part of a longer one, nor with the mark of pytest before it."""
    bare = [re.sub(r"^E\s+", "", " ".join(item.quote.split())) for item in found]
    return tuple(
        item
        for number, item in enumerate(found)
        if not any(
            bare[number] in other and (bare[number] != other or at < number)
            for at, other in enumerate(bare)
            if at != number
        )
    )


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
        description=_description(verdict, known),
        evidence="\n".join(quote.quote for quote in _evidence(verdict, known)),
        jira_search_keywords=_keywords(known),
    )


_IN_A_LINE = re.compile(
    r"expected:? ?(?:to be )?<?(?P<expected>.+?)>?,? but (?:was|got|found|is):? ?<?(?P<got>.+?)>?$"
    r"|(?:\S+:\d+: )?(?P<got_go>\S.*?), want:? (?P<expected_go>.+)$",
    re.IGNORECASE,
)
_EXPECTED_NAMES = ("expected", "want", "right")


def _description(verdict: Verdict, known: Known) -> str:
    """What a developer of the product needs, who knows neither the test nor the run."""
    name = known.failure.test_name
    others = len(known.affected_tests) - 1
    also = f", and {others} more failed alike" if others > 0 else ""
    lines = [f"What was done: the test {_short(name, _MESSAGE_CHARS)} was run{also}." if name else ""]
    lines += _expected_and_got(known)
    lines += _more(known)
    lines += _where(known)
    if known.test_frame is not None and known.test_frame is not known.raised_at:
        lines.append(f"Called from: {_place(known.test_frame)}, in the test.")
    lines.append(f"Why the product: {_reasons(verdict)}.")
    lines += ["Evidence:", *(f"  {_short(item.quote, _MESSAGE_CHARS)}" for item in _evidence(verdict, known))]
    return "\n".join(filter(None, lines))


def _expected_and_got(known: Known) -> list[str]:
    """The two sides of the comparison if there was one, else what happened."""
    happened = _what_failed(known).removeprefix("What failed: ")
    sides = known.compared
    if sides:
        first, second = sides
        if second[0].lower().startswith(_EXPECTED_NAMES):
            first, second = second, first
        expected, got = first[1], second[1]
    else:
        found = _IN_A_LINE.search(_short(known.message, _MESSAGE_CHARS))
        if found is None:
            return [f"What happened: {happened}"]
        expected = found["expected"] or found["expected_go"]
        got = found["got"] or found["got_go"]
    return [
        f"What happened: {happened}",
        f"Expected: {_short(expected, _MESSAGE_CHARS)}",
        f"Got: {_short(got, _MESSAGE_CHARS)}",
    ]


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
