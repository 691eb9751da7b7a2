"""The command as a process, against a stub of the server."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.cli.sample_results import Json, all_passed, hostile, nightly, response, run_failed
from tests.client.stub_server import StubServer, json_answer

from rootcoz.cli.main import main

SOURCE = Path(__file__).parents[2] / "src"
PASSING = b'<testsuite name="s"><testcase name="t"/></testsuite>'


@dataclass
class CommandLine:
    """Runs `rootcoz` in a folder of its own, with nothing of our environment but the path to Python."""

    folder: Path
    url: str

    def environment(self, **more: str) -> dict[str, str]:
        home = str(self.folder / "home")
        return {"PYTHONPATH": str(SOURCE), "HOME": home, "PYTHONUTF8": "1", "PATH": os.defpath, **more}

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "rootcoz.cli.main", *arguments]

    def run(
        self, *arguments: str, stdin: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(**environment),
            input=stdin,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def analyze(
        self, *arguments: str, stdin: bytes = b"", **environment: str
    ) -> "subprocess.CompletedProcess[bytes]":
        return self.run("analyze", "--server", self.url, *arguments, stdin=stdin, **environment)

    def file(self, name: str, content: bytes = PASSING) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return name


@pytest.fixture
def cli(stub: StubServer, tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path, stub.url)


def sentence(run: "subprocess.CompletedProcess[bytes]") -> str:
    """The one line on standard error."""
    [line] = run.stderr.decode().splitlines()
    return line


OUTCOMES = [(all_passed(), 0), (nightly(), 1), (run_failed(), 2)]


@pytest.mark.parametrize(("result", "code"), OUTCOMES, ids=["passed", "failures", "run failed"])
def test_the_exit_code_is_the_verdict(cli: CommandLine, stub: StubServer, result: Json, code: int) -> None:
    stub.accepts(result)

    run = cli.analyze(cli.file("a.xml"), "--no-progress")

    assert run.returncode == code
    assert result["result"]["summary"] in run.stdout.decode()


def test_the_report_is_on_standard_output_and_the_progress_on_standard_error(
    cli: CommandLine, stub: StubServer
) -> None:
    partial = {"progress_phase": "analyzing_failures", "groups_total": 3, "groups_answered": 0}
    running = {"job_id": "x", "status": "running", "result": partial}
    stub.accepts(nightly(), polls=[running, running])

    run = cli.analyze(cli.file("a.xml"))

    assert run.stdout.decode().startswith("10 of 212 tests failed")
    assert run.stderr.decode().splitlines() == [
        "rootcoz: sending the reports",
        "rootcoz: looking for root causes, 0 of 3 groups answered",
    ]


def test_files_folders_and_patterns_become_one_analysis(cli: CommandLine, stub: StubServer) -> None:
    stub.accepts(all_passed())
    for name in ("one.xml", "folder/b.xml", "folder/deep/a.XML", "glob/x/t1.xml", "glob/y/t2.xml"):
        cli.file(name)
    cli.file("folder/pom.xml", b"<project/>")
    cli.file("folder/empty.xml", b"")
    cli.file("folder/notes.txt", b"hello")

    run = cli.analyze("one.xml", "folder", "glob/**/*.xml", "./one.xml", "--no-progress")

    assert run.returncode == 0
    assert [report["name"] for report in stub.submitted["reports"]] == [
        "one.xml",
        "folder/b.xml",
        "folder/deep/a.XML",
        "glob/x/t1.xml",
        "glob/y/t2.xml",
    ]
    assert run.stderr.decode().splitlines() == [
        "rootcoz: folder/empty.xml is empty; skipped.",
        "rootcoz: folder/pom.xml is no JUnit report: its root element is <project>; skipped.",
    ]


def test_files_outside_the_current_folder_are_named_without_the_way_to_them(
    cli: CommandLine, stub: StubServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stub.accepts(all_passed())
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("a/r.xml", "b/r.xml"):
        (elsewhere / name).parent.mkdir()
        (elsewhere / name).write_bytes(PASSING)

    cli.analyze(str(elsewhere), "--no-progress")

    assert [report["name"] for report in stub.submitted["reports"]] == ["a/r.xml", "b/r.xml"]


def test_standard_input_is_a_report_when_it_is_called_dash(cli: CommandLine, stub: StubServer) -> None:
    stub.accepts(all_passed())

    run = cli.analyze("-", stdin=PASSING)

    assert run.returncode == 0
    assert stub.submitted["reports"] == [{"name": "stdin", "xml": PASSING.decode()}]


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_json_list_of_failures_is_sent_as_failures(
    cli: CommandLine, stub: StubServer, *, wrapped: bool
) -> None:
    stub.accepts(nightly())
    failures = [{"test_name": "a", "error_message": "boom"}]
    content = json.dumps({"failures": failures} if wrapped else failures).encode()

    run = cli.analyze(cli.file("f.json", content), "--provider", "builtin", "--timeout-minutes", "3")

    assert run.returncode == 1
    assert stub.submitted == {"failures": failures, "ai_provider": "builtin", "ai_cli_timeout": 3}


BAD_INPUTS: list[tuple[bytes, list[str], str]] = [
    (b"", ["f.xml"], "f.xml is empty."),
    (b"<project/>", ["f.xml"], "its root element is <project>"),
    (b"no xml", ["f.xml"], "not well-formed XML"),
    (b"<!-- only -->", ["f.xml"], "not well-formed XML"),
    (b"[]", ["f.xml"], "an empty list of failures"),
    (b'{"a": 1}', ["f.xml"], "holds no failures"),
    (b"[1", ["f.xml"], "is not valid JSON"),
    (PASSING, ["missing.xml"], "There is no file or folder missing.xml."),
    (PASSING, ["*.json"], "Nothing matches *.json."),
    (PASSING, ["empty-folder"], "There is no JUnit report in empty-folder."),
    (b"[{}]", ["f.xml", "g.xml"], "cannot be one analysis"),
    (PASSING, [], "Name at least one report"),
    (PASSING, ["f.xml", "--format", "pdf"], "--format"),
    (PASSING, ["f.xml", "--bogus"], "--bogus"),
    (PASSING, ["f.xml", "--max-concurrent", "0"], "--max-concurrent"),
    (PASSING, ["f.xml", "--data-dir", "d"], "exclude each other"),
    (PASSING, ["f.xml", "g.xml", "--format", "xml"], "--output FOLDER"),
    (PASSING, ["f.xml", "--output", "no/such/file"], "There is no folder"),
    (PASSING, ["f.xml", "--output", "empty-folder"], "is a folder"),
    (PASSING, ["f.xml", "--format", "xml", "--output", "f.xml"], "add --force"),
    (PASSING, ["f.xml", "g.xml", "--format", "xml", "--output", "."], "add --force"),
    (b"[{}]", ["f.xml", "--format", "xml"], "needs JUnit reports"),
]


@pytest.mark.parametrize(
    ("content", "arguments", "words"), BAD_INPUTS, ids=[f"{row[0][:9]!r} {row[1]}" for row in BAD_INPUTS]
)
def test_what_cannot_be_analysed_is_one_sentence_and_nothing_is_sent(
    cli: CommandLine,
    stub: StubServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(cli.folder)
    monkeypatch.setenv("HOME", str(cli.folder / "home"))
    cli.file("f.xml", content)
    cli.file("g.xml")
    (cli.folder / "empty-folder").mkdir()

    code = main(["analyze", "--server", stub.url, *arguments])
    said = capsys.readouterr()

    assert code == 2
    assert words in said.err
    assert said.err.count("\n") == 1
    assert said.out == ""
    assert stub.seen == []


def test_trouble_with_the_server_is_one_sentence(cli: CommandLine, stub: StubServer) -> None:
    stub.on("POST", "/analyze-failures", json_answer({"detail": "\x1b[2JNo."}, 422))

    run = cli.analyze(cli.file("a.xml"), "--no-progress")

    assert run.returncode == 2
    assert sentence(run) == rf"rootcoz: {cli.url} refused the request: \x1b[2JNo."
    assert run.stdout == b""


def test_json_in_a_pipe_is_the_servers_answer(cli: CommandLine, stub: StubServer) -> None:
    stub.accepts(nightly())

    run = cli.analyze(cli.file("a.xml"), "--format", "json")

    assert json.loads(run.stdout) == nightly()


@pytest.mark.parametrize("format_name", ["table", "markdown"])
def test_reports_go_to_a_file_when_one_is_named(cli: CommandLine, stub: StubServer, format_name: str) -> None:
    stub.accepts(nightly())

    run = cli.analyze(cli.file("a.xml"), "-f", format_name, "-o", "report.out", FORCE_COLOR="1")

    assert run.stdout == b""
    assert "10 of 212 tests failed" in (cli.folder / "report.out").read_text(encoding="utf-8")
    assert "\x1b" not in (cli.folder / "report.out").read_text(encoding="utf-8")


def test_xml_of_several_reports_fills_a_folder_with_the_same_names(
    cli: CommandLine, stub: StubServer
) -> None:
    counts = {"tests": 1, "failed": 1, "skipped": 0}
    reports = [{"name": name, "enriched_xml": f"<{name[0]}/>", **counts} for name in ("a.xml", "sub/b.xml")]
    stub.accepts(response(failures=nightly()["result"]["failures"], reports=reports))
    cli.file("a.xml")
    cli.file("sub/b.xml")

    run = cli.analyze("a.xml", "sub/b.xml", "--format", "xml", "--output", "out")

    assert run.returncode == 1
    assert (cli.folder / "out/a.xml").read_bytes() == b"<a/>"
    assert (cli.folder / "out/sub/b.xml").read_bytes() == b"<s/>"
    assert (cli.folder / "a.xml").read_bytes() == PASSING


def test_a_report_is_replaced_by_its_enriched_self_only_when_forced(
    cli: CommandLine, stub: StubServer
) -> None:
    report = {"name": "a.xml", "tests": 1, "failed": 0, "skipped": 0, "enriched_xml": "<new/>"}
    stub.accepts(response(reports=[report]))

    run = cli.analyze(cli.file("a.xml"), "--format", "xml", "--output", "a.xml", "--force")

    assert run.returncode == 0
    assert (cli.folder / "a.xml").read_bytes() == b"<new/>"


def test_colour_is_used_when_asked_for_and_not_otherwise(cli: CommandLine, stub: StubServer) -> None:
    stub.accepts(nightly())
    name = cli.file("a.xml")

    plain = cli.analyze(name)
    forced = cli.analyze(name, FORCE_COLOR="1")
    asked = cli.analyze(name, "--color", NO_COLOR="1")
    refused = cli.analyze(name, "--no-color", FORCE_COLOR="1")

    assert [b"\x1b[" in run.stdout for run in (plain, forced, asked, refused)] == [False, True, True, False]


def test_a_terminal_of_an_old_encoding_gets_ascii(cli: CommandLine, stub: StubServer) -> None:
    stub.accepts(hostile())

    run = cli.analyze(cli.file("a.xml"), PYTHONIOENCODING="ascii", PYTHONUTF8="0")

    assert run.returncode == 1
    assert run.stdout.isascii()


def test_the_key_comes_from_the_environment_and_is_never_shown(cli: CommandLine, stub: StubServer) -> None:
    stub.on("POST", "/analyze-failures", json_answer({"detail": "Sign in."}, 401))

    run = cli.analyze(cli.file("a.xml"), "--no-progress", ROOTCOZ_API_KEY="rootcoz_hush")

    assert stub.seen[-1].headers["authorization"] == "Bearer rootcoz_hush"
    assert b"hush" not in run.stdout + run.stderr


def test_the_key_of_the_configured_server_is_not_sent_to_another(cli: CommandLine, stub: StubServer) -> None:
    stub.accepts(all_passed())

    run = cli.analyze(
        cli.file("a.xml"),
        "--no-progress",
        ROOTCOZ_API_KEY="rootcoz_hush",
        ROOTCOZ_SERVER="https://rootcoz.example.com",
    )

    assert "authorization" not in stub.seen[0].headers
    assert "is not sent to" in sentence(run)


def test_the_configured_server_is_used_without_an_option(cli: CommandLine, stub: StubServer) -> None:
    stub.accepts(all_passed())

    run = cli.run("analyze", cli.file("a.xml"), ROOTCOZ_SERVER=cli.url, ROOTCOZ_API_KEY="k")

    assert run.returncode == 0
    assert stub.seen[0].headers["authorization"] == "Bearer k"


def test_a_reader_that_goes_away_is_no_trouble(cli: CommandLine, stub: StubServer) -> None:
    many = nightly()["result"]["failures"][:1] * 300
    stub.accepts(response(failures=[{**one, "group": number} for number, one in enumerate(many, 1)]))
    process = subprocess.Popen(
        cli.command("analyze", "--server", cli.url, cli.file("a.xml"), "--no-progress"),
        cwd=cli.folder,
        env=cli.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.stdout.close()
        complaint = process.stderr.read()

    assert first.startswith(b"300 failures in 300 groups.")
    assert complaint == b""
    assert process.returncode == 1


def test_ctrl_c_says_where_the_analysis_goes_on(cli: CommandLine, stub: StubServer) -> None:
    running = {"job_id": "x", "status": "running", "result": {"progress_phase": "analyzing_failures"}}
    stub.accepts(nightly(), polls=[running] * 1_000)
    process = subprocess.Popen(
        cli.command("analyze", "--server", cli.url, cli.file("a.xml")),
        cwd=cli.folder,
        env=cli.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    wait_until_polled(stub)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)

    assert process.returncode == 130
    assert out == b""
    assert "continues on the server. See it with: rootcoz results show" in err.decode().splitlines()[-1]


def wait_until_polled(stub: StubServer) -> None:
    deadline = time.monotonic() + 20
    while len(stub.seen) < 3:
        assert time.monotonic() < deadline, "the command never polled"
        time.sleep(0.02)


def test_results_show_tells_of_a_stored_analysis(cli: CommandLine, stub: StubServer) -> None:
    stub.accepts(nightly())

    run = cli.run("results", "show", nightly()["job_id"], "--server", cli.url)

    assert run.returncode == 1
    assert run.stdout.decode().startswith("10 of 212 tests failed")


def test_results_list_has_a_line_for_each_analysis(cli: CommandLine, stub: StubServer) -> None:
    rows = [
        {"job_id": "one", "status": "completed", "created_at": "2026-03-01T07:15:00.000Z"},
        {"job_id": "two\x1b", "status": "running", "created_at": "2026-03-01T07:14:00.000Z"},
    ]
    stub.on("GET", "/results", json_answer(rows))

    run = cli.run("results", "list", "--server", cli.url)

    assert run.stdout.decode().splitlines() == [
        "2026-03-01T07:15:00.000Z  completed  one",
        r"2026-03-01T07:14:00.000Z  running    two\x1b",
    ]


def test_results_abort_stops_an_analysis(cli: CommandLine, stub: StubServer) -> None:
    stub.on("POST", "/results/one/abort", json_answer({"status": "aborted", "job_id": "one"}))

    run = cli.run("results", "abort", "one", "--server", cli.url)

    assert (run.returncode, run.stdout) == (0, b"")
    assert b"one was aborted" in run.stderr


def test_results_reanalyze_sends_the_options_and_shows_the_new_analysis(
    cli: CommandLine, stub: StubServer
) -> None:
    stub.accepts(nightly())
    queued = {"status": "queued", "job_id": nightly()["job_id"], "result_url": ""}
    stub.on("POST", "/re-analyze/first", json_answer(queued, 202))

    run = cli.run("results", "reanalyze", "first", "--model", "small", "--server", cli.url)

    assert run.returncode == 1
    assert run.stdout.decode().startswith("10 of 212 tests failed")
    (sent,) = [seen for seen in stub.seen if seen.path == "/re-analyze/first"]
    assert json.loads(sent.body) == {"ai_model": "small"}


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["analyze", "--help"], ["serve", "--help"]])
def test_help_and_version_start_without_the_rest_of_the_program(
    cli: CommandLine, arguments: list[str]
) -> None:
    probe = (
        "import sys; from rootcoz.cli.main import main; code = main(sys.argv[1:]);"
        "heavy = {'pydantic', 'httpx2', 'fastapi', 'sqlalchemy', 'uvicorn', 'dbos'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else code)"
    )
    run = subprocess.run(
        [sys.executable, "-c", probe, *arguments], env=cli.environment(), capture_output=True, check=False
    )

    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout
