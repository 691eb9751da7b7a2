"""The command `analyze`: from files to a report."""

import asyncio
import shlex
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rootcoz.cli.connection import Connection, Target, connect
from rootcoz.cli.exit_codes import COULD_NOT_ANALYSE, FAILURES_FOUND, INTERRUPTED, NOTHING_FAILED
from rootcoz.cli.inputs import Inputs, check_report, read_inputs
from rootcoz.cli.interrupts import raising_interrupts, run_until_interrupted
from rootcoz.cli.messages import say
from rootcoz.cli.output import STANDARD_OUTPUT, Destination, check_destination, write
from rootcoz.cli.progress import SENDING, progress_view
from rootcoz.cli.report.finished import FinishedAnalysis
from rootcoz.cli.report.formats import FORMATS
from rootcoz.cli.report.outline import count_failures, outline
from rootcoz.cli.terminal import file_page, stdout_page
from rootcoz.client.models import ResultResponse
from rootcoz.client.submission import SubmitOptions
from rootcoz.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Presentation:
    """How the report is shown."""

    format: str = "table"
    destination: Destination = STANDARD_OUTPUT
    color: bool | None = None
    """None: as the terminal and the environment say."""
    progress: bool = True


@dataclass(slots=True)
class _Run:
    """What an interruption needs to know."""

    sending: bool = False
    job_id: str | None = None
    where: str = ""
    """The options that lead `results show` to the same place."""


def analyze(
    files: tuple[str, ...], *, target: Target, options: SubmitOptions, presentation: Presentation
) -> int:
    """Analyse the files and show the report; the exit code. Raises RootcozError."""
    with raising_interrupts(), tempfile.TemporaryDirectory(prefix="rootcoz-") as spool:
        inputs = read_inputs(files, Path(spool))
        _check(inputs, presentation)
        for note in (*inputs.notes, *inputs.broken):
            say(note)
        run = _Run()
        try:
            response = run_until_interrupted(_analyse(inputs, target, options, presentation, run))
        except KeyboardInterrupt:
            say(_interruption(run))
            return INTERRUPTED
        if response.result is not None:
            response.result.notes += inputs.broken
        show(FinishedAnalysis(response, tuple(inputs.reports)), presentation)
    code = exit_code(response)
    return COULD_NOT_ANALYSE if inputs.broken else code


def _check(inputs: Inputs, presentation: Presentation) -> None:
    one_each = presentation.format == "xml"
    if one_each and not inputs.reports:
        raise InvalidInput("The format xml needs JUnit reports; a list of failures has no XML to write into.")
    check_destination(presentation.destination, inputs.reports, one_each=one_each)


async def _analyse(
    inputs: Inputs, target: Target, options: SubmitOptions, presentation: Presentation, run: _Run
) -> ResultResponse:
    async with connect(target, say, sends=True) as connection:
        if connection.server_url:
            run.where = f" --server {connection.server_url}"
        elif target.data_dir:
            run.where = f" --data-dir {shlex.quote(str(target.data_dir))}"
        with progress_view(shown=presentation.progress, color=presentation.color) as view:
            view(SENDING)
            run.sending = True
            run.job_id = await _submit(inputs, options, connection)
            return await connection.client.wait(run.job_id, view)


async def _submit(inputs: Inputs, options: SubmitOptions, connection: Connection) -> str:
    if inputs.failures:
        return await connection.client.submit_failures(inputs.failures, options)
    try:
        return await connection.client.submit_reports(inputs.reports, options)
    except InvalidInput:
        # The server speaks of names on the wire; if it is a report that is wrong, say so in the user's words.
        for report in inputs.reports:
            await asyncio.to_thread(check_report, report)
        raise


def _interruption(run: _Run) -> str:
    if run.job_id is None and run.sending:
        return (
            "Interrupted while the reports were sent; whether they were accepted shows: "
            f"rootcoz results list{run.where}"
        )
    if run.job_id is None:
        return "Interrupted; nothing was accepted for analysis yet."
    how = "on the server" if run.where.startswith(" --server") else "when rootcoz is next started on its data"
    return (
        f"Interrupted; analysis {run.job_id} continues {how}. "
        f"See it with: rootcoz results show {run.job_id}{run.where}"
    )


def show(finished: FinishedAnalysis, presentation: Presentation) -> None:
    """Write the report where it belongs, in the format that was asked for."""
    to_file = presentation.destination.path is not None
    page = file_page(color=presentation.color) if to_file else stdout_page(color=presentation.color)
    write(FORMATS[presentation.format](finished, page), presentation.destination)


def exit_code(response: ResultResponse) -> int:
    """The verdict for scripts. Says on standard error why an analysis failed, or may have missed failures."""
    if response.status != "completed":
        say(f"Analysis {response.job_id}: {outline(response).summary}")
        return COULD_NOT_ANALYSE
    if count_failures(response):
        return FAILURES_FOUND
    if response.result is not None and response.result.incomplete:
        say(outline(response).summary)
        return COULD_NOT_ANALYSE
    return NOTHING_FAILED
