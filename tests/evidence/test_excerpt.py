import io
import itertools
import random
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.evidence.console_digest import CHUNK_LINES, TAIL_CHUNKS
from rootcoz.evidence.excerpt import Excerpt, excerpt

CORPUS = Path(__file__).parents[1] / "corpus" / "excerpt"
CORPUS_LINES = 12
"""Budget for the corpus: small, so that the expectations show what comes first."""


def described(found: Excerpt) -> str:
    """An excerpt as the corpus keeps it: spans best first, each with its rule, reason and lines."""
    spans = []
    for span in found.spans:
        head = f"{span.first}-{span.last} {span.rule}: {span.reason}"
        spans.append("\n".join([head, *(f"{line.number:>6}  {line.text}" for line in span.lines)]))
    return "\n\n".join(spans) + "\n"


def numbers(found: Excerpt) -> list[int]:
    return [line.number for span in found.spans for line in span.lines]


@pytest.mark.parametrize("log", sorted(CORPUS.glob("*.log")), ids=lambda path: path.stem)
def test_the_corpus_is_read_as_expected(log: Path) -> None:
    with log.open(encoding="utf-8", newline="\n") as lines:
        found = excerpt(lines, max_lines=CORPUS_LINES)

    assert described(found) == log.with_suffix(".expected").read_text(encoding="utf-8")


def test_an_empty_console_has_an_empty_excerpt() -> None:
    found = excerpt([])

    assert found == Excerpt((), 0)
    assert not found.text


def test_a_console_without_a_word_of_failure_shows_its_end() -> None:
    found = excerpt([f"step {number}" for number in range(200)])

    assert 200 in numbers(found)
    assert found.spans[0].reason == "the last lines before the end"


def test_the_text_has_line_numbers_and_shows_where_lines_are_left_out() -> None:
    quiet = [f"compiling part {name}" for name in itertools.islice(itertools.cycle("abcdefgh"), 90)]
    found = excerpt(
        [*quiet, "Traceback (most recent call last):", '  File "a.py", line 3', "ValueError: no"], max_lines=3
    )

    assert found.text == (
        "     …\n"
        "    91  Traceback (most recent call last):\n"
        '    92    File "a.py", line 3\n'
        "    93  ValueError: no"
    )


def long_console(size: int) -> list[str]:
    return [f"worker {number % 7}: handled item {number}, all is well" for number in range(size)]


def test_an_error_far_from_the_end_of_a_long_console_is_found_with_its_surroundings() -> None:
    lines = long_console(CHUNK_LINES * (TAIL_CHUNKS + 4))
    at = CHUNK_LINES + 3
    lines[at : at + 4] = [
        "Traceback (most recent call last):",
        '  File "/srv/app/cart.py", line 31, in item',
        "    return self.items[index]",
        "IndexError: list index out of range",
    ]

    found = excerpt(lines)

    assert set(range(at + 1, at + 5)) <= set(numbers(found))


def test_an_error_at_the_border_of_two_chunks_keeps_its_surroundings() -> None:
    for shift in range(-4, 1):
        lines = long_console(CHUNK_LINES * (TAIL_CHUNKS + 4))
        at = 2 * CHUNK_LINES + shift
        lines[at : at + 4] = [
            "Traceback (most recent call last):",
            '  File "x.py", line 1',
            "    y()",
            "KeyError: 'z'",
        ]

        assert set(range(at + 1, at + 5)) <= set(numbers(excerpt(lines)))


def test_repeated_errors_do_not_hide_the_one_that_differs() -> None:
    lines = [f"ERROR: cannot reach replica {number}: connection refused" for number in range(20_000)]
    lines[4_000] = "java.lang.IllegalStateException: the schema is newer than the program"

    assert 4_001 in numbers(excerpt(lines))


def test_an_error_of_a_step_that_passed_comes_after_one_of_a_step_that_failed() -> None:
    found = excerpt(
        [
            "error: first try went wrong",
            'The command "fetch" exited with 0.',
            *["quiet"] * 60,
            "error: cart does not add up",
            'The command "test" exited with 1.',
        ],
        max_lines=1,
    )

    assert numbers(found) == [63]


def test_memory_does_not_grow_with_the_console() -> None:
    def peak(size: int) -> int:
        lines = (
            f"{number} error: {number * 7919 % 1_000_003:x} went wrong in a way of its own"
            for number in range(size)
        )
        tracemalloc.start()
        excerpt(lines)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    small, large = peak(12_000), peak(24_000)

    assert large < 1.3 * small


def test_lines_may_end_in_line_feeds() -> None:
    lines = ["one", "error: two", "three"]

    assert excerpt(io.StringIO("\n".join(lines) + "\n")) == excerpt(lines)


WORDS = [
    "", "error: x", "  at a.b(C.java:1)", "Traceback (most recent call last):", "ValueError: y", "ok",
    "make: *** [a] Error 1", "____ test_a ____", "=====", "FAIL: t", "  1) z", "\x1b[31mred\x1b[0m", "a\rb",
    "10:00:00 t", "E   assert 0", "exit code 0",
]  # fmt: skip


@given(
    st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=30)), max_size=80),
    st.integers(0, 30),
    st.integers(0, 400),
)
def test_the_budget_is_kept_and_lines_are_picked_once(
    lines: list[str], max_lines: int, max_chars: int
) -> None:
    found = excerpt(lines, max_lines=max_lines, max_chars=max_chars)
    picked = numbers(found)

    assert len(picked) == len(set(picked)) <= max_lines
    assert sum(len(line.text) for span in found.spans for line in span.lines) <= max_chars
    assert all(1 <= number <= len(lines) for number in picked)
    assert all(line.text.strip() for span in found.spans for line in span.lines)


@given(st.lists(st.sampled_from(WORDS), max_size=60))
def test_an_iterator_gives_what_a_list_gives(lines: list[str]) -> None:
    assert excerpt(iter(lines)) == excerpt(lines)


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        " ",
        "error ",
        "a.b/",
        "1:",
        "a::",
        "\x1b[",
        "\r",
        "-error",
        "no ",
        "* ",
        "A.",
        "Error",
        "warn: ",
        "[1] ",
        "grep ",
        "retry ",
    ],
)
def test_time_grows_in_line_with_a_lines_length_and_lines_are_cut(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        began = time.process_time()
        excerpt([text] * 20)
        return time.process_time() - began

    assert seconds(400_000) < 30 * seconds(40_000) + 0.2


def test_a_generated_console_of_every_kind_of_line_is_read_without_trouble() -> None:
    chance = random.Random(1)  # noqa: S311 - the same console in each run
    lines = [chance.choice(WORDS) for _ in range(CHUNK_LINES * (TAIL_CHUNKS + 2))]

    found = excerpt(lines)

    assert found.total_lines == len(lines)
    assert len(numbers(found)) == 50
