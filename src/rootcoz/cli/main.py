"""The command line's entry: the commands with their options, exit codes, and one sentence for each error.

Exit codes: 0 nothing failed, 1 failures found, 2 could not analyse, 130 interrupted.
"""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
from cyclopts import Parameter
from cyclopts.validators import Number

from rootcoz import __version__
from rootcoz.cli.exit_codes import COULD_NOT_ANALYSE, INTERRUPTED, NOTHING_FAILED
from rootcoz.cli.leaving import leave_on_interrupt
from rootcoz.cli.messages import say
from rootcoz.cli.streams import discard, fill_missing, problem_with
from rootcoz.domain.errors import RootcozError

# What a command needs is imported by the command: --help and --version must not pay for it (PLC0415 is why).

app = cyclopts.App(
    name="rootcoz",
    help="Reads failed CI runs and says why they failed.",
    version=__version__,
    help_format="markdown",
    suppress_keyboard_interrupt=False,  # it would leave without a word; `_outcome` says one
)
results_app = cyclopts.App(
    name="results",
    help="Stored analyses: list them, show, abort or repeat one.",
    suppress_keyboard_interrupt=False,
)
app.command(results_app)
keys_app = cyclopts.App(
    name="keys",
    help="The keys that saved credentials are sealed with: look at them, change them.",
    suppress_keyboard_interrupt=False,
)
app.command(keys_app)
patterns_app = cyclopts.App(
    name="triage-patterns",
    help="Your own patterns for the built-in analyser: check a file, or try it on stored failures.",
    suppress_keyboard_interrupt=False,
)
app.command(patterns_app)

FormatName = Literal["table", "json", "markdown", "xml"]
STDIN_ARGUMENT = "<stdin>"

Server = Annotated[
    str | None,
    Parameter(
        help="Send the work to this server. Default: setting ROOTCOZ_SERVER, else work in this process."
    ),
]
KeptOn = Annotated[
    str | None,
    Parameter(
        help="Server that keeps the analyses. Default: setting ROOTCOZ_SERVER, else this machine's data folder."
    ),
]
Token = Annotated[
    str | None,
    Parameter(
        help="API key for the server. Other users of this machine can see options of running programs: "
        "the environment variable ROOTCOZ_API_KEY is safer.",
    ),
]


def _folder(_type: object, tokens: Sequence[cyclopts.Token]) -> Path | None:
    """A blank value counts as unset: `--data-dir "$UNSET"` must not mean the working directory."""
    return Path(tokens[0].value) if tokens[0].value.strip() else None


DataDir = Annotated[
    Path | None, Parameter(help="Folder with the data, for work in this process.", converter=_folder)
]
Format = Annotated[FormatName, Parameter(name=["--format", "-f"], help="What the report is written as.")]
Output = Annotated[
    Path | None,
    Parameter(
        name=["--output", "-o"], help="Write the report to this file. A folder for `xml` of several reports."
    ),
]
Force = Annotated[bool, Parameter(negative="", help="Let --output overwrite a report that is being read.")]
Color = Annotated[bool | None, Parameter(help="Use colour. Default: in a terminal, unless NO_COLOR is set.")]
ShowProgress = Annotated[bool, Parameter(name="--progress", help="Show on standard error what is going on.")]

Provider = Annotated[str | None, Parameter(help="Who is asked, for example `builtin`.")]
Model = Annotated[str | None, Parameter(help="Which of the provider's models.")]
MaxConcurrent = Annotated[
    int | None, Parameter(validator=Number(gte=1), help="Questions that are asked at once, at most.")
]
TimeoutMinutes = Annotated[
    int | None, Parameter(validator=Number(gte=1), help="Minutes that one question may take.")
]
Prompt = Annotated[str | None, Parameter(help="Instructions added to each question.")]


@app.command
def analyze(
    *files: Annotated[
        str, Parameter(help="Reports, folders with reports, patterns such as 'out/**/*.xml', or -.")
    ],
    server: Server = None,
    token: Token = None,
    provider: Provider = None,
    model: Model = None,
    max_concurrent: MaxConcurrent = None,
    timeout_minutes: TimeoutMinutes = None,
    prompt: Prompt = None,
    data_dir: DataDir = None,
    format_: Format = "table",
    output: Output = None,
    force: Force = False,
    progress: ShowProgress = True,
    color: Color = None,
) -> int:
    """Say why the tests in JUnit XML reports failed.

    All reports named together become one analysis. A folder stands for the `*.xml` files in it and below it.
    A JSON file with a list of failures (`test_name`, `error_message`, `stack_trace`) is taken as well.
    Without a server the work is done in this process and kept in the data directory.

    The exit code is 0 if nothing failed, 1 if failures were found, 2 if the analysis could not be made.
    """
    from rootcoz.cli.analyze import Presentation  # noqa: PLC0415
    from rootcoz.cli.analyze import analyze as run_analysis  # noqa: PLC0415
    from rootcoz.cli.connection import Target  # noqa: PLC0415
    from rootcoz.client.submission import SubmitOptions  # noqa: PLC0415

    if not files:
        raise _UsageError("Name at least one report: rootcoz analyze FILE.xml")
    return run_analysis(
        files,
        target=Target(server, token, data_dir),
        options=SubmitOptions(provider, model, max_concurrent, timeout_minutes, prompt),
        presentation=Presentation(format_, _destination(output, force=force), color, progress),
    )


