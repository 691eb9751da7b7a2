"""`worker`, and what DATABASE_URL means for the other commands."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.server import scrubbed

PASSING = '<testsuite name="s"><testcase name="t"/></testsuite>'


def run(folder: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "rootcoz.cli.main", *arguments],
        cwd=folder,
        env=scrubbed(folder, settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_worker_without_a_shared_database_says_what_it_lacks(tmp_path: Path) -> None:
    ended = run(tmp_path, "worker")

    assert ended.returncode == 2
    assert "set DATABASE_URL" in ended.stderr


@pytest.mark.parametrize("command", [("worker",), ("serve", "--port", "0")])
def test_a_shared_database_needs_a_shared_key(tmp_path: Path, command: tuple[str, ...]) -> None:
    ended = run(tmp_path, *command, DATABASE_URL="postgresql://me:hush@127.0.0.1:1/results")

    assert ended.returncode == 2
    assert "ROOTCOZ_ENCRYPTION_KEY is needed with DATABASE_URL" in ended.stderr
    assert "hush" not in ended.stderr


@pytest.mark.parametrize("address", ["postgresql://me:hush@127.0.0.1:1/results", "mysql://me:hush@h/d"])
def test_a_database_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path, address: str) -> None:
    ended = run(tmp_path, "serve", "--port", "0", DATABASE_URL=address, ROOTCOZ_ENCRYPTION_KEY="key")

    assert ended.returncode == 2
    assert "DATABASE_URL" in ended.stderr
    assert "hush" not in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_analysis_in_its_own_process_leaves_the_database_of_what_is_tested_alone(tmp_path: Path) -> None:
    (tmp_path / "report.xml").write_text(PASSING)
    ended = run(tmp_path, "analyze", "report.xml", "--data-dir", "data", DATABASE_URL="mysql://me@db/shop")

    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "data" / "rootcoz.sqlite3").exists()
