"""Items and failures are brought together across the spellings of frameworks, and never by guessing."""

import json
from pathlib import Path
from typing import Any

import pytest

from rootcoz.exporters.report_portal.names import FailureName, ItemName, match_items

CASES = json.loads(
    (Path(__file__).parents[2] / "corpus" / "item_names" / "spellings.json").read_text("utf-8")
)


def item(item_id: int = 1, name: str = "", **fields: Any) -> ItemName:  # noqa: ANN401 - as the corpus has them
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    return ItemName(item_id, name, **fields)


def apart(*names: str) -> list[FailureName]:
    """Failures with a finding each."""
    return [FailureName(name, number) for number, name in enumerate(names)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_an_item_is_the_failure_that_the_corpus_says(case: dict[str, Any]) -> None:
    matches = match_items([item(**case["item"])], apart(*case["failures"]))

    assert matches.failure_of == ({1: case["is"]} if "is" in case else {})
    assert [no.reason for no in matches.unmatched if case.get("because", "") not in no.reason] == []
    assert len(matches.unmatched) == ("is" not in case)


def test_failures_with_the_same_finding_need_not_be_told_apart() -> None:
    failures = [FailureName("a.test_bad", "same"), FailureName("b.test_bad", "same")]

    assert match_items([item(1, "test_bad")], failures).failure_of == {1: 0}


def test_retries_of_a_test_are_all_its_failure() -> None:
    retries = [item(number, "testBad", code_ref="com.acme.LoginTest.testBad") for number in (1, 2, 3)]

    assert match_items(retries, apart("com.acme.LoginTest.testBad")).failure_of == {1: 0, 2: 0, 3: 0}


def test_all_runs_with_arguments_are_a_failure_that_names_none() -> None:
    runs = [
        item(number, f"a/test_x.py::test_y[{number}]", code_ref="a/test_x.py:test_y") for number in (1, 2)
    ]

    assert match_items(runs, apart("a.test_x.test_y")).failure_of == {1: 0, 2: 0}


def test_of_two_tests_that_one_failure_might_be_neither_is_taken() -> None:
    items = [item(1, "a/test_x.py::test_y"), item(2, "b/test_x.py::test_y")]
    matches = match_items(items, apart("test_x.test_y"))

    assert matches.failure_of == {}
    assert {no.reason for no in matches.unmatched} == {
        "several tests of the launch fit the failure test_x.test_y"
    }


def test_as_many_tests_as_failures_with_one_finding_are_taken() -> None:
    items = [item(1, "a/test_x.py::test_y"), item(2, "b/test_x.py::test_y")]
    failures = [FailureName("test_x.test_y", "same"), FailureName("test_x.test_y", "same")]

    assert match_items(items, failures).failure_of.keys() == {1, 2}


def test_an_item_that_fits_as_a_whole_goes_before_one_that_fits_in_part() -> None:
    items = [item(1, "tests/test_x.py::test_y"), item(2, "old/tests/test_x.py::test_y")]
    matches = match_items(items, apart("tests.test_x.test_y"))

    assert matches.failure_of == {1: 0}
    assert matches.unmatched[0].reason == "another item fits the failure tests.test_x.test_y better"


def test_failures_that_no_item_is_are_told() -> None:
    matches = match_items([item(1, "a.x")], apart("a.x", "a.y", "a.x.z"))

    assert matches.missing == [1, 2]


def test_many_long_names_that_are_all_alike_take_no_time() -> None:
    sentence = " ".join(f"word{number}" for number in range(80))
    failures = [FailureName(f"suite {number}.{sentence}", number) for number in range(2_000)]
    items = [item(number, sentence, path=(f"suite {number}",)) for number in range(2_000)]

    matches = match_items(items, failures)

    assert len(matches.failure_of) + len(matches.unmatched) == len(items)