@app.command
def serve(
    *,
    host: Annotated[
        str | None, Parameter(help="Address to listen on. Default: 127.0.0.1, this machine only.")
    ] = None,
    port: Annotated[
        int | None,
        Parameter(
            validator=Number(gte=0, lte=65535), help="Port to listen on; 0 takes a free one. Default: 8000."
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        Parameter(
            help="Folder with all data. Default: `rootcoz` in the user's data folder.", converter=_folder
        ),
    ] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        Parameter(help="What is logged to standard error. Default: info."),
    ] = None,
    allow_open: Annotated[
        bool, Parameter(negative="", help="Listen beyond this machine although nobody has to sign in.")
    ] = False,
) -> int:
    """Start the server: API and analyses in one process.

    It answers on http://127.0.0.1:8000 (`/docs` describes the API, `/health` says that it is up) until
    Ctrl-C. Analyses that are cut off by the end go on at the next start.

    All data is in one folder: `$XDG_DATA_HOME/rootcoz`, which is mostly `~/.local/share/rootcoz`, or the one
    given with `--data-dir`. One process works on a folder at a time.

    Options win over the environment, the environment over `.env` and `rootcoz.toml` in the current folder.
    Often set: `ROOTCOZ_HOST`, `ROOTCOZ_PORT`, `ROOTCOZ_DATA_DIR`, `AI_PROVIDER`, `AI_MODEL`, `AUTH_MODE`
    (`open` or `required`), `ADMIN_KEY`, `LOG_LEVEL`. A wrong value stops the start and is named.
    """
    from rootcoz.cli.serve import ServeOptions  # noqa: PLC0415
    from rootcoz.cli.serve import serve as run_server  # noqa: PLC0415

    return run_server(ServeOptions(host, port, data_dir, log_level, allow_open or None))


@app.command
def worker(
    *,
    data_dir: Annotated[
        Path | None,
        Parameter(
            help="Folder for this worker's workspaces. Default: `rootcoz` in the user's data folder.",
            converter=_folder,
        ),
    ] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None,
        Parameter(help="What is logged to standard error. Default: info."),
    ] = None,
) -> int:
    """Do the work that servers on the same PostgreSQL accept, without listening anywhere.

    It needs the settings of those servers: `DATABASE_URL`, `ROOTCOZ_ENCRYPTION_KEY` and those of the providers.
    Start as many as wanted, each with a data folder of its own. What one leaves undone another finishes.
    """
    from rootcoz.cli.worker import WorkerOptions, work  # noqa: PLC0415

    return work(WorkerOptions(data_dir, log_level))


ServerDataDir = Annotated[
    Path | None,
    Parameter(help="Folder with the server's data. Default: that of `rootcoz serve`.", converter=_folder),
]


@keys_app.command(name="status")
def key_status(*, data_dir: ServerDataDir = None) -> int:
    """Say which key is used, how many values each key has, and whether a rotation is finished."""
    from rootcoz.cli.keys import show_keys  # noqa: PLC0415

    return show_keys(data_dir)


@keys_app.command(name="rotate")
def rotate_keys(
    *,
    new_key_file: Annotated[
        Path | None,
        Parameter(
            help="File with the new key, where the key is the setting ROOTCOZ_ENCRYPTION_KEY; made if it is not there."
        ),
    ] = None,
    data_dir: ServerDataDir = None,
) -> int:
    """Seal all saved credentials with a new key, while servers go on working.

    Cut off, it goes on where it was when it is run again. It needs the settings of the server.
    """
    from rootcoz.cli.keys import rotate_keys as run_rotate  # noqa: PLC0415

    return run_rotate(data_dir, new_key_file)


@keys_app.command(name="abandon")
def abandon_keys(*, data_dir: ServerDataDir = None) -> int:
    """Delete what a lost key has sealed, and all API keys, so that the server can start again.

    The server must be stopped.
    """
    from rootcoz.cli.keys import abandon_keys as run_abandon  # noqa: PLC0415

    return run_abandon(data_dir)


