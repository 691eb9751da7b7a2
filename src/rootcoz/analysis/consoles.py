"""Consoles of a Jenkins build for an AI that reads.

They are kept without secrets when the build is fetched, laid into the workspace when questions are asked, and forgotten
with the end of the analysis.

Between the two steps a process may die, and the build may be gone from its server; so they wait in the store. What of a
long console is kept is decided by `sources.jenkins.console`.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import orjson

from rootcoz.analysis.materials import Materials
from rootcoz.evidence.secrets import Redactor
from rootcoz.kit.chunks import Chunk, chunked, open_chunks
from rootcoz.sources.jenkins.console import Console
from rootcoz.sources.jenkins.names import BuildName
from rootcoz.store.documents import delete_documents, document_kinds, load_document, save_document
from rootcoz.store.engine import Database
from rootcoz.workspace.folder import Workspace
from rootcoz.workspace.places import Places

CONSOLE = "console:"
"""Beginning of the kind of each document: a line of JSON about the build, then the text."""
TOTAL_CHARS = 32_000_000
"""Characters of all consoles of one analysis; a single one has some six million at most."""
LISTED = 10
"""Consoles that a question names one by one."""
_NAME_CHARS = 120
_COPY_BYTES = 256 * 1024
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class ConsoleShelf:
    """The consoles of one analysis on their way from the fetching to the asking."""

    def __init__(self, database: Database, analysis_id: int) -> None:
        self._database = database
        self._analysis_id = analysis_id
        self._kept = 0
        self._chars = 0
        self._left_out = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What was not kept, for the user."""
        if not self._left_out:
            return ()
        builds = "one build" if self._left_out == 1 else f"{self._left_out} builds"
        return (
            (
                f"The console of {builds} is not among what the AI could look at: those of one analysis have "
                f"{TOTAL_CHARS:,} characters at most."
            ),
        )

    async def clear(self) -> None:
        """Forget what a fetching that was interrupted has left."""
        async with self._database.write() as connection:
            await delete_documents(connection, self._analysis_id, CONSOLE)

    async def keep(self, build: BuildName, console: Console) -> None:
        """Have the console on disk, without secrets. One that does not fit any more is left out."""
        chars = sum(len(line.text) + 1 for line in console.lines)
        if not console.lines:
            return
        if self._chars + chars > TOTAL_CHARS:
            self._left_out += 1
            return
        self._chars += chars
        self._kept += 1
        kind = f"{CONSOLE}{self._kept:04d}"
        packed = await asyncio.to_thread(lambda: list(chunked(_document(build, console))))
        async with self._database.write() as connection:
            await save_document(connection, self._analysis_id, kind, packed)


async def gather_consoles(workspace: Workspace, database: Database, analysis_id: int) -> Materials:
    """Lay the kept consoles into the workspace, one file for each build."""
    async with database.read() as connection:
        kinds = [kind for kind in await document_kinds(connection, analysis_id) if kind.startswith(CONSOLE)]
    if not kinds:
        return Materials()
    folder = workspace.consoles
    await asyncio.to_thread(_emptied, folder)
    places = Places(folder)
    listing = []
    for number, kind in enumerate(kinds):
        async with database.read() as connection:
            chunks = await load_document(connection, analysis_id, kind)
        line = await asyncio.to_thread(_lay, chunks, places)
        if number < LISTED:
            listing.append(line)
    if (more := len(kinds) - LISTED) > 0:
        listing.append(f"`{folder.name}/`: the consoles of {more} more builds")
    return Materials(tuple(listing))


def _document(build: BuildName, console: Console) -> Iterator[bytes]:
    head = {
        "job_name": build.job_name,
        "build_number": build.number,
        "lines": console.total_lines,
        "left_out": console.lines_left_out,
    }
    yield orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE)
    for line in Redactor().lines(console.text().split("\n")[:-1]):
        yield f"{line}\n".encode("utf-8", "replace")


def _emptied(folder: Path) -> None:
    """The folder, with nothing in it that a process that died may have left."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)


def _lay(chunks: list[Chunk], places: Places) -> str:
    """Write the file; what a question says about it."""
    document = open_chunks(chunks)
    head = orjson.loads(document.readline())
    job, number = head["job_name"], head["build_number"]
    name = _ODD.sub("-", job)[-_NAME_CHARS:].strip("-.") or "build"
    path, file = places.create((f"{name}-{number}.txt",))
    with file:
        shutil.copyfileobj(document, file, _COPY_BYTES)
    shown = json.dumps(f"{job[-_NAME_CHARS:]} #{number}", ensure_ascii=False)
    size = f"{head['lines']:,} lines"
    if head["left_out"]:
        size += f", of which {head['left_out']:,} that say little were left out"
    return f"`{path.parent.name}/{path.name}`: console of build {shown}, {size}; search it"
