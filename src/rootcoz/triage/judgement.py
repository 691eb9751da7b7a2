"""Judging one failure: votes of the rules, votes of the stack, and the finding that they add up to."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import Answer, Classification, Evidence, NoVerdict, NoVerdictReason, Severity
from rootcoz.kit.stack import (
    Frame,
    FrameKind,
    KnownTest,
    Stack,
    Thrown,
    frame_kind,
    read_frame,
    read_stack,
    read_thrown,
)
from rootcoz.triage import code_issue, infrastructure, product_bug
from rootcoz.triage.code_issue import BARE_COMPARISON, TIME_LIMIT
from rootcoz.triage.report import Known, no_finding_details, no_finding_evidence, write_finding
from rootcoz.triage.rule import Rule, Weight
from rootcoz.triage.weighing import Vote, weigh

RULES: tuple[Rule, ...] = (*infrastructure.RULES, *code_issue.RULES, *product_bug.RULES)

_OUTPUT_SHARE = 0.5
"""What a rule counts when only the test's own output speaks for it."""
_READ_CHARS = 20_000
"""Of a longer text only so many characters at its start and at its end are read."""
_QUOTE_CHARS = 300


def judge(failure: Failure, affected_tests: tuple[str, ...] = (), own_rules: Sequence[Rule] = ()) -> Answer:
    """Say what broke, from nothing but the failure itself; abstains where nothing speaks clearly.

    `own_rules` are those that the team brought (`pattern_file.py`); they vote like the built-in ones.

    Quotations are verbatim lines of the failure's own texts, not yet verified: `evidence.claims` does that
    for all providers alike.
    """
    test = KnownTest(failure.test_name, failure.class_name, failure.file)
    texts = _texts(failure)
    stack = _stack(texts)
    known = _known(failure, stack, test, affected_tests)
    heard = list(_rule_votes(texts, (*own_rules, *RULES)))
    placed = list(_stack_votes(known, frozenset(vote.name for vote in heard)))
    if any(vote.name == _EXPECTATION for vote in placed):
        # That rule is for where nothing else is known; whether a type is named must not change the figure.
        heard = [vote for vote in heard if vote.name != BARE_COMPARISON]
    verdict = weigh([*heard, *placed])
    if verdict is None:
        return NoVerdict(
            NoVerdictReason.ABSTAINED,
            "The built-in rules cannot tell what broke: nothing in the failure points clearly one way. "
            "Ask an AI provider or read the trace.",
            details=no_finding_details(known),
            evidence=no_finding_evidence(known),
        )
    return write_finding(verdict, known)


# --- what is read --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Text:
    source: str
    text: str
    """Start and end of it, if it is long."""
    spoken: str
    """Its lines without the calls of traces, whose names would mislead the rules."""
    lowered: str
    """`spoken` in lower case."""


def _texts(failure: Failure) -> tuple[_Text, ...]:
    """The failure's texts in the order of their authority. Each line is spoken once."""
    named = (
        ("error_message", failure.error_message),
        ("stack_trace", failure.stack_trace),
        ("output", failure.output),
    )
    heard: set[str] = set()
    texts = []
    for source, text in named:
        if not text.strip():
            continue
        bounded = _bounded(text)
        lines = [line for line in bounded.splitlines() if line not in heard and _is_spoken(line)]
        heard.update(lines)
        spoken = "\n".join(lines)
        texts.append(_Text(source, bounded, spoken, spoken.lower()))
    return tuple(texts)


def _is_spoken(line: str) -> bool:
    return not line.lstrip().startswith(_CALL_STARTS)


_CALL_STARTS = ("at ", 'File "', "... ")


def _bounded(text: str) -> str:
    """Start and end of a long text, cut at line ends so that every line left is whole."""
    if len(text) <= 2 * _READ_CHARS:
        return text
    head = text[:_READ_CHARS].rpartition("\n")[0] or text[:_READ_CHARS]
    tail = text[-_READ_CHARS:].partition("\n")[2] or text[-_READ_CHARS:]
    return f"{head}\n{tail}"


def _stack(texts: tuple[_Text, ...]) -> Stack:
    """The trace, wherever the report put it: some put all of it into the message, some its head."""
    read = {text.source: text.text for text in texts if text.source != "output"}
    message, trace = read.get("error_message", ""), read.get("stack_trace", "")
    stack = read_stack(trace)
    if stack.has_frames and stack.root is not None and stack.root.type:
        return stack
    return read_stack(f"{message}\n{trace}")


# --- votes ---------------------------------------------------------------------------------------