@results_app.command(name="show")
def show_result(
    job_id: Annotated[str, Parameter(help="Its id, as `rootcoz results list` shows it.")],
    *,
    server: KeptOn = None,
    token: Token = None,
    data_dir: DataDir = None,
    format_: Format = "table",
    output: Output = None,
    force: Force = False,
    progress: ShowProgress = True,
    color: Color = None,
) -> int:
    """Show a stored analysis; one that still runs is waited for.

    The exit code is that of `rootcoz analyze`.
    """
    from rootcoz.cli.analyze import Presentation  # noqa: PLC0415
    from rootcoz.cli.connection import Target  # noqa: PLC0415
    from rootcoz.cli.results import show_result as run_show  # noqa: PLC0415

    if not job_id.strip():
        raise _UsageError("Say which analysis, by its id; rootcoz results list shows the ids.")
    return run_show(
        job_id.strip(),
        target=Target(server, token, data_dir),
        presentation=Presentation(format_, _destination(output, force=force), color, progress),
    )


@results_app.command(name="list")
def list_results(
    *,
    limit: Annotated[int, Parameter(validator=Number(gte=1, lte=100), help="How many, at most.")] = 20,
    server: KeptOn = None,
    token: Token = None,
    data_dir: DataDir = None,
    color: Color = None,
) -> int:
    """List the newest analyses: when, status, id, Jenkins build.

    `running` also stands for an analysis that was cut off, by Ctrl-C for example: it goes on when rootcoz next
    works on that data.
    """
    from rootcoz.cli.analyze import Presentation  # noqa: PLC0415
    from rootcoz.cli.connection import Target  # noqa: PLC0415
    from rootcoz.cli.results import ListOptions  # noqa: PLC0415
    from rootcoz.cli.results import list_results as run_list  # noqa: PLC0415

    return run_list(
        ListOptions(limit), target=Target(server, token, data_dir), presentation=Presentation(color=color)
    )


@results_app.command(name="abort")
def abort_analysis(
    job_id: str, *, server: Server = None, token: Token = None, data_dir: DataDir = None
) -> int:
    """Stop an analysis that goes on. The answers it has are kept."""
    from rootcoz.cli.connection import Target  # noqa: PLC0415
    from rootcoz.cli.results import abort_analysis as run_abort  # noqa: PLC0415

    return run_abort(job_id, target=Target(server, token, data_dir))


@results_app.command(name="reanalyze")
def reanalyze(
    job_id: str,
    *,
    server: Server = None,
    token: Token = None,
    provider: Provider = None,
    model: Model = None,
    max_concurrent: MaxConcurrent = None,
    timeout_minutes: TimeoutMinutes = None,
    prompt: Prompt = None,
    data_dir: DataDir = None,
    format_: Format = "table",
    output: Output = None,
    force: Force = False,
    progress: ShowProgress = True,
    color: Color = None,
) -> int:
    """Analyse again what a stored analysis was about; options that are given replace those it had.

    The result is a new analysis. The exit code is that of `rootcoz analyze`.
    """
    from rootcoz.cli.analyze import Presentation  # noqa: PLC0415
    from rootcoz.cli.connection import Target  # noqa: PLC0415
    from rootcoz.cli.results import reanalyze as run_again  # noqa: PLC0415
    from rootcoz.client.submission import SubmitOptions  # noqa: PLC0415

    return run_again(
        job_id,
        target=Target(server, token, data_dir),
        options=SubmitOptions(provider, model, max_concurrent, timeout_minutes, prompt),
        presentation=Presentation(format_, _destination(output, force=force), color, progress),
    )


@app.command
def explain_signature(
    file: Annotated[str, Parameter(help="A JUnit report or a text with a stack trace, or -.")],
    *,
    test: Annotated[str | None, Parameter(help="Which failed test of a JUnit report.")] = None,
    message: Annotated[str, Parameter(help="The error message, for a text with a stack trace.")] = "",
    format_: Annotated[
        Literal["table", "json"], Parameter(name=["--format", "-f"], help="What is written.")
    ] = "table",
    output: Output = None,
    color: Color = None,
) -> int:
    """Show how a failure's error signature comes about: what was replaced, by which rule, and which lines count.

    Failures with one signature are one failure to rootcoz and share an answer. Nothing is stored or sent.
    """
    from rootcoz.cli.explain_signature import explain_signature as run_explain  # noqa: PLC0415

    return run_explain(
        file,
        test=test,
        message=message,
        format_=format_,
        destination=_destination(output, force=True),
        color=color,
    )


