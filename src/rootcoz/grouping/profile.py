"""What a failure tells about its root cause, taken apart for comparison with other failures.

Enters: a failure. Leaves: a `Profile`: the root exception, where the product raised it, the message's words, the words
of the test's class and name. Unlike the signature, it looks at who failed, and it forgets most numbers.
"""

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from rootcoz.domain.failure import Failure
from rootcoz.grouping.frames import stable_function
from rootcoz.kit.stack import Frame, FrameKind, KnownTest, Stack, Thrown, frame_kind, read_stack

FRAMES = 8
"""Product frames nearest to where the root cause was raised that are looked at."""
_READ_HEAD, _READ_TAIL = 24_000, 8_000
"""Characters of a stack trace that are read: its start, and its end, where Python and long chains name the cause."""
_MESSAGE_READ = 4_000
"""Characters of a message whose words are compared."""
_MOST_WORDS = 400
"""Distinct words of one message that are compared: the rest of a dump says the same again."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The last thing a comparison of values said: what was expected and what was found."""

    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A failure, taken apart. Everything in it is the same wherever the failure stands in its build."""

    exception: str
    """The root cause's type without package; empty when the trace names none."""
    is_check: bool
    """Whether the root cause is a check of the test that did not hold."""
    culprit: str
    """The product function that raised the root cause; empty when the test or only libraries did."""
    frames: tuple[str, ...]
    """Product functions from the culprit outwards to the test, at most FRAMES."""
    owners: frozenset[str]
    """Classes, or files where there are none, of `frames`."""
    message: str
    """First line with words, numbers replaced by #."""
    words: frozenset[str]
    """Of the message, in small letters."""
    compared: Compared | None
    difference: frozenset[str]
    """What the compared values do not have in common: their words and signs, with `-` before what was expected and did
    not come, `+` before what came instead."""
    codes: frozenset[str]
    """Statuses and exit codes that the message names: they say which error it is."""
    test_class: str
    package: tuple[str, ...]
    class_words: frozenset[str]
    test: str
    """The test's own name, without class and parameters."""
    name_words: frozenset[str]
    telling_words: int
    """How many words of the name are of this test rather than of any."""
    references: frozenset[str]
    """Issue numbers in the test's name: `issue297`, `codec130`."""


# --- words ---------------------------------------------------------------------------------------

_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
_OF_ANY_TEST = frozenset(
    (
        "test", "tests", "testing", "should", "case", "cases", "testcase", "spec", "it", "its", "when", "then", "given",
        "with", "the", "a", "an", "of", "and", "is", "in", "to", "for", "that",
    )
)  # fmt: skip
"""Words with which tests are called tests."""
_OF_MANY_TESTS = frozenset(
    [
        "simple",
        "basic",
        "null",
        "empty",
        "equals",
        "clone",
        "cloning",
        "cloneable",
        "serialization",
        "serialize",
        "hash",
        "code",
        "string",
        "constructor",
        "constructors",
        "get",
        "set",
        "add",
        "all",
        "one",
        "two",
        "bug",
        "issue",
        "no",
        "not",
        "public",
        "a",
        "b",
        "c",
        "default",
        "works",
        "returns",
    ]
)
"""Words of test names that a hundred classes have, and that say nothing about a common cause."""
_OF_CHECKS = frozenset(["expected", "but", "was", "to", "the", "of", "be", "null", "true", "false"])


def name_words(name: str) -> list[str]:
    """The words of an identifier or a title, in small letters, in order."""
    return [word.lower() for word in _CAMEL.findall(name)]


_PARAMETERS = re.compile(r"[\[({].*", re.DOTALL)
_SUFFIX = re.compile(
    r"(?:[._-](?:test|spec|cy|e2e|tests))?\.(?:py|jsx?|tsx?|mjs|rb|php|go|rs|cs|java|kt|vue)\Z"
)
_SEPARATORS = re.compile(r"[./\\:]+")


def _split_test(failure: Failure) -> tuple[str, str]:
    """Class and own name of the test."""
    name = failure.test_name
    class_name = failure.class_name
    if class_name and name.startswith(class_name) and len(name) > len(class_name):
        return class_name, name[len(class_name) :].lstrip(".:/ ")
    if class_name:
        return class_name, name
    bare = _PARAMETERS.sub("", name)
    for separator in ("::", "."):
        head, _, tail = bare.rpartition(separator)
        if head and tail and " " not in head:
            return head, tail
    return "", name


