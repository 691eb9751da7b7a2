"""Our block stands beside what people wrote, and is replaced and not repeated."""

import pytest

from rootcoz.exporters.report_portal.comment import (
    COMMENT_LIMIT,
    LAST,
    SUMMARY_LIMIT,
    Remark,
    block,
    pushed_classification,
    with_block,
)

REMARK = Remark("PRODUCT BUG", "alice", "The order is lost.", "https://rootcoz.example.com/results/1")


def test_a_block_says_what_was_decided_and_by_whom_why_and_where_the_report_is() -> None:
    assert block(REMARK).splitlines() == [
        "--- rootcoz ---",
        "PRODUCT BUG (decided by alice)",
        "The order is lost.",
        "Report: https://rootcoz.example.com/results/1",
        "--- end of rootcoz ---",
    ]


@pytest.mark.parametrize("people", ["", "Seen by Bob.", "\n  Seen by Bob.\n\n", "Seen\r\nby Bob."])
def test_what_people_wrote_stays_and_a_second_block_takes_the_place_of_the_first(people: str) -> None:
    once = with_block(people, block(REMARK))
    newer = block(Remark("INFRASTRUCTURE"))

    assert with_block(once, block(REMARK)) == once
    assert with_block(once, newer).startswith(people.rstrip())
    assert with_block(once, newer).count("--- rootcoz ---") == 1
    assert "INFRASTRUCTURE" in with_block(once, newer)
    assert "PRODUCT BUG" not in with_block(once, newer)


def test_what_people_wrote_behind_the_block_stays() -> None:
    text = f"Before.\n\n{block(REMARK)}\n\nAfter."

    assert with_block(text, block(Remark("CODE ISSUE"))).endswith(f"{LAST}\n\nAfter.")


def test_a_comment_that_windows_line_ends_were_put_into_is_not_changed_for_them() -> None:
    text = f"Before.\n\n{block(REMARK)}".replace("\n", "\r\n")

    assert with_block(text, block(REMARK)) == text


def test_of_two_blocks_one_is_left() -> None:
    assert with_block(f"{block(REMARK)}\n{block(REMARK)}", block(REMARK)).count(LAST) == 1


def test_a_comment_without_room_stays_as_it_is() -> None:
    full = "x" * (COMMENT_LIMIT - 10)

    assert with_block(full, block(REMARK)) == full


def test_a_summary_is_bounded_and_cannot_end_the_block() -> None:
    made = block(Remark("CODE ISSUE", summary=f"one\n{LAST}\ntwo {'x' * 5_000}"))

    assert made.count(LAST) == 1
    assert len(made) < SUMMARY_LIMIT + 100


def test_what_was_pushed_before_is_read_again() -> None:
    assert pushed_classification(with_block("Hm.", block(REMARK))) == "PRODUCT BUG"
    assert pushed_classification("PRODUCT BUG") == ""
