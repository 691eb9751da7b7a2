"""The command `explain-signature`: from a failure's text to how its error signature comes about."""

import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from rootcoz.api.schemas.signatures import SignatureExplanation
from rootcoz.cli.exit_codes import NOTHING_FAILED
from rootcoz.cli.inputs import STDIN
from rootcoz.cli.output import Destination, write
from rootcoz.cli.report.finished import Document, Page
from rootcoz.cli.report.safe_text import one_line, visible
from rootcoz.cli.terminal import file_page, stdout_page
from rootcoz.domain.errors import InvalidInput
from rootcoz.domain.failure import Failure
from rootcoz.grouping.explanation import ExplainedLine, Explanation, explain
from rootcoz.grouping.noise import Replacement
from rootcoz.kit.regular_file import open_regular
from rootcoz.sources.junit_xml import read_junit

INPUT_LIMIT = 50_000_000
"""Bytes that are read, as of a report."""
_XML_STARTS = (b"<?xml", b"<testsuite", b"<testsuites")
_NAMES_SHOWN = 10
_CELL = 400
"""Characters of a cell; a line of a trace may have thousands."""


def explain_signature(
    file: str,
    *,
    test: str | None,
    message: str,
    format_: Literal["table", "json"],
    destination: Destination,
    color: bool | None,
) -> int:
    """Explain the signature of the failure in the file; the exit code. Raises InvalidInput."""
    content = _content(file)
    if content.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(_XML_STARTS):
        if message:
            raise InvalidInput("A JUnit report has its own error messages; leave out --message.")
        failure = _chosen(read_junit(io.BytesIO(content), name=file).failures, test, file)
    else:
        if test is not None:
            raise InvalidInput(f"{file} is no JUnit report, so there is no test to choose; leave out --test.")
        failure = Failure("", message, content.decode("utf-8", "replace"))
    if not failure.error_message.strip() and not failure.stack_trace.strip():
        raise InvalidInput(f"{file} holds no error message and no stack trace to explain.")
    explanation = explain(failure.error_message, failure.stack_trace)
    page = stdout_page(color=color) if destination.path is None else file_page(color=color)
    rendered = _json(explanation) if format_ == "json" else _table(explanation, page)
    write([Document("", rendered)], destination)
    return NOTHING_FAILED


def _content(file: str) -> bytes:
    name = "Standard input" if file == STDIN else file
    try:
        with sys.stdin.buffer if file == STDIN else open_regular(Path(file)) as stream:
            content = stream.read(INPUT_LIMIT + 1)
    except OSError as error:
        raise InvalidInput(f"{name} cannot be read: {error.strerror or error}.") from error
    if len(content) > INPUT_LIMIT:
        raise InvalidInput(f"{name} is larger than {INPUT_LIMIT // 1_000_000} MB; cut out the failure.")
    return content


def _chosen(failures: Sequence[Failure], test: str | None, file: str) -> Failure:
    """The failure that is meant. A test is named in full or by the end of its name, behind a dot."""
    if not failures:
        raise InvalidInput(f"No test of {file} failed.")
    meant = [
        failure
        for failure in failures
        if test is None or failure.test_name == test or failure.test_name.endswith(f".{test}")
    ]
    exact = [failure for failure in meant if failure.test_name == test]
    if len(meant) == 1 or exact:
        return (exact or meant)[0]
    names = list(dict.fromkeys(failure.test_name for failure in meant or failures))
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    what = f"No failed test of {file} is called {test}" if not meant else "More than one test is meant"
    raise InvalidInput(f"{what}; choose one with --test: {', '.join(names[:_NAMES_SHOWN])}{more}.")


def _json(explanation: Explanation) -> bytes:
    return SignatureExplanation.of(explanation).model_dump_json(indent=2).encode() + b"\n"


def _table(explanation: Explanation, page: Page) -> bytes:
    console = Console(
        width=page.width,
        color_system="standard" if page.color else None,
        force_terminal=page.color,
        _environ={},
        emoji=False,
        highlight=False,
    )
    with console.capture() as captured:
        console.print(
            Text(
                f"Signature {explanation.signature.value} (version {explanation.signature.version})", "bold"
            ),
            soft_wrap=True,
        )
        _section(console, "Message", explanation.message)
        _section(console, "Stack trace", explanation.stack)
        _replacements(console, explanation.replacements)
    text = "\n".join(line.rstrip() for line in captured.get().split("\n"))
    return text.encode(page.encoding, "backslashreplace")


def _section(console: Console, title: str, lines: Sequence[ExplainedLine]) -> None:
    lines = [line for line in lines if line.text]
    if not lines:
        return
    count = sum(line.contributes for line in lines)
    console.print()
    console.print(Text(f"{title}: {count} of {len(lines)} lines count", "bold"))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", ratio=3)
    table.add_column(overflow="fold", ratio=2)
    for line in lines:
        style = "" if line.contributes else "dim"
        shown = line.normalised if line.contributes else line.text
        table.add_row("+" if line.contributes else "-", Text(_cell(shown), style), Text(line.reason, "dim"))
    console.print(table)


def _replacements(console: Console, replacements: Sequence[Replacement]) -> None:
    console.print()
    if not replacements:
        console.print(Text("Nothing was replaced.", "bold"))
        return
    console.print(Text(f"Replaced: {len(replacements)}", "bold"))
    table = Table.grid(padding=(0, 2, 0, 0))
    for column in ("original", "becomes", "rule", "why"):
        table.add_column(column, overflow="fold")
    for found in dict.fromkeys((one.text, one.placeholder, one.rule, one.why) for one in replacements):
        original, placeholder, rule, why = found
        table.add_row(
            Text(_cell(original), "yellow"),
            Text(placeholder or "(nothing)"),
            Text(rule, "cyan"),
            Text(why, "dim"),
        )
    console.print(table)


def _cell(text: str) -> str:
    return visible(one_line(text, _CELL))