def _parts_of_class(test_class: str) -> tuple[tuple[str, ...], str]:
    """Package or folder, and the simple name."""
    parts = [part for part in _SEPARATORS.split(_SUFFIX.sub("", test_class)) if part]
    return (tuple(parts[:-1]), parts[-1]) if parts else ((), "")


def _references(words: list[str]) -> frozenset[str]:
    """Numbers long enough to be an issue's, with the word before them."""
    joined = {
        before + number for before, number in itertools.pairwise(words) if _is_reference(before, number)
    }
    return frozenset(joined | {word for word in words if word.isdigit() and len(word) > _SHORT_REFERENCE})


_SHORT_REFERENCE = 2
"""Digits of numbers that count the cases of a test instead."""


def _is_reference(before: str, number: str) -> bool:
    return (
        number.isdigit()
        and len(number) >= _SHORT_REFERENCE
        and not before.isdigit()
        and before not in _OF_ANY_TEST
    )


# --- message -------------------------------------------------------------------------------------

_MESSAGE_WORD = re.compile(r"[A-Za-z_$][\w$]+|[0-9]+")
_NUMBER = re.compile(r"[0-9]+")
_COMPARED = re.compile(
    r"expected:?\s*(?:same:)?<(?P<expected>.{0,2000}?)>\s*(?:but )?was:?\s*(?:not:)?<(?P<actual>.{0,2000})>",
    re.DOTALL | re.IGNORECASE,
)
_EXPECTED_LINE = re.compile(r"^\s*Expected:? +(?P<expected>\S.*)$", re.MULTILINE)
_RECEIVED_LINE = re.compile(
    r"^\s*(?:Received|Actual|Result|But was|got):? +(?P<actual>\S.*)$", re.MULTILINE | re.IGNORECASE
)
_BRACKETED = re.compile(r"\[([^\[\]]*)\]")
_CHECK_TYPE = re.compile(r"Assert|Comparison|Expect|Mismatch\w*Error|MultipleFailures")
_CHECK_TEXT = re.compile(r"\bexpect(?:ed)?\b|\bassert|but was", re.IGNORECASE)
_NAMED_CODE = re.compile(
    r"\b(?:http(?:/[0-9.]{1,3})?|status(?:[ _]?code)?|(?:exit|return|error)[ _]?(?:code|status)|errno|code|exited with)"
    r"[\"']?[ :=#(\"']{0,3}(?:(?:is|was|of|with|code|status) ){0,2}(?P<code>[0-9]{1,5})\b",
    re.IGNORECASE,
)
_STATUS_PHRASE = re.compile(r"\b(?P<code>[45][0-9]{2}) (?=[A-Z][a-z])")
_ABOUT_STATUS = re.compile(r"\b(?:https?|status)\b", re.IGNORECASE)
_STATUS = re.compile(r"\b[1-5][0-9]{2}\b")
_CODES_READ = 400
"""Characters of a message in which codes are looked for."""


def _compared(message: str) -> Compared | None:
    match = _COMPARED.search(message)
    if match is not None:
        expected, actual = match["expected"].strip(), match["actual"].strip()
        # JUnit puts the difference of two long texts in brackets.
        marked, found = _BRACKETED.findall(expected), _BRACKETED.findall(actual)
        if len(marked) == len(found) == 1 and _BRACKETED.sub("[]", expected) == _BRACKETED.sub("[]", actual):
            return Compared(marked[0], found[0])
        return Compared(expected, actual)
    one, other = _EXPECTED_LINE.search(message), _RECEIVED_LINE.search(message)
    return Compared(one["expected"].strip(), other["actual"].strip()) if one and other else None


_TOKEN = re.compile(r"[^\W\d]\w*|\d+|[^\s\w]")
_COMPARED_READ = 2_000
"""Characters of a compared value."""


def _difference(compared: Compared | None) -> frozenset[str]:
    if compared is None:
        return frozenset()
    expected = Counter(_TOKEN.findall(compared.expected[:_COMPARED_READ]))
    actual = Counter(_TOKEN.findall(compared.actual[:_COMPARED_READ]))
    missing, instead = expected - actual, actual - expected
    return frozenset([*(f"-{token}" for token in missing), *(f"+{token}" for token in instead)])


def _codes(message: str) -> frozenset[str]:
    text = message[:_CODES_READ]
    codes = {match["code"] for match in _NAMED_CODE.finditer(text)}
    codes.update(match["code"] for match in _STATUS_PHRASE.finditer(text))
    if codes or _ABOUT_STATUS.search(text):
        codes.update(_STATUS.findall(_BEHIND_COLON.sub("", text)))
    return frozenset(codes)


