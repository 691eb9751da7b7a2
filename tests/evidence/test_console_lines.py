import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.evidence.console_lines import MAX_CHARS, plain


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-03-01T10:11:12.1234567Z ",
        "[2026-03-01T10:11:12.123Z] ",
        "2026-03-01 10:11:12,123 ",
        "10:11:12  ",
        "10:11:12 ",
        "[10:11:12] ",
        "00:01:02.345 ",
        "build\ttest step\t2026-03-01T10:11:12.1234567Z ",
        "Mar  1 10:11:12 ",
        "[   12.345] ",
        "[2026-03-01T10:11:12.123Z] 10:11:12 ",
    ],
)
def test_the_stamps_of_ci_systems_are_taken_off(stamp: str) -> None:
    assert plain(f"{stamp}error: it broke") == "error: it broke"


def test_the_indentation_behind_a_stamp_stays() -> None:
    assert plain("2026-03-01T10:11:12.1234567Z     at a.b(C.java:1)") == "    at a.b(C.java:1)"


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("\x1b[31;1mFAIL\x1b[0m src/a.test.js", "FAIL src/a.test.js"),
        ("\x1b]8;;https://example.com\x07link\x1b]8;;\x07", "link"),
        (" 10%|#\r 50%|#####\r100%|##########", "100%|##########"),
        ("t/a.t .. 1/1\r      \rt/a.t .. ok\r", "t/a.t .. ok"),
        ("done\r", "done"),
        ("tests/a.py:12:5: E501 too long", "tests/a.py:12:5: E501 too long"),
        ("12 errors", "12 errors"),
    ],
)
def test_a_line_reads_as_a_terminal_shows_it(line: str, seen: str) -> None:
    assert plain(line) == seen


def test_a_long_line_keeps_its_beginning_and_its_end() -> None:
    line = plain("gcc " + "-Ipath " * 10_000 + "main.c:1:1: error: no")

    assert line.startswith("gcc ")
    assert line.endswith("main.c:1:1: error: no")
    assert len(line) <= MAX_CHARS + 3


@given(st.text(max_size=200))
def test_no_control_characters_are_left(line: str) -> None:
    assert not set(plain(line)) & set("\x00\x07\x08\x1b\r")
