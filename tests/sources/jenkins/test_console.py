import tracemalloc

import pytest

from rootcoz.sources.jenkins.console import (
    HEAD_BYTES,
    LINE_BYTES,
    LINES_AFTER,
    LINES_BEFORE,
    REPEATS,
    TAIL_BYTES,
    Console,
    ConsoleKeeper,
    excerpt_of,
)

QUIET = b"".join(b"2026-03-01 INFO request %05d served\n" % number for number in range(2_000))
ENOUGH = (HEAD_BYTES + TAIL_BYTES) // len(QUIET) + 4
"""So many quiet blocks push whatever stands before them out of the tail, and as many fill the head."""


def read(*pieces: bytes) -> Console:
    keeper = ConsoleKeeper()
    for piece in pieces:
        keeper.feed(piece)
    return keeper.close()


def between(*pieces: bytes) -> Console:
    """The console in which the pieces stand far from both ends."""
    return read(*[QUIET] * ENOUGH, *pieces, *[QUIET] * ENOUGH)


def texts(console: Console, word: str) -> list[str]:
    return [line.text for line in console.lines if word in line.text]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_short_console_is_kept_whole_however_it_arrives(size: int) -> None:
    text = "first\n\nthird é ✗\r\nlast".encode()
    console = read(*[text[at : at + size] for at in range(0, len(text), size)])

    assert [line.text for line in console.lines] == ["first", "", "third é ✗", "last"]
    assert [line.number for line in console.lines] == [1, 2, 3, 4]


def test_an_empty_console_has_no_lines() -> None:
    assert read().lines == ()


def test_of_a_long_console_both_ends_are_kept() -> None:
    console = between()

    assert console.lines[0].number == 1
    assert console.lines[-1].number == console.total_lines == 2 * ENOUGH * 2_000
    assert console.lines_left_out > 0
    assert "lines left out …]" in console.text()


def test_what_speaks_of_trouble_is_kept_from_the_middle_with_the_lines_around_it() -> None:
    trace = b"Traceback (most recent call last):\n" + b"".join(b"  frame %d\n" % n for n in range(30))
    console = between(trace)
    place = next(index for index, line in enumerate(console.lines) if "Traceback" in line.text)

    assert console.lines[place].number == ENOUGH * 2_000 + 1
    assert [
        line.number - console.lines[place].number for line in console.lines[place - 3 : place + 16]
    ] == list(range(-LINES_BEFORE, LINES_AFTER + 1))
    assert console.lines[place - 4].number < console.lines[place].number - LINES_BEFORE


def test_lines_around_trouble_are_kept_across_the_pieces_in_which_they_arrived() -> None:
    console = between(b"before\n", b"ERROR: it broke\n", b"after\n")

    assert texts(console, "before") == ["before"]
    assert texts(console, "after") == ["after"]


def test_trouble_that_repeats_is_kept_a_few_times() -> None:
    console = between(b"".join(b"ERROR: try %d of job %x failed\n" % (n, n * 7919) for n in range(50_000)))

    assert REPEATS <= len(texts(console, "ERROR")) <= REPEATS + LINES_AFTER


def test_each_child_build_that_failed_is_kept() -> None:
    console = between(b"".join(b"Build shard #%d completed: FAILURE\n" % n for n in range(5_000)))

    assert len(texts(console, "shard #")) == 5_000


def test_memory_is_bounded_even_when_every_line_speaks_of_another_trouble() -> None:
    letters = "ghijklmnopqrstuvwxyz"
    keeper = ConsoleKeeper()
    tracemalloc.start()
    for number in range(300):
        shapes = (letters[number % 20] + letters[n % 20] + letters[n // 20 % 20] for n in range(40))
        keeper.feed("".join(f"ERROR {shape} {'w' * 1000}\n" for shape in shapes).encode())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 24_000_000
    assert keeper.close().total_lines == 300 * 40


def test_a_line_without_end_is_cut() -> None:
    console = read(b"first\n", *[b"x" * 100_000] * 20, b"\nlast\n")

    assert [len(line.text) for line in console.lines] == [5, LINE_BYTES, 4]
    assert console.total_lines == 3


def test_colours_and_jenkins_own_notes_are_taken_out() -> None:
    console = read(
        b"\x1b[8mha:////4AAAA=\x1b[0m[Pipeline] sh\n\x1b[31;1mFAILED\x1b[0m a\x1b[K\n\x1b]0;title\x07b\n"
    )

    assert [line.text for line in console.lines] == ["[Pipeline] sh", "FAILED a", "b"]


def test_bytes_that_are_no_text_do_no_harm() -> None:
    assert read(b"\xff\xfe error\n").lines[0].text == "\ufffd\ufffd error"


def test_an_excerpt_has_the_numbers_of_the_whole_console() -> None:
    excerpt = excerpt_of(between(b"ERROR: the disk is full\n"), 10)

    assert (ENOUGH * 2_000 + 1, "ERROR: the disk is full") in [(line.number, line.text) for line in excerpt]


def test_an_excerpt_of_nothing_is_empty() -> None:
    assert excerpt_of(read(), 10) == ()
