"""How alike a failure and an issue are."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.domain.issue import TrackerIssue
from rootcoz.evidence.similarity import RELEVANT, Subject, coverage, issue_score, likeness, words

CORPUS = Path(__file__).parent.parent / "corpus" / "issues" / "pairs.json"
PAIRS: list[dict[str, Any]] = json.loads(CORPUS.read_text("utf-8"))["pairs"]
WORDS = st.frozensets(st.sampled_from(["login", "page", "volume", "node", "lease", "order"]))


def issue(title: str, excerpt: str = "", labels: tuple[str, ...] = ()) -> TrackerIssue:
    return TrackerIssue("A-1", title, "Open", "https://x.example/A-1", labels=labels, excerpt=excerpt)


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['title'][:30]} / {pair['issue'][:30]}")
def test_an_issue_is_relevant_when_a_person_says_so(pair: dict[str, Any]) -> None:
    score = issue_score(Subject(pair["title"], pair["error"]), issue(pair["issue"], pair["text"]))

    assert (score >= RELEVANT) is pair["same"], score


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("NullPointerException in CheckoutService", {"pointer", "checkout", "service"}),
        ("HTTPServer502 snake_case_name", {"http", "server", "snake", "case", "name"}),
        ("The tests failed with an error", set()),
        ("addresses, process", {"addresse", "process"}),
        ("Größe überschritten", {"größe", "überschritten"}),
        ("0xdeadbeef 123 a1 ok", {"xdeadbeef"}),
    ],
)
def test_words_are_taken_apart_and_empty_ones_left_out(text: str, expected: set[str]) -> None:
    assert words(text) == expected


def test_equal_titles_score_one_and_strangers_nothing() -> None:
    subject = Subject("Login page times out", "")

    assert issue_score(subject, issue("login page times out")) == 1
    assert issue_score(subject, issue("Volume is not attached")) == 0


def test_a_single_common_word_is_not_enough() -> None:
    assert issue_score(Subject("Login", "Login"), issue("Login")) < RELEVANT


def test_an_issue_about_another_thing_is_not_relevant_for_its_library_s_phrase() -> None:
    phrase = "no such element: unable to locate element"

    assert issue_score(Subject("Avatar upload", phrase), issue("Basket", phrase)) < RELEVANT


def test_labels_count_as_text() -> None:
    subject = Subject("gateway", "payment gateway restarts")

    assert issue_score(subject, issue("x", labels=("payment", "gateway", "restarts"))) > RELEVANT


@given(st.text(max_size=300), st.text(max_size=300), st.text(max_size=300), st.text(max_size=300))
def test_a_score_is_from_0_to_1(title: str, error: str, theirs: str, excerpt: str) -> None:
    assert 0 <= issue_score(Subject(title, error), issue(theirs, excerpt)) <= 1


@given(WORDS, WORDS)
def test_likeness_is_the_same_from_both_sides(ours: frozenset[str], theirs: frozenset[str]) -> None:
    assert likeness(ours, theirs) == likeness(theirs, ours)


@given(WORDS, WORDS, WORDS)
def test_more_text_never_covers_less(
    ours: frozenset[str], theirs: frozenset[str], more: frozenset[str]
) -> None:
    assert coverage(ours, theirs | more) >= coverage(ours, theirs)
