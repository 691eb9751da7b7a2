import pytest
from bench.quality_scores import (
    FailingTest,
    Pairs,
    Verdict,
    count_pairs,
    first_hit,
    is_blank,
    score_excerpt,
    score_report,
    score_statements,
    score_verdicts,
)


def test_a_statement_counts_when_its_group_holds_all_its_lines_and_no_others() -> None:
    score = score_statements("aaabbc", [1, 1, 1, 2, 3, 4])

    assert score.accuracy == pytest.approx(4 / 6)
    assert score.template_f1 == pytest.approx(2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3))


def test_two_statements_in_one_group_count_for_neither() -> None:
    assert score_statements("ab", [1, 1]).accuracy == 0


def test_pairs_are_counted_within_groups() -> None:
    pairs = count_pairs("aaab", "xxyy")

    assert pairs == Pairs(right=1, together=2, belonging=3)
    assert (pairs.precision, pairs.false_merges) == (0.5, 1)
    assert pairs.recall == pytest.approx(1 / 3)


def test_failures_that_all_differ_are_grouped_perfectly_by_keys_that_all_differ() -> None:
    pairs = count_pairs("abc", [1, 2, 3])

    assert pairs.perfect
    assert pairs.f1 == 1


def test_the_first_hit_is_counted_from_one() -> None:
    assert first_hit([4, 2, 0], frozenset({0, 2})) == 2


def test_a_ranking_without_a_sibling_has_no_hit() -> None:
    assert first_hit([4], frozenset({0})) is None


def test_a_line_of_colours_only_is_blank() -> None:
    assert is_blank("  \x1b[0m ")


def test_of_an_excerpt_the_first_lines_count() -> None:
    found = score_excerpt([7, 3, 9], [frozenset({3, 4})], frozenset({7}), 2)

    assert (found.hit, found.recall, found.precision) == (1, 0.5, 1)


def test_of_alternatives_the_one_found_best_counts() -> None:
    found = score_excerpt([5], [frozenset({1}), frozenset({5})], frozenset(), None)

    assert found.recall == 1


def test_an_abstention_is_wrong() -> None:
    score = score_verdicts([Verdict(("PRODUCT BUG",), None), Verdict(("PRODUCT BUG",), "PRODUCT BUG")])

    assert (score.accuracy, score.abstained) == (0.5, 0.5)


def test_infrastructure_is_scored_against_all_other_cases() -> None:
    two_accepted = Verdict(("CODE ISSUE", "PRODUCT BUG"), "INFRASTRUCTURE")
    score = score_verdicts([two_accepted, Verdict(("INFRASTRUCTURE",), "INFRASTRUCTURE")])

    assert score.accuracy == 1
    assert score.infrastructure_f1 == pytest.approx(2 / 3)


def test_a_report_is_compared_by_names_and_the_beginnings_of_texts() -> None:
    expected = [("a.b", ("went  wrong",)), ("a.c", ("gone",)), ("a.d", ())]
    read = [FailingTest("a.b", "it went wrong"), FailingTest("a.c", "?"), FailingTest("x", "")]
    score = score_report(expected, read, refused=False)

    assert (score.counted, score.matched, score.detailed) == (1, 2, 1)


def test_a_refused_report_is_not_counted() -> None:
    assert score_report([], [], refused=True).counted == 0
