"""Trying patterns on stored failures, through the command that people use."""

import json
from pathlib import Path

import pytest
from tests.support.in_process import running_api

from rootcoz.cli.main import main
from rootcoz.domain.finding import Classification
from rootcoz.domain.review import FailureTarget
from rootcoz.features.review import Reviews
from rootcoz.store.engine import Database

FAILURES = {
    "failures": [
        {"test_name": "a.one", "error_message": "license server lic-1 is unreachable"},
        {"test_name": "a.two", "error_message": "license server lic-2 is unreachable"},
        {"test_name": "b.one", "error_message": "license server of the other kind is unreachable"},
        {"test_name": "c.one", "error_message": "something else"},
    ]
}
PATTERN = {
    "name": "license-server",
    "classification": "INFRASTRUCTURE",
    "pattern": "license server .* is unreachable",
    "reason": "the license server was out of reach",
    "weight": "strong",
    "examples": ["license server x is unreachable"],
}


@pytest.fixture
def patterns(tmp_path: Path) -> Path:
    path = tmp_path / "patterns.json"
    path.write_text(json.dumps([PATTERN]), encoding="utf-8")
    return path


async def stored(folder: Path) -> None:
    """An analysis in which a person agrees with the pattern once, and once does not."""
    async with running_api(folder) as api:
        job_id = await api.submit(FAILURES)
        await api.finished(job_id)
        database = await Database.open(folder)
        try:
            reviews = Reviews(database)
            await reviews.override(job_id, FailureTarget("a.one"), Classification.INFRASTRUCTURE, "carol")
            await reviews.override(job_id, FailureTarget("b.one"), Classification.PRODUCT_BUG, "carol")
        finally:
            await database.close()


def test_trying_says_what_changes_and_who_agrees(
    tmp_path: Path, patterns: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import asyncio  # noqa: PLC0415 - the command runs a loop of its own, so this test must not be in one

    data = tmp_path / "data"
    data.mkdir()
    asyncio.run(stored(data))

    code = main(["triage-patterns", "try", str(patterns), "--data-dir", str(data)])
    told = capsys.readouterr().out

    assert code == 0
    assert "license-server (INFRASTRUCTURE): finds" in told
    assert "agree with 1 and disagree with 1" in told
    assert "b.one: PRODUCT BUG" in told
    assert "no verdict -> INFRASTRUCTURE: " in told


def test_checking_names_the_patterns_or_the_entry_that_is_wrong(
    tmp_path: Path, patterns: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = main(["triage-patterns", "check", str(patterns)])
    patterns.write_text(json.dumps([PATTERN | {"pattern": "nothing"}]), encoding="utf-8")
    wrong = main(["triage-patterns", "check", str(patterns)])
    said = capsys.readouterr()

    assert (right, wrong) == (0, 2)
    assert "license-server: INFRASTRUCTURE, 1 example as they should be" in said.out
    assert "pattern 1 (license-server): it does not find its example" in said.err
