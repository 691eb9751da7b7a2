import json
from typing import Any

import pytest

from rootcoz.domain.errors import InvalidInput
from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import Classification, Finding
from rootcoz.triage import judge, speaking
from rootcoz.triage.pattern_file import parse_patterns
from rootcoz.triage.rule import Weight

LICENSE = {
    "name": "license-server",
    "classification": "INFRASTRUCTURE",
    "pattern": r"license server \S+ is unreachable",
    "reason": "the license server was out of reach",
    "weight": "strong",
    "examples": ["ERROR License server lic-3 is unreachable"],
    "counter_examples": ["no license"],
}
YAML = b"""
patterns:
  - name: license-server
    classification: infrastructure
    pattern: 'license server \\S+ is unreachable'
    reason: the license server was out of reach.
    examples: [license server a is unreachable]
"""
TOML = b"""
[[patterns]]
name = "license-server"
classification = "INFRASTRUCTURE"
pattern = 'license server \\S+ is unreachable'
reason = "the license server was out of reach"
examples = ["license server a is unreachable"]
"""


def written(**changes: object) -> bytes:
    return json.dumps([LICENSE | changes]).encode()


@pytest.mark.parametrize(
    ("file", "content"), [("p.yaml", YAML), ("p.toml", TOML), ("p.json", written(weight="fair"))]
)
def test_a_file_is_read_in_each_of_its_forms(file: str, content: bytes) -> None:
    (rule,) = parse_patterns(content, file)

    assert (rule.name, rule.classification, rule.weight) == (
        "license-server",
        Classification.INFRASTRUCTURE,
        Weight.FAIR,
    )
    assert rule.reason == "the license server was out of reach"


def test_a_pattern_votes_with_its_own_words_quoted() -> None:
    rules = parse_patterns(written(), "p.json")
    failure = Failure("t", "checkout broke\nERROR: grüße: license server LIC-3 is unreachable (5)\nbye")

    answer = judge(failure, own_rules=rules)

    assert not isinstance(judge(failure), Finding)
    assert isinstance(answer, Finding)
    assert answer.rules == ("license-server",)
    assert answer.evidence[0].quote == "ERROR: grüße: license server LIC-3 is unreachable (5)"
    assert speaking(failure, rules) == ["license-server"]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"pattern": "(a"}, "expression cannot be used"),
        ({"pattern": "(?=a)b"}, "expression cannot be used"),
        ({"pattern": "something else"}, "does not find its example"),
        ({"counter_examples": ["the license server x is unreachable"]}, "finds its counter-example"),
        ({"classification": "WEATHER"}, "classification"),
        ({"examples": []}, "examples"),
        ({"colour": "red"}, "colour"),
        ({"name": "disk-full"}, "name is taken"),
    ],
)
def test_a_wrong_entry_is_named_with_what_is_wrong(changes: dict[str, Any], word: str) -> None:
    name = changes.get("name", "license-server")

    with pytest.raises(InvalidInput, match=rf"p\.json: pattern 1 \({name}\): .*{word}"):
        parse_patterns(written(**changes), "p.json", known=["disk-full"])


@pytest.mark.parametrize("content", [b"{", b"3", b'{"patterns": 3}', b"\xff\xfe"])
def test_what_is_no_list_of_patterns_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"p\.json "):
        parse_patterns(content, "p.json")


def test_an_expression_that_would_run_for_ever_elsewhere_ends() -> None:
    rules = parse_patterns(written(pattern="(a+)+b|license server lic-3 is unreachable"), "p.json")

    assert speaking(Failure("t", "a" * 30_000), rules) == []
