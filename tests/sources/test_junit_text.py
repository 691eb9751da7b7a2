import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.domain.junit_words import BLOCK_END, BLOCK_START
from rootcoz.sources.junit_text import duration_s, own_output


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1.5", 1.5),
        (" 2 ", 2.0),
        ("1e-05", 0.00001),
        (".25", 0.25),
        ("0,123", 0.123),
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1,234,567", 1234567.0),
        ("1 204,5", 1204.5),
        ("1\u00a0204.5", 1204.5),
        ("1'204.5", 1204.5),
        ("", 0.0),
        ("-1", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("1e999", 0.0),
        ("1_0", 0.0),
        ("<<computed>>", 0.0),
        ("00:00:01", 0.0),
    ],
)
def test_durations_are_read_in_the_spellings_that_frameworks_use(text: str, seconds: float) -> None:
    assert duration_s(text) == seconds


@given(st.text())
def test_no_text_gives_a_duration_that_is_not_a_sensible_number(text: str) -> None:
    seconds = duration_s(text)

    assert math.isfinite(seconds)
    assert seconds >= 0.0


def test_what_an_earlier_analysis_wrote_is_no_output_of_the_test() -> None:
    text = f"before\n{BLOCK_START}\nClassification: PRODUCT BUG\n{BLOCK_END}\nafter"

    assert own_output(text) == "beforeafter"


def test_a_begun_block_without_an_end_stays() -> None:
    assert own_output(f"x\n{BLOCK_START}\nrest") == f"x\n{BLOCK_START}\nrest"
