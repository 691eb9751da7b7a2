"""`analyze` without a server: the whole application in the command's own process, on a data directory."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
REPORT = (
    '<?xml version="1.0" encoding="ISO-8859-1"?>\r\n'
    '<testsuite name="größe"><testcase classname="shop.Price" name="sum">'
    '<failure message="assert 0.30000000000000004 == 0.3">shop/test_price.py:42: AssertionError</failure>'
    "</testcase></testsuite>\r\n"
).encode("latin-1")


def rootcoz(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    environment = {"PYTHONPATH": str(SOURCE), "HOME": str(folder), "PYTHONUTF8": "1", "PATH": os.defpath}
    return subprocess.run(
        [sys.executable, "-m", "rootcoz.cli.main", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=90,
        check=False,
    )


def test_a_report_is_analysed_without_any_server_and_kept(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_bytes(REPORT)

    analysed = rootcoz(tmp_path, "analyze", "r.xml", "--data-dir", "data", "--format", "json")
    job_id = json.loads(analysed.stdout)["job_id"]
    shown = rootcoz(tmp_path, "results", "show", job_id, "--data-dir", "data")

    assert (analysed.returncode, shown.returncode) == (1, 1)
    assert "shop.Price.sum" in shown.stdout.decode()


def test_the_enriched_report_has_the_bytes_of_the_report_around_what_was_added(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_bytes(REPORT)

    run = rootcoz(tmp_path, "analyze", "r.xml", "--data-dir", "data", "--format", "xml", "--no-progress")

    assert run.returncode == 1
    assert run.stdout.startswith(REPORT[: REPORT.index(b"<testcase")])
    assert run.stdout.endswith(b"</testsuite>\r\n")
    assert len(run.stdout) > len(REPORT)


def test_a_report_without_failures_is_written_back_as_it_was(tmp_path: Path) -> None:
    passing = '<?xml version="1.0" encoding="utf-16"?>\n<testsuite><testcase name="ö"/></testsuite>'.encode(
        "utf-16"
    )
    (tmp_path / "r.xml").write_bytes(passing)

    run = rootcoz(tmp_path, "analyze", "r.xml", "--data-dir", "data", "--format", "xml", "--no-progress")

    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout == passing


def test_an_entity_bomb_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_bytes(b'<!DOCTYPE a [<!ENTITY x "y">]><testsuite>&x;</testsuite>')

    run = rootcoz(tmp_path, "analyze", "r.xml", "--data-dir", "data", "--no-progress")

    assert (run.returncode, run.stdout) == (2, b"")
    assert b"DOCTYPE" in run.stderr
    assert b"Traceback" not in run.stderr


def test_a_suite_that_crashed_without_a_case_does_not_pass_as_green(tmp_path: Path) -> None:
    (tmp_path / "r.xml").write_text(
        '<testsuite errors="1" tests="0"><system-err>oops</system-err></testsuite>'
    )

    run = rootcoz(tmp_path, "analyze", "r.xml", "--data-dir", "data", "--format", "json", "--no-progress")

    result = json.loads(run.stdout)["result"]
    assert run.returncode == 2
    assert result["incomplete"]
    assert result["summary"] == (
        "No failing test cases, but the report declares 1 failure or error that no case shows."
    )
    assert result["summary"] in run.stderr.decode()
    assert "declares 1 failure or error, its cases show 0" in result["notes"][0]


def test_a_report_that_is_refused_is_named_once_and_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "elsewhere/r.xml").write_bytes(b'<testsuite><testcase name="t">')

    run = rootcoz(tmp_path / "here", "analyze", "../elsewhere/r.xml", "--data-dir", "data", "--no-progress")

    [line] = run.stderr.decode().splitlines()
    assert run.returncode == 2
    assert line.startswith("rootcoz: ../elsewhere/r.xml cannot be read: ")
    assert line.count("r.xml") == 1


def test_an_analysis_that_is_not_there_is_said_to_be_missing_without_speaking_of_a_server(
    tmp_path: Path,
) -> None:
    run = rootcoz(tmp_path, "results", "show", "nothing", "--data-dir", "data")

    [line] = run.stderr.decode().splitlines()
    assert run.returncode == 2
    assert "server" not in line
    assert "nothing" in line


@pytest.mark.parametrize("pause", [0.3, 0.9, 1.5, 2.1])
def test_ctrl_c_is_one_sentence_whenever_it_comes(tmp_path: Path, pause: float) -> None:
    (tmp_path / "r.xml").write_bytes(REPORT)
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "rootcoz.cli.entry",
            "analyze",
            "r.xml",
            "--data-dir",
            "data",
            "--no-progress",
        ],
        cwd=tmp_path,
        env={"PYTHONPATH": str(SOURCE), "HOME": str(tmp_path), "PATH": os.defpath},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    time.sleep(pause)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)

    # On a fast machine it may be over by then.
    assert (process.returncode, said) == (1, "") or (
        process.returncode == 130 and said.startswith("rootcoz: Interrupted") and said.count("\n") == 1
    )


def test_a_blank_data_dir_is_the_user_s_own(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "r.xml").write_text("<testsuite><testcase name='a'/></testsuite>")
    run = subprocess.run(
        [sys.executable, "-m", "rootcoz.cli.entry", "analyze", "r.xml", "--data-dir", " "],
        cwd=tmp_path / "work",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert [file.name for file in (tmp_path / "work").iterdir()] == ["r.xml"]
    assert list((tmp_path / "home").rglob("rootcoz.sqlite3"))
