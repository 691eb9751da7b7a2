import json
from pathlib import Path

import pytest

from rootcoz.domain.errors import InvalidInput
from rootcoz.providers.pattern_book import PatternBook

GOOD: dict[str, object] = {
    "name": "license-server",
    "classification": "INFRASTRUCTURE",
    "pattern": "license server is unreachable",
    "reason": "the license server was out of reach",
    "examples": ["the license server is unreachable"],
}


def write(path: Path, *entries: dict[str, object]) -> None:
    path.write_text(json.dumps(entries), encoding="utf-8")


def test_a_changed_file_is_read_again_and_a_broken_one_keeps_the_last_good(tmp_path: Path) -> None:
    path = tmp_path / "patterns.json"
    write(path, GOOD)
    book = PatternBook(path)
    first = [rule.name for rule in book.current()]
    write(path, GOOD, GOOD | {"name": "second"})
    second = [rule.name for rule in book.current()]
    write(path, GOOD, GOOD | {"name": "third", "pattern": "(?<=x)y"})
    kept = [rule.name for rule in book.current()]
    problem = book.problem
    write(path, GOOD)
    mended = [rule.name for rule in book.current()]

    assert first == ["license-server"]
    assert second == ["license-server", "second"]
    assert kept == second
    assert "pattern 2 (third)" in problem
    assert (mended, book.problem) == (first, "")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.yaml cannot be read"):
        PatternBook(tmp_path / "none.yaml").load()


def test_a_name_of_a_built_in_rule_is_taken(tmp_path: Path) -> None:
    write(tmp_path / "p.json", GOOD | {"name": "disk-full"})

    with pytest.raises(InvalidInput, match="name is taken"):
        PatternBook(tmp_path / "p.json").load()
