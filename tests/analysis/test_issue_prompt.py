"""The prompt file of a repository that is on no GitHub: a real git server is cloned from."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from sqlalchemy import update
from tests.support.analyses import added
from tests.support.git_server import GitServer, Repository, git_server

from rootcoz.analysis.issue_prompt import PromptParts, RepositoryFiles, issue_prompt
from rootcoz.domain.analysis import AnalysisOptions, RepositoryOrder
from rootcoz.domain.errors import NotConfigured
from rootcoz.kit.sealed import Seal
from rootcoz.store.engine import Database
from rootcoz.store.schema import analyses

FILE = ".rootcoz/ROOTCOZ_ISSUE_PROMPT.md"
JOB = "job-prompt"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    repository = Repository(tmp_path / "served", "tests", tmp_path / "work")
    repository.commit({FILE: "Name the version."})
    with git_server(tmp_path / "served", token="the-token") as server:  # noqa: S106 - of the test's own server
        yield server


async def prompt(data: Path, url: str, token: str) -> str:
    def no_github(_url: str, _token: str, _github_token: str) -> RepositoryFiles:
        raise NotConfigured("not on GitHub")

    database = await Database.open(data)
    try:
        await added(database, JOB)
        options = AnalysisOptions(
            "builtin", "", 60, 1, repositories=(RepositoryOrder("tests", url, is_tests=True),)
        )
        async with database.write() as connection:
            await connection.execute(update(analyses).values(options=asdict(options)))
        parts = PromptParts(
            database=database,
            seal=Seal("secret"),
            files=no_github,
            tokens=lambda orders, _secrets: {order.name: token for order in orders},
            workspaces=data / "workspaces",
            scratch=data,
        )
        return await issue_prompt(JOB, parts)
    finally:
        await database.close()


async def test_it_is_cloned_and_nothing_of_the_clone_stays(tmp_path: Path, server: GitServer) -> None:
    data = tmp_path / "data"
    data.mkdir()

    assert await prompt(data, f"{server.url}/tests.git", "the-token") == "Name the version."
    assert list((data / "workspaces").iterdir()) == []


async def test_a_repository_that_cannot_be_read_has_no_prompt(tmp_path: Path, server: GitServer) -> None:
    data = tmp_path / "data"
    data.mkdir()

    assert await prompt(data, f"{server.url}/tests.git", "another-token") == ""
    assert await prompt(tmp_path / "served", f"{server.url}/nothing.git", "the-token") == ""
