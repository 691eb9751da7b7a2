"""The command `explain-signature`, in this process: it needs no server."""

import io
import json
import sys
from pathlib import Path

import pytest

from rootcoz.cli.main import main
from rootcoz.domain.failure import Failure
from rootcoz.grouping.signature import error_signature

STACK = "E: lost txn e173af9b-ef9d-161d-df01-964dd27006e2\n\tat com.acme.A.b(A.java:1)\n\t... 3 more\n"
REPORT = """<testsuite name="s"><testcase classname="a.B" name="one"><failure message="took 17 ms">at x</failure>
</testcase><testcase classname="a.B" name="two"><failure message="other"/></testcase></testsuite>"""


@pytest.fixture
def stack(tmp_path: Path) -> str:
    path = tmp_path / "trace.txt"
    path.write_text(STACK, encoding="utf-8")
    return str(path)


@pytest.fixture
def report(tmp_path: Path) -> str:
    path = tmp_path / "report.xml"
    path.write_text(REPORT, encoding="utf-8")
    return str(path)


def test_the_table_shows_lines_rules_and_the_signature(stack: str, capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["explain-signature", stack])
    shown = capfd.readouterr().out

    assert code == 0
    assert error_signature(Failure("t", "", STACK)).value in shown
    assert "Stack trace: 2 of 3 lines count" in shown
    assert "+  E: lost txn <id>" in shown
    assert "says nothing about the error" in shown
    assert "A new one each run." in shown
    assert "\x1b" not in shown


def test_json_is_what_the_api_answers(stack: str, capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["explain-signature", stack, "--message", "lost", "--format", "json"])
    told = json.loads(capfd.readouterr().out)

    assert code == 0
    assert told["signature"] == error_signature(Failure("t", "lost", STACK)).value
    assert told["stack"][0]["replacements"][0]["rule"] == "uuid"


def test_standard_input_is_read(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(STACK.encode())))

    assert main(["explain-signature", "-"]) == 0
    assert "E: lost txn <id>" in capfd.readouterr().out


@pytest.mark.parametrize("name", ["one", "a.B.one"])
def test_a_test_of_a_report_is_chosen_by_name(
    report: str, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["explain-signature", report, "--test", name])
    shown = capfd.readouterr().out

    assert code == 0
    assert "took <quantity>" in shown
    assert "duration" in shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "More than one test is meant; choose one with --test: a.B.one, a.B.two."),
        (["--test", "three"], "is called three; choose one with --test: a.B.one, a.B.two."),
        (["--test", "one", "--message", "x"], "leave out --message"),
    ],
)
def test_what_is_not_clear_in_a_report_is_said(
    report: str, arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    code = main(["explain-signature", report, *arguments])

    assert code == 2
    assert said in capfd.readouterr().err


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        ("", [], "holds no error message and no stack trace"),
        ("x", ["--test", "one"], "is no JUnit report"),
        ("<testsuite><testcase name='t'/></testsuite>", [], "No test of"),
        ("<testsuite>", [], "cannot be read"),
    ],
)
def test_what_cannot_be_explained_is_said_in_a_sentence(
    tmp_path: Path, content: str, arguments: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "input"
    path.write_text(content, encoding="utf-8")

    code = main(["explain-signature", str(path), *arguments])

    assert code == 2
    assert said in capfd.readouterr().err


@pytest.mark.parametrize("name", ["missing.txt", "."])
def test_what_is_no_file_is_said(tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    code = main(["explain-signature", str(tmp_path / name)])

    assert code == 2
    assert "cannot be read" in capfd.readouterr().err


def test_a_terminal_gets_nothing_to_act_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trace.txt"
    path.write_text("bad \x1b]0;title\x07 \u202e text 17", encoding="utf-8")

    assert main(["explain-signature", str(path)]) == 0
    shown = capfd.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown
