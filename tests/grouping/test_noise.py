import re
import time

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


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_passes_the_look_around_that_it_needs(rule: NoiseRule) -> None:
    quick, full = re.compile("".join(rule.needs)), re.compile(rule.pattern)
    texts = [example for other in RULES for example, _ in other.masks] + [
        text for other in RULES for text in other.keeps
    ]
    places = [(text, at) for text in texts for at in range(len(text)) if text[at] in rule.starts]
    # A sign's own character is read before what the rule needs is looked at.
    ahead = 1 if rule.starts in set("@#/-") else 0

    assert all(quick.match(text, at + ahead) for text, at in places if full.match(text, at))


HOSTILE = [
    "a",
    "0",
    "f0",
    "/a",
    "/a.",
    "1.",
    "1 234 ",
    "a-",
    "f:",
    "0:",
    "1/",
    "-bcdfg",
    "Mon ",
    "tmp.aB",
    "/work/1",
    "1'",
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_time_of_a_rule_grows_no_faster_than_the_text(rule: NoiseRule) -> None:
    pattern = re.compile(
        "".join(rule.needs) + rule.pattern if rule.starts not in set("@#/-") else rule.pattern
    )

    def seconds(unit: str, length: int) -> float:
        text = (unit * length)[:length]
        best = 9.0
        for _ in range(3):
            start = time.process_time()
            for position in range(0, length, 4):
                pattern.match(text, position)
            best = min(best, time.process_time() - start)
        return best

    # Ten times the text and the positions in it: linear is 10, quadratic would be 100. Noise is allowed a factor of 3.
    for unit in HOSTILE:
        assert seconds(unit, 20_000) < 30 * seconds(unit, 2_000) + 0.005, unit
