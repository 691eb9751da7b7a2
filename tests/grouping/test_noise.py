import pytest

from rootcoz.grouping.noise import RULES, NoiseRule, Replacement, normalise_line

MASKS = [pytest.param(rule, *pair, id=f"{rule.name}: {pair[0]}") for rule in RULES for pair in rule.masks]
KEEPS = [pytest.param(text, id=f"{rule.name}: {text}") for rule in RULES for text in rule.keeps]


@pytest.mark.parametrize(("rule", "text", "expected"), MASKS)
def test_a_rule_masks_its_examples(rule: NoiseRule, text: str, expected: str) -> None:
    found: list[Replacement] = []

    assert normalise_line(text, found=found) == expected
    assert rule.name in {replacement.rule for replacement in found}


@pytest.mark.parametrize("text", KEEPS)
def test_a_rule_keeps_what_it_says_it_keeps(text: str) -> None:
    assert normalise_line(text) == text


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_has_a_reason_and_an_example(rule: NoiseRule) -> None:
    assert rule.why
    assert rule.masks or rule.keeps


def test_names_of_rules_are_unique() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("example", [text for rule in RULES for text, _ in rule.masks])
def test_a_normalised_line_is_left_alone(example: str) -> None:
    once = normalise_line(example)

    assert normalise_line(once) == once


def test_the_values_of_an_assertion_stay() -> None:
    assert normalise_line("3 of 1200 in 5 ms", values=True) == "3 of 1200 in <quantity>"
