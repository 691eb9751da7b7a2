import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.domain.failure import Failure
from rootcoz.grouping.explanation import Explanation, explain
from rootcoz.grouping.frames import LineKind
from rootcoz.grouping.noise import NEGATIVE_SIGN, RULES, replaced
from rootcoz.grouping.signature import HEAD, TAIL, error_signature, read_failure

CORPUS = Path(__file__).parents[1] / "corpus" / "signature"
PIECES = [text for rule in RULES for text, _ in rule.masks] + [text for rule in RULES for text in rule.keeps]
PIECES += [
    " -17 ",
    "=-",
    ": ",
    "-",
    "\n",
    "\x1b[31m",
    "  ",
    "E   ",
    ">   ",
    "assert 1 == 2",
    "\tat a.b.C.d(C.java:7)\n",
]
PIECES += [
    '  File "a/b.py", line 3, in f\n',
    "    return g()\n",
    "org.junit.A.b(A.java:3)",
    "...",
    "\r",
    "-<id>",
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=12), max_size=12).map("".join)


def corpus_texts() -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for file in sorted(CORPUS.glob("*.json")):
        for case in json.loads(file.read_text(encoding="utf-8")):
            for text in case.get("equal") or case["differ"]:
                texts: dict[str, Any] = {"message": text} if isinstance(text, str) else text
                found.append((texts.get("message", ""), texts.get("stack", "")))
    return found


def assert_explains(message: str, stack: str) -> Explanation:
    """Whatever the text: the signature is the engine's, and its replacements lead to what it hashed."""
    told = explain(message, stack)

    assert told.signature == error_signature(Failure("t", message, stack))
    for line in (*told.message, *told.stack):
        if line.reason == "text":
            assert replaced(line.text, line.replacements) == line.normalised
        for found in line.replacements:
            assert line.text[found.start :].startswith(found.text)
    assert told.normalised_message == read_failure(message, stack).message
    contributions = [line.normalised for line in told.stack if line.contributes]
    assert sorted(contributions) == sorted(told.contributions)
    return told


@given(TEXTS, TEXTS)
def test_the_explanation_explains_the_very_signature(message: str, stack: str) -> None:
    assert_explains(message, stack)


@given(TEXTS, TEXTS)
def test_a_message_that_stands_in_the_stack_again_is_explained_there_too(message: str, stack: str) -> None:
    assert_explains(message, f"a.b.SomeError: {message}\n{stack}")


@pytest.mark.parametrize(("message", "stack"), corpus_texts())
def test_the_corpus_is_explained(message: str, stack: str) -> None:
    assert_explains(message, stack)


def test_the_explanation_names_rules_and_reasons() -> None:
    told = explain(
        "lost txn e173af9b-ef9d-161d-df01-964dd27006e2",
        "E: x\n\tat com.acme.A.b(A.java:1)\n\tat org.junit.Runner.run(Runner.java:2)\n\t... 3 more",
    )

    assert told.normalised_message == "lost txn <id>"
    assert [(r.rule, r.why, r.start, r.placeholder) for r in told.replacements] == [
        ("uuid", "A new one each run.", 9, "<id>")
    ]
    assert told.contributions == ("E: x", "com.acme.A.b")
    assert [(line.kind, line.reason) for line in told.stack if not line.contributes] == [
        (LineKind.RUNNER, "the test runner's frame"),
        (LineKind.DECORATION, "says nothing about the error"),
    ]


def test_a_dropped_sign_is_a_replacement_of_its_own() -> None:
    told = explain("hash=-1718246873 of node", "")

    assert [(r.rule, r.start, r.text, r.placeholder) for r in told.replacements] == [
        (NEGATIVE_SIGN, 5, "-", ""),
        ("number", 6, "1718246873", "<id>"),
    ]


def test_places_are_right_in_a_line_that_is_read_in_pieces() -> None:
    told = assert_explains("word " * 900 + "x=-17 lost 1718246873 " + "word " * 900 + "at 10.2.3.4", "")

    assert [r.text for r in told.replacements] == ["-", "17", "1718246873", "10.2.3.4"]


def test_the_middle_of_a_very_long_text_is_one_line() -> None:
    told = assert_explains("", "red 7\n" * (HEAD + TAIL))

    assert sum("stands for the middle" in line.reason for line in told.stack) == 1


def test_an_own_frame_that_is_left_out_says_why() -> None:
    frames = [f"\tat com.acme.A{n}.b(A.java:1)" for n in (0, 0, 1, 2, 3, 4, 5)]

    told = explain("", "\n".join(["E: x", *frames]))

    assert [line.reason for line in told.stack if not line.contributes] == [
        "an own frame: the same as the one beside it",
        "an own frame, but not among the 5 nearest to the error, or of the test that met it",
    ]