_BEHIND_COLON = re.compile(r":[0-9]+")
"""Ports and lines."""


def _body(message: str, root: Thrown | None) -> str:
    """The message without the type that stands in front."""
    if root is not None and root.type and message.startswith(root.type):
        return message[len(root.type) :].lstrip(": ")
    return message


def _words(text: str) -> frozenset[str]:
    words = [word.lower() for word in _MESSAGE_WORD.findall(text[:_MESSAGE_READ])]
    return frozenset(dict.fromkeys(words[: _MOST_WORDS * 2])) - _OF_CHECKS


# --- frames --------------------------------------------------------------------------------------

_QUALIFIED_FILES = (".java", ".kt", ".kts", ".scala", ".groovy", ".cs", ".fs", ".vb")
"""Languages whose traces name functions with their class and package."""


@lru_cache(maxsize=4096)
def _function(frame: Frame) -> str:
    """A name that means the same function in every failure."""
    name = stable_function(frame.function)
    file = frame.file.replace("\\", "/").rpartition("/")[2]
    if not file or ("." in name and (file.endswith(_QUALIFIED_FILES) or "/" in name)) or "::" in name:
        return name
    return f"{name or '(top level)'} ({file})"


def _owner(function: str) -> str:
    """The class of a function as `_function` names it, else its file."""
    if function.endswith(")") and " (" in function:
        return function.rpartition(" (")[2][:-1]
    return function.rpartition("::" if "::" in function else ".")[0].partition("$")[0]


@lru_cache(maxsize=8192)
def _kind(frame: Frame, test: KnownTest) -> FrameKind:
    return frame_kind(frame, test)


def _product_frames(stack: Stack, test: KnownTest) -> tuple[str, ...]:
    """Product functions through which the root cause came before it reached the test.

    What the test called to get there says less, and a check raised in a helper of the test has no culprit. A root cause
    that was raised outside of the product's frames is placed by the exception that wraps it.
    """
    for thrown in reversed(stack.thrown):
        functions: list[str] = []
        for frame in thrown.frames:
            kind = _kind(frame, test)
            if kind is FrameKind.TEST or len(functions) == FRAMES:
                break
            if kind is FrameKind.PRODUCT:
                functions.append(_function(frame))
        if functions:
            return tuple(dict.fromkeys(functions))
        if any(_kind(frame, test) is FrameKind.TEST for frame in thrown.frames):
            return ()
    return ()


def _read(text: str) -> Stack:
    if len(text) > _READ_HEAD + _READ_TAIL:
        text = f"{text[:_READ_HEAD]}\n{text[-_READ_TAIL:]}"
    return read_stack(text)


# --- all together --------------------------------------------------------------------------------


def read_profile(failure: Failure) -> Profile:
    """Take a failure apart."""
    test_class, test = _split_test(failure)
    stack = _read(failure.stack_trace if failure.stack_trace.strip() else failure.error_message)
    root = stack.root
    # The message is the outermost exception's; the root cause has its own.
    message = failure.error_message
    if root is not None and len(stack.thrown) > 1 and root.message:
        message = f"{root.message}\n{message}"
    body = _body(message, root)
    compared = _compared(message)
    first = next((line.strip() for line in body.splitlines() if line.strip()), "")
    package, simple = _parts_of_class(test_class)
    frames = _product_frames(stack, KnownTest(test, test_class, failure.file))
    exception = root.simple_type if root else ""
    bare = _PARAMETERS.sub("", test) or test
    words = name_words(bare)
    telling = [word for word in words if word not in _OF_ANY_TEST]
    references = _references(words)
    return Profile(
        exception=exception,
        is_check=bool(_CHECK_TYPE.search(exception))
        or (_is_vague(exception) and bool(_CHECK_TEXT.search(first))),
        culprit=frames[0] if frames else "",
        frames=frames,
        owners=frozenset(map(_owner, frames)) - {""},
        message=_NUMBER.sub("#", first[:_CODES_READ]),
        words=_words(body),
        compared=compared,
        difference=_difference(compared),
        codes=_codes(message),
        test_class=test_class,
        package=package,
        class_words=frozenset(name_words(simple)) - _OF_ANY_TEST,
        test=bare,
        name_words=frozenset(telling) | references,
        telling_words=len({word for word in telling if word not in _OF_MANY_TESTS and not word.isdigit()}),
        references=references,
    )


def _is_vague(exception: str) -> bool:
    """Whether the type leaves open what went wrong: jest's checks throw a bare Error."""
    return exception in {"", "Error", "panic"}
