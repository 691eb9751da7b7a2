import json
import re
import time
import uuid
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rootcoz.domain.failure import Failure
from rootcoz.grouping.signature import HEAD, SIGNATURE_VERSION, TAIL, error_signature, forget_lines

CORPUS = Path(__file__).parents[1] / "corpus" / "signature"
WORDS = st.text(alphabet="ghijklmnopqrstuvwyz", min_size=6, max_size=12)


def failure_of(text: str | dict[str, str]) -> Failure:
    if isinstance(text, str):
        return Failure("t", error_message=text)
    return Failure("t", error_message=text.get("message", ""), stack_trace=text.get("stack", ""))


def value(message: str, stack: str = "") -> str:
    return error_signature(Failure("t", error_message=message, stack_trace=stack)).value


def cases() -> list[Any]:
    found = []
    for file in sorted(CORPUS.glob("*.json")):
        for case in json.loads(file.read_text(encoding="utf-8")):
            marks = [pytest.mark.xfail(reason=case["known_wrong"])] if "known_wrong" in case else []
            found.append(pytest.param(case, id=f"{file.stem}: {case['name']}", marks=marks))
    return found


@pytest.mark.parametrize("case", cases())
def test_the_corpus_is_told_apart_as_people_would(case: dict[str, Any]) -> None:
    kind = "equal" if "equal" in case else "differ"
    values = [error_signature(failure_of(text)).value for text in case[kind]]

    assert len(set(values)) == (1 if kind == "equal" else len(values))


def test_a_signature_is_a_sha256_with_its_version() -> None:
    signature = error_signature(Failure("t", error_message="disk full"))

    assert re.fullmatch(r"[0-9a-f]{64}", signature.value)
    assert signature.version == SIGNATURE_VERSION


def test_only_message_and_stack_count() -> None:
    one = Failure(
        "a.b",
        "disk full",
        "trace",
        duration=1.0,
        status="ERROR",
        class_name="a",
        file="a.py",
        line=3,
        output="x",
    )
    other = Failure("c.d", "disk full", "trace")

    assert error_signature(one) == error_signature(other)


@given(st.text(max_size=300), st.text(max_size=300))
def test_the_value_does_not_depend_on_what_is_remembered(message: str, stack: str) -> None:
    first = value(message, stack)
    again = value(message, stack)
    forget_lines()

    assert value(message, stack) == first == again


MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1))  # noqa: DTZ001 - printed without a zone
ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6, network="2001:db8::/32")
Run = tuple[uuid.UUID, datetime, int, IPv4Address | IPv6Address]
RUNS = st.tuples(st.uuids(), MOMENTS, st.integers(32768, 60999), ADDRESSES)


@given(WORDS, RUNS, RUNS)
def test_noise_of_another_run_keeps_the_value(
    word: str, one: tuple[Any, ...], other: tuple[Any, ...]
) -> None:
    def text(key: uuid.UUID, moment: datetime, port: int, address: IPv4Address | IPv6Address) -> str:
        return f"{moment:%Y-%m-%d %H:%M:%S} {word} {key} at [{address}]:{port} gone"

    assert value(text(*one)) == value(text(*other))


@given(st.lists(WORDS, min_size=2, max_size=8), st.data(), WORDS)
def test_another_word_changes_the_value(words: list[str], data: st.DataObject, word: str) -> None:
    position = data.draw(st.integers(0, len(words) - 1))
    assume(words[position] != word)
    changed = [*words[:position], word, *words[position + 1 :]]

    assert value(" ".join(words)) != value(" ".join(changed))


@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(WORDS, min_size=1, max_size=4), st.integers(1, 4))
def test_a_line_cannot_move_between_message_and_stack(
    message: list[str], stack: list[str], moved: int
) -> None:
    moved = min(moved, len(stack))
    longer, shorter = message + stack[:moved], stack[moved:]

    assert value("\n".join(message), "\n".join(stack)) != value("\n".join(longer), "\n".join(shorter))


@pytest.mark.parametrize("position", [0.1, 0.5, 0.9])
def test_a_word_counts_wherever_it_stands_in_a_huge_message(position: float) -> None:
    words = ["noise"] * (HEAD + TAIL)
    words[int(len(words) * position)] = "red"
    red = value("\n".join(words))
    words[int(len(words) * position)] = "blue"

    assert value("\n".join(words)) != red


def _seconds(text: str) -> float:
    best = 9.0
    for _ in range(3):
        forget_lines()
        start = time.perf_counter()
        value(text, text)
        best = min(best, time.perf_counter() - start)
    return best


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "0",
        "0.",
        "f:",
        "1:",
        "a-",
        "/",
        "/a",
        "f0",
        "1e",
        "-bcdfg",
        "tmp",
        "Mon ",
        "0x",
        "at a.(",
        "#1",
        "<",
        "@a",
        "= ",
        "é1",
        "a.",
        "1_",
    ],
)
def test_time_grows_with_length_and_not_faster(unit: str) -> None:
    small, large = (unit * (size // len(unit)) for size in (6_000, 48_000))

    assert _seconds(large) < 8 * 6 * _seconds(small) + 0.02


def test_a_number_in_a_name_is_not_taken_for_a_line_of_go() -> None:
    one, other = (f"\t/a.rb:3:in `x.go:{line} +0x1'" for line in (17, 18))
    value("", one)
    remembered = value("", other)
    forget_lines()

    assert value("", other) == remembered != value("", one)
