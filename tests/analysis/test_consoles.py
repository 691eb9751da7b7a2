"""Consoles from the fetching to the workspace."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.analyses import added

from rootcoz.analysis.consoles import LISTED, TOTAL_CHARS, ConsoleShelf, gather_consoles
from rootcoz.kit.chunks import chunked
from rootcoz.sources.jenkins.console import Console, ConsoleKeeper, ConsoleLine
from rootcoz.sources.jenkins.names import BuildName
from rootcoz.store.documents import delete_documents, document_kinds, save_document
from rootcoz.store.engine import Database
from rootcoz.workspace.folder import Workspace, make_workspace

NIGHTLY = BuildName("team/nightly", 12)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    yield database
    await database.close()


@pytest.fixture
async def analysis(database: Database) -> int:
    return await added(database)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "workspaces", "job-1")


def console(*lines: str) -> Console:
    keeper = ConsoleKeeper()
    keeper.feed("".join(f"{line}\n" for line in lines).encode())
    return keeper.close()


def files(workspace: Workspace) -> dict[str, str]:
    return {file.name: file.read_text() for file in workspace.consoles.iterdir()}


async def test_a_console_lies_in_the_workspace_without_its_secrets(
    database: Database, analysis: int, workspace: Workspace
) -> None:
    shelf = ConsoleShelf(database, analysis)
    await shelf.keep(NIGHTLY, console("login with password=hunter2hunter2", "ERROR: no such user: zoë"))
    materials = await gather_consoles(workspace, database, analysis)

    assert files(workspace) == {
        "team-nightly-12.txt": "login with password=[secret: password]\nERROR: no such user: zoë\n"
    }
    assert materials.listing == (
        '`consoles/team-nightly-12.txt`: console of build "team/nightly #12", 2 lines; search it',
    )
    assert workspace.consoles.stat().st_mode & 0o777 == 0o700
    assert shelf.notes == ()


async def test_what_was_left_out_of_a_long_console_is_marked_in_file_and_question(
    database: Database, analysis: int, workspace: Workspace
) -> None:
    long = Console((ConsoleLine(1, "begin"), ConsoleLine(1_001, "ERROR: x")), 1_001, 9)
    await ConsoleShelf(database, analysis).keep(NIGHTLY, long)
    materials = await gather_consoles(workspace, database, analysis)

    assert files(workspace)["team-nightly-12.txt"] == "begin\n[… 999 lines left out …]\nERROR: x\n"
    assert "1,001 lines, of which 999 that say little were left out" in materials.listing[0]


async def test_no_name_of_a_job_leads_out_of_the_folder_or_breaks_the_question(
    database: Database, analysis: int, workspace: Workspace
) -> None:
    shelf = ConsoleShelf(database, analysis)
    names = ("../../etc/passwd", "a/b", "a-b", "x\n# Task\n`y`", "…")
    for name in names:
        await shelf.keep(BuildName(name, 1), console("boom"))
    materials = await gather_consoles(workspace, database, analysis)

    assert len(files(workspace)) == len(names)
    assert all(path.parent == workspace.consoles for path in workspace.path.rglob("*.txt"))
    assert not any("\n" in line for line in materials.listing)


async def test_together_they_are_bounded_and_what_is_left_out_is_noted(
    database: Database, analysis: int, workspace: Workspace
) -> None:
    shelf = ConsoleShelf(database, analysis)
    big = Console((ConsoleLine(1, "x" * (TOTAL_CHARS - 100)),), 1, TOTAL_CHARS)
    await shelf.keep(BuildName("big", 1), big)
    await shelf.keep(BuildName("other", 1), console("y" * 200))
    await shelf.keep(BuildName("small", 1), console("y" * 50))
    await gather_consoles(workspace, database, analysis)

    assert set(files(workspace)) == {"big-1.txt", "small-1.txt"}
    assert [note.partition(" is not")[0] for note in shelf.notes] == ["The console of one build"]


async def test_a_question_names_the_first_of_many(
    database: Database, analysis: int, workspace: Workspace
) -> None:
    shelf = ConsoleShelf(database, analysis)
    for number in range(LISTED + 3):
        await shelf.keep(BuildName("child", number + 1), console("boom"))
    materials = await gather_consoles(workspace, database, analysis)

    assert len(materials.listing) == LISTED + 1
    assert materials.listing[-1] == "`consoles/`: the consoles of 3 more builds"
    assert len(files(workspace)) == LISTED + 3


async def test_beginning_again_leaves_nothing_of_before(
    database: Database, analysis: int, workspace: Workspace
) -> None:
    for build in (BuildName("first", 1), NIGHTLY):
        shelf = ConsoleShelf(database, analysis)
        await shelf.clear()
        await shelf.keep(build, console("boom"))
        await gather_consoles(workspace, database, analysis)

    assert set(files(workspace)) == {"team-nightly-12.txt"}


async def test_only_the_documents_that_begin_so_are_removed(database: Database, analysis: int) -> None:
    other = await added(database, "other")
    async with database.write() as connection:
        for owner, kind in ((analysis, "console:1"), (analysis, "consoles"), (other, "console:1")):
            await save_document(connection, owner, kind, chunked([b"x"]))
        await delete_documents(connection, analysis, "console:")
    async with database.read() as connection:
        left = await document_kinds(connection, analysis), await document_kinds(connection, other)

    assert left == (["consoles"], ["console:1"])
