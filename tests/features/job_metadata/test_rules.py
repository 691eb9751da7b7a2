import json
import re
import time
from pathlib import Path

import pytest

from rootcoz.domain.errors import InvalidInput
from rootcoz.domain.job_metadata import JobMetadata
from rootcoz.features.job_metadata.metadata import MetadataRules
from rootcoz.features.job_metadata.rules import Rules, parse_rules, read_rules

EXAMPLE = r"""
metadata_rules:
  - pattern: "test-*-smoke"
    labels: smoke
  - pattern: 'test-(?P<team>[a-z]+)-(?P<version>\d+\.\d+)-.*'
    tier: critical
    labels: [nightly]
"""


def rules(*entries: dict[str, object]) -> Rules:
    return parse_rules(list(entries), "rules.yaml")


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_globs_and_captures_come_together(tmp_path: Path) -> None:
    found = read_rules(written(tmp_path / "rules.yaml", EXAMPLE)).metadata_for("test-net-4.18-smoke")

    assert found == JobMetadata("test-net-4.18-smoke", "net", "critical", "4.18", ("smoke", "nightly"))


def test_json_says_the_same_as_yaml(tmp_path: Path) -> None:
    entries = [{"pattern": "a*", "team": "x", "labels": ["one", "two"]}]
    plain = read_rules(written(tmp_path / "plain.json", json.dumps(entries)))
    keyed = read_rules(written(tmp_path / "keyed.json", json.dumps({"metadata_rules": entries})))

    assert (
        plain.metadata_for("abc")
        == keyed.metadata_for("abc")
        == JobMetadata("abc", "x", None, None, ("one", "two"))
    )


def test_a_version_stays_as_it_is_written(tmp_path: Path) -> None:
    file = written(tmp_path / "rules.yml", "- pattern: '*'\n  version: 4.10\n  team: no\n  tier: null\n")

    assert read_rules(file).metadata_for("any") == JobMetadata("any", "no", None, "4.10")


def test_the_first_rule_with_a_value_decides_and_labels_add_up() -> None:
    found = rules(
        {"pattern": "nightly-*", "labels": ["nightly"]},
        {"pattern": "nightly-(?P<team>[a-z]+)", "tier": "low", "labels": ["captured", "nightly"]},
        {"pattern": "*", "team": "everybody", "tier": "high", "version": "1"},
    ).metadata_for("nightly-net")

    assert found == JobMetadata("nightly-net", "net", "low", "1", ("nightly", "captured"))


def test_a_stated_value_comes_before_a_captured_one() -> None:
    found = rules({"pattern": "(?P<team>[a-z]+)-.*", "team": "stated"}).metadata_for("net-x")

    assert found is not None
    assert found.team == "stated"


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
    [
        ("folder/*", "folder/sub/job", True),
        ("job", "job-2", False),
        ("JOB", "job", False),
        ("job-[0-9]", "job-7", True),
        (r"job-\\d+", "job-12", False),  # without a named group it is a glob
        (r"(?P<team>net)", "net-2", False),  # the whole name
    ],
)
def test_what_a_pattern_matches(pattern: str, name: str, *, matches: bool) -> None:
    assert (rules({"pattern": pattern, "labels": ["x"]}).metadata_for(name) is not None) is matches


@pytest.mark.parametrize(
    "pattern", ["(?P<team>(a+)+)b", "a*a*a*a*a*a*a*a*a*a*a*a*a*b", "(?P<team>(.*.*.*.*)*)x"]
)
def test_no_pattern_runs_away(pattern: str) -> None:
    hostile = rules({"pattern": pattern})
    began = time.process_time()

    assert hostile.metadata_for("a" * 100_000) is None
    assert time.process_time() - began < 20  # a backtracking engine would not end at all


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("just words", "must hold a list of rules"),
        ([{"pattern": "x", "colour": "red"}], "rule 1, colour"),
        ([{"pattern": "x"}, {"team": "y"}], "rule 2, pattern"),
        ([{"pattern": "(?P<team>x"}], "rule 1: the pattern"),
        ([{"pattern": r"(?P<team>x)(?=y)"}], "Look-around"),
        ([{"pattern": "x", "labels": {"a": 1}}], "rule 1, labels"),
        ([7], "rule 1"),
    ],
)
def test_what_is_wrong_is_said_with_the_rule_s_number(content: object, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(complaint)):
        parse_rules(content, "rules.yaml")


@pytest.mark.parametrize("text", ["{", "\t- pattern: x", "- &a [*a"])
def test_a_malformed_file_is_named(tmp_path: Path, text: str) -> None:
    for name in ("broken.yaml", "broken.json"):
        with pytest.raises(InvalidInput, match=re.escape(name)):
            read_rules(written(tmp_path / name, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"nowhere\.yaml cannot be read"):
        read_rules(tmp_path / "nowhere.yaml")


def test_a_changed_file_is_read_again_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    file = written(tmp_path / "rules.yaml", "- {pattern: '*', team: first}")
    kept = MetadataRules(file)
    kept.load()
    first = kept.metadata_for("job")
    written(file, "- {pattern: '*', team: the-second}")
    second = kept.metadata_for("job")
    written(file, "- {pattern: '*', team: broken")
    third = kept.metadata_for("job")
    file.unlink()
    fourth = kept.metadata_for("job")

    assert [one.team for one in (first, second, third, fourth) if one] == ["first", *["the-second"] * 3]


def test_a_job_without_a_name_gets_nothing(tmp_path: Path) -> None:
    kept = MetadataRules(written(tmp_path / "rules.yaml", "- {pattern: '*', team: first}"))

    assert kept.metadata_for("") is None
