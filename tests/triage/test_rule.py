import pytest

from rootcoz.domain.finding import Classification
from rootcoz.triage import RULES
from rootcoz.triage.rule import Rule

EXAMPLES = [
    pytest.param(rule, text, id=f"{rule.name}:{text[:30]}") for rule in RULES for text in rule.examples
]
COUNTER_EXAMPLES = [
    pytest.param(rule, text, id=f"{rule.name}:{text[:30]}")
    for rule in RULES
    for text in rule.counter_examples
]


@pytest.mark.parametrize(("rule", "text"), EXAMPLES)
def test_a_rule_finds_itself_in_its_examples(rule: Rule, text: str) -> None:
    assert rule.find(text, text.lower()) is not None


@pytest.mark.parametrize(("rule", "text"), COUNTER_EXAMPLES)
def test_a_rule_does_not_find_itself_in_its_counter_examples(rule: Rule, text: str) -> None:
    assert rule.find(text, text.lower()) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_has_examples_of_both_kinds_and_lower_case_hints(rule: Rule) -> None:
    assert rule.examples
    assert rule.counter_examples
    assert all(hint == hint.lower() for hint in rule.hints)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_explains_itself_in_sentences_that_fit_the_report(rule: Rule) -> None:
    assert not rule.reason.endswith(".")
    assert rule.reason[0].islower()
    assert rule.advice.endswith(".")


def test_rule_names_are_unique() -> None:
    names = [rule.name for rule in RULES]

    assert len(set(names)) == len(names)


def test_every_classification_has_rules() -> None:
    assert {rule.classification for rule in RULES} == set(Classification)