@app.command
def backtest(
    *,
    data_dir: Annotated[
        Path | None,
        Parameter(
            help="Folder with the data. Default: that of the settings, or the database of DATABASE_URL.",
            converter=_folder,
        ),
    ] = None,
    most: Annotated[
        int,
        Parameter(validator=Number(gte=1, lte=100_000), help="Judged failure groups to look at: the newest."),
    ] = 10_000,
    format_: Annotated[
        Literal["table", "json"], Parameter(name=["--format", "-f"], help="What is written.")
    ] = "table",
    output: Output = None,
) -> int:
    """Tell how often memory and the built-in rules would have been right on what people have judged.

    Each judged failure is answered from what was known before its analysis began. Nothing is written to the data,
    nobody is asked, and a server may go on working meanwhile.
    """
    from rootcoz.cli.backtest import BacktestOptions, run_backtest  # noqa: PLC0415

    return run_backtest(BacktestOptions(data_dir, most, format_), _destination(output, force=True))


@patterns_app.command(name="check")
def check_patterns(
    file: Annotated[Path, Parameter(help="The file with the patterns: YAML, JSON or TOML.")],
) -> int:
    """Read a file of patterns and try each on its examples."""
    from rootcoz.cli.triage_patterns import check  # noqa: PLC0415

    return check(file, _destination(None, force=True))


@patterns_app.command(name="try")
def try_patterns(
    file: Annotated[Path, Parameter(help="The file with the patterns: YAML, JSON or TOML.")],
    *,
    data_dir: Annotated[
        Path | None,
        Parameter(
            help="Folder with the data. Default: that of the settings, or the database of DATABASE_URL.",
            converter=_folder,
        ),
    ] = None,
    most: Annotated[
        int, Parameter(validator=Number(gte=1, lte=100_000), help="Stored analyses to look at: the newest.")
    ] = 1_000,
) -> int:
    """Say what a file of patterns would change in stored history, and whether people agree.

    Nothing is written to the data, and a server may go on working meanwhile.
    """
    from rootcoz.cli.triage_patterns import try_on_history  # noqa: PLC0415

    return try_on_history(file, data_dir, most, _destination(None, force=True))


class _UsageError(RootcozError):
    """The arguments make no command."""


def _destination(output: Path | None, *, force: bool):  # type: ignore[no-untyped-def]  # noqa: ANN202 - loaded late
    from rootcoz.cli.output import Destination  # noqa: PLC0415

    return Destination(None if output == Path(STDIN_ARGUMENT) else output, force)


def main(arguments: Sequence[str]) -> int:
    """Run the command that the arguments name; its exit code. Raises nothing."""
    code = _outcome(arguments)
    problem = problem_with(sys.stdout)
    if problem is None or isinstance(problem, BrokenPipeError):
        return code
    say(f"Standard output cannot be written: {problem.strerror or problem}.")
    return COULD_NOT_ANALYSE


def _outcome(arguments: Sequence[str]) -> int:
    try:
        # A lone dash would be taken for an unknown option.
        code = app(
            [STDIN_ARGUMENT if argument == "-" else argument for argument in arguments],
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except cyclopts.CycloptsError as error:
        say(f"{' '.join(str(error).split())} Try: rootcoz --help")
        return COULD_NOT_ANALYSE
    except RootcozError as error:
        _print_traceback_if_wanted()
        say(str(error))
        return COULD_NOT_ANALYSE
    except KeyboardInterrupt:
        say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        discard(sys.stdout)
        return NOTHING_FAILED
    except Exception as error:  # noqa: BLE001 - the last place before the user, who gets a sentence
        _print_traceback_if_wanted()
        say(_unexpected(error))
        return COULD_NOT_ANALYSE
    return code if isinstance(code, int) else NOTHING_FAILED


def _unexpected(error: Exception) -> str:
    # The help is printed by its library, so its trouble with standard output arrives here.
    if isinstance(error, OSError) and (problem := problem_with(sys.stdout)):
        return f"Standard output cannot be written: {problem.strerror or problem}."
    return (
        f"Unexpected {type(error).__name__}: {' '.join(str(error).split())[:300]} "
        "(a fault of rootcoz; ROOTCOZ_DEBUG=1 shows where)"
    )


def _print_traceback_if_wanted() -> None:
    if os.environ.get("ROOTCOZ_DEBUG") == "1":
        traceback.print_exc()


def run() -> None:
    """Run the command line of this process and leave it."""
    leave_on_interrupt()
    fill_missing()
    code = main(sys.argv[1:])
    # All is said and done: a Ctrl-C from here on must not turn the answer's code into another.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    problem_with(sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    run()