def _rule_votes(texts: tuple[_Text, ...], rules: Sequence[Rule]) -> Iterator[Vote]:
    for rule in rules:
        for text in texts:
            if text.source == "output" and not rule.reads_output:
                continue
            quote = _quote(rule, text)
            if quote is None:
                continue
            share = _OUTPUT_SHARE if text.source == "output" else 1.0
            yield Vote(
                name=rule.name,
                classification=rule.classification,
                weight=rule.weight.value * share,
                reason=rule.reason,
                advice=rule.advice,
                evidence=Evidence(quote, text.source),
                severity=rule.severity,
            )
            break


def speaking(failure: Failure, rules: Sequence[Rule]) -> list[str]:
    """The names of the rules that speak for this failure, whatever comes of it."""
    return [vote.name for vote in _rule_votes(_texts(failure), rules)]


def _quote(rule: Rule, text: _Text) -> str | None:
    """The first line where the rule speaks, verbatim."""
    found = rule.find(text.spoken, text.lowered)
    if found is None:
        return None
    start = text.spoken.rfind("\n", 0, found.start()) + 1
    end = text.spoken.find("\n", found.start())
    return _shortened(text.spoken[start : end if end >= 0 else None], found.start() - start)


def _shortened(line: str, at: int) -> str:
    """A verbatim part of the line, around the place that matters."""
    if len(line) <= _QUOTE_CHARS:
        return line.strip()
    start = max(0, min(at - _QUOTE_CHARS // 3, len(line) - _QUOTE_CHARS))
    return line[start : start + _QUOTE_CHARS].strip()


def _known(failure: Failure, stack: Stack, test: KnownTest, affected_tests: tuple[str, ...]) -> Known:
    """What the trace says, with the calls told apart."""
    frames, own = _own_frames(stack, test)
    root = stack.root
    first_line = next((line.strip() for line in failure.error_message.splitlines() if line.strip()), "")
    exception, message = root.simple_type if root else "", root.message if root else ""
    if not exception:
        named = read_thrown(first_line)
        if named is not None:
            exception, message = Thrown(*named, "", ()).simple_type, named[1]
    return Known(
        failure=failure,
        affected_tests=affected_tests,
        exception=exception,
        message=message or _first_words(first_line, exception, own),
        raised_at=own[0][0] if own else None,
        raised_kind=own[0][1] if own else None,
        raised_directly=bool(own) and bool(frames) and _is_direct(own[0][0], frames),
        test_frame=next((frame for frame, kind in own if kind is FrameKind.TEST), None),
        product_frame=next((frame for frame, kind in own if kind is FrameKind.PRODUCT), None),
        headline=_headline(failure, root, first_line),
        compared=_compared(failure),
    )


_KindFrames = list[tuple[Frame, FrameKind]]


def _is_direct(own: Frame, frames: _KindFrames) -> bool:
    """Whether no library stands between the own frame and the place where the exception was raised."""
    for frame, kind in frames:
        if frame is own:
            return True
        if kind is FrameKind.LIBRARY:
            return False
    return False


def _first_words(first_line: str, exception: str, own: _KindFrames) -> str:
    """What to call a failure whose exception has no message of its own."""
    if exception:
        named = re.match(rf"(?:[\w$]+(?:\.|::|\\))*{re.escape(exception)}(?::\s*|\s*$)", first_line)
        if named is not None:
            return first_line[named.end() :]
    if own and first_line.strip(". ").lower() in _EMPTY_MESSAGES:
        return own[0][0].text  # Go writes what failed beside the place: `cart_test.go:18: got 3, want 4`.
    return first_line


_EMPTY_MESSAGES = frozenset(("", "fail", "failed", "failure", "error", "test failed"))


def _own_frames(stack: Stack, test: KnownTest) -> tuple[_KindFrames, _KindFrames]:
    """All calls and the own ones, of the innermost exception that has own ones."""
    for thrown in reversed(stack.thrown):
        frames = [(frame, frame_kind(frame, test)) for frame in thrown.frames]
        own = [pair for pair in frames if pair[1] in {FrameKind.TEST, FrameKind.PRODUCT}]
        if own:
            return frames, own
    return [], []


def _headline(failure: Failure, root: Thrown | None, first_line: str) -> Evidence | None:
    """The line that names the exception, or else the message's first line."""
    says_more = first_line.strip(". ").lower() not in _EMPTY_MESSAGES
    if root is not None and root.text and not (says_more and not root.message and read_frame(root.text)):
        for source, text in (("error_message", failure.error_message), ("stack_trace", failure.stack_trace)):
            if root.text[:_QUOTE_CHARS] in text:
                return Evidence(root.text[:_QUOTE_CHARS], source)
    return Evidence(first_line[:_QUOTE_CHARS], "error_message") if first_line else None


_COMPARED = re.compile(
    r"[ \t]*(?:E[ \t]+)?(?P<side>expected|received|actual|got|want|left|right|but was)(?P<what> \w+)?[ \t]*:[ \t]*"
    r"(?P<value>\S[^\r\n]*)",
    re.IGNORECASE,
)
_COMPARED_LINES = 40
"""So many lines of the message are searched for the two sides of a comparison."""
_SIDES = 2


def _compared(failure: Failure) -> tuple[tuple[str, str], ...]:
    """What was expected and what came, as the lines `Expected: 2` and `Received: 1` say it; empty unless both."""
    for text in (failure.error_message, failure.stack_trace):
        sides: dict[str, str] = {}
        for line in text[:_READ_CHARS].split("\n")[:_COMPARED_LINES]:
            found = _COMPARED.match(line)
            if found is not None:
                sides.setdefault(f"{found['side']}{found['what'] or ''}", found["value"].strip())
        if len(sides) >= _SIDES:
            return tuple(sides.items())[:_SIDES]
    return ()


_ASSERTIONS = (
    "AssertionError", "AssertionFailedError", "ComparisonFailure", "AssertionException", "Mismatch",
    "MismatchError", "ExpectationFailedException", "ExpectationNotMetError", "AssertException",
    "EqualException", "MultipleFailuresError", "TrueException", "ArrayComparisonFailure",
    "AssertionFailed", "failureException",
)  # fmt: skip
_TEST_SET_UP = (
    "NameError", "UnboundLocalError", "ReferenceError", "ImportError", "ModuleNotFoundError",
    "SyntaxError", "TypeError", "AttributeError", "KeyError", "IndexError", "NullPointerException",
    "NullReferenceException", "NoMethodError", "ClassCastException", "IndexOutOfBoundsException",
    "ArrayIndexOutOfBoundsException", "InvalidCastException", "ArgumentError",
    "NoSuchElementException", "panic",
)  # fmt: skip


_EXPECTATION = "expectation-not-met"
_GENERIC_TYPES = frozenset(("", "Error", "Exception", "Failed"))
"""Types that say nothing of the kind of failure: the runners of some languages throw them for assertions, too."""
_ASSERTION_MESSAGE = re.compile(r"assert(?:ion)?\b|expect\(|DID NOT (?:RAISE|WARN)")
_FROM_BENEATH = frozenset(
    ("connection-refused", "name-resolution", "network-timeout", "http-retries-exhausted")
)
"""Rules for what the network did: whoever called it last is not who broke it."""


def _is_assertion(known: Known) -> bool:
    if known.exception.endswith(_ASSERTIONS) or known.exception in {"", "Failed"}:
        return True
    if known.message.startswith("assertion"):
        return True
    return known.exception in _GENERIC_TYPES and _ASSERTION_MESSAGE.match(known.message) is not None


def _stack_votes(known: Known, heard: frozenset[str]) -> Iterator[Vote]:
    """What the place where it was raised says about whose fault it is. `heard` are the rules that spoke."""
    if known.raised_at is None or known.headline is None:
        return
    is_assertion = _is_assertion(known)
    in_product = known.raised_kind is FrameKind.PRODUCT
    if TIME_LIMIT in heard:
        if in_product:
            yield _stack_vote(
                known, "ran-out-of-time-in-product", Classification.PRODUCT_BUG, Weight.FAIR,
                "the product was still at work when the test's time was over",
                "See what the product waits for at the named place: it hangs there or is too slow.",
                Severity.MEDIUM,
            )  # fmt: skip
    elif heard & _FROM_BENEATH and not (is_assertion and known.exception):
        return
    elif in_product and not is_assertion:
        yield _stack_vote(
            known, "raised-in-product", Classification.PRODUCT_BUG,
            Weight.FAIR if known.raised_directly else Weight.HINT,
            "the exception was raised in the product's own code",
            "Start at the named place in the product and find out how this state came about.",
            Severity.HIGH,
        )  # fmt: skip
    elif is_assertion:
        yield _stack_vote(
            known, _EXPECTATION, Classification.PRODUCT_BUG, Weight.WEAK,
            "the product gave something else than the test expects",
            "Check first whether the expected value is still right; if it is, the product changed.",
            Severity.MEDIUM,
        )  # fmt: skip
    elif known.exception.endswith(_TEST_SET_UP):
        yield _stack_vote(
            known, "raised-in-test", Classification.CODE_ISSUE,
            Weight.FAIR if known.raised_directly else Weight.WEAK,
            "the exception was raised in the test's own code and not in the product",
            "Correct the test at the named place.",
            Severity.MEDIUM,
        )  # fmt: skip


def _stack_vote(
    known: Known,
    name: str,
    classification: Classification,
    weight: Weight,
    reason: str,
    advice: str,
    severity: Severity,
) -> Vote:
    headline = known.headline or Evidence("", "stack_trace")
    return Vote(name, classification, weight.value, reason, advice, headline, severity)
