"""The commands below `results`: list, show, abort, reanalyze."""

import asyncio
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rootcoz.cli.analyze import Presentation, exit_code, show
from rootcoz.cli.connection import Target, connect
from rootcoz.cli.exit_codes import INTERRUPTED, NOTHING_FAILED
from rootcoz.cli.messages import say
from rootcoz.cli.output import write
from rootcoz.cli.progress import progress_view
from rootcoz.cli.report.finished import Document, FinishedAnalysis
from rootcoz.cli.report.safe_text import one_line
from rootcoz.cli.terminal import stdout_page
from rootcoz.client.models import ResultListItem, ResultResponse
from rootcoz.client.submission import SubmitOptions


@dataclass(frozen=True, slots=True)
class ListOptions:
    """How much is listed."""

    limit: int = 20


def show_result(job_id: str, *, target: Target, presentation: Presentation) -> int:
    """Show a stored analysis, waiting for one that still runs; the exit code as of `analyze`."""
    try:
        response = asyncio.run(_wait(job_id, target, presentation))
    except KeyboardInterrupt:
        say(f"Interrupted; analysis {job_id} is not touched by that.")
        return INTERRUPTED
    show(FinishedAnalysis(response), presentation)
    return exit_code(response)


async def _wait(job_id: str, target: Target, presentation: Presentation) -> ResultResponse:
    async with connect(target, say) as connection:
        response = await connection.client.result(job_id)
        if response.is_final:
            return response
        with progress_view(shown=presentation.progress, color=presentation.color) as view:
            return await connection.client.wait(job_id, view)


def abort_analysis(job_id: str, *, target: Target) -> int:
    """Stop an analysis. Raises NotFound, and Conflict when it is over."""
    asyncio.run(_abort(job_id, target))
    say(f"Analysis {job_id} was aborted; its answers so far are kept.")
    return NOTHING_FAILED


async def _abort(job_id: str, target: Target) -> None:
    async with connect(target, say) as connection:
        await connection.client.abort(job_id)


def reanalyze(job_id: str, *, target: Target, options: SubmitOptions, presentation: Presentation) -> int:
    """Analyse again what a stored analysis was about and show the report; the exit code as of `analyze`."""
    started: list[str] = []
    try:
        response = asyncio.run(_reanalyze(job_id, target, options, presentation, started))
    except KeyboardInterrupt:
        say(f"Interrupted; analysis {started[0]} is not touched by that." if started else "Interrupted.")
        return INTERRUPTED
    show(FinishedAnalysis(response), presentation)
    return exit_code(response)


async def _reanalyze(
    job_id: str, target: Target, options: SubmitOptions, presentation: Presentation, started: list[str]
) -> ResultResponse:
    async with connect(target, say) as connection:
        started.append(await connection.client.reanalyze(job_id, options))
        with progress_view(shown=presentation.progress, color=presentation.color) as view:
            return await connection.client.wait(started[0], view)


def list_results(options: ListOptions, *, target: Target, presentation: Presentation) -> int:
    """Print the newest analyses, one a line."""
    items = asyncio.run(_list(options.limit, target))
    write([Document("", _table(items, presentation))], presentation.destination)
    return NOTHING_FAILED


async def _list(limit: int, target: Target) -> list[ResultListItem]:
    async with connect(target, say) as connection:
        return await connection.client.list_results(limit)


def _table(items: list[ResultListItem], presentation: Presentation) -> bytes:
    page = stdout_page(color=presentation.color)
    console = Console(
        width=200, color_system="standard" if page.color else None, force_terminal=page.color, _environ={}
    )
    table = Table.grid(padding=(0, 2, 0, 0))
    for item in items:
        cells = (item.created_at, item.status, item.job_id, item.jenkins_url)
        table.add_row(*(Text(one_line(cell, 200), no_wrap=True) for cell in cells))
    with console.capture() as captured:
        console.print(table if items else Text("There are no analyses yet."))
    text = "\n".join(line.rstrip() for line in captured.get().split("\n"))
    return text.encode(page.encoding, "backslashreplace")
