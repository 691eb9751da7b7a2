import gzip
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from bench.quality import CALLABLES, MEASURES, main

LINES = "Content,EventId\nstarted job 4,E1\nstarted job 5,E1\nstopped,E2\n"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["quality", *map(str, arguments)])
    return main()


def write_lines(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One small data set of each kind."""
    for name in ("rerun-variants", "failure-groups"):
        failures = [
            {"id": f"f{number}", "project": "p", "group": group, "test_name": f"t{number}", "stack_trace": ""}
            | {"error_message": f"{group} is broken after {number} ms"}
            for number, group in enumerate(("cart", "cart", "till"))
        ]
        write_lines(tmp_path / name / "failures.jsonl", failures)
        write_lines(tmp_path / name / "builds.jsonl", [{"failures": ["f0", "f1", "f2"]}])
    (tmp_path / "loghub").mkdir()
    (tmp_path / "loghub" / "Shop_structured.csv").write_text(LINES, encoding="utf-8")
    logs = tmp_path / "log-evidence"
    write_lines(logs / "index.jsonl", [{"source": "own", "log": "a.log.gz", "gold": [[2, 2]]}])
    with gzip.open(logs / "a.log.gz", "wt", encoding="utf-8") as file:
        file.write("compiling\nmain.c:4:1: error: expected ';'\nmake: *** [all] Error 1\n")
    case: dict[str, object] = {
        "labels": ["INFRASTRUCTURE"],
        "input": {"error_message": "No space left on device"},
    }
    write_lines(tmp_path / "triage" / "cases.jsonl", [case])
    reports = tmp_path / "junit-samples"
    (reports / "files").mkdir(parents=True)
    report = '<testsuite><testcase classname="a.B" name="c"><failure message="no"/></testcase></testsuite>'
    (reports / "files" / "good.xml").write_text(report, encoding="utf-8")
    (reports / "files" / "bad.xml").write_text("<testsuite", encoding="utf-8")
    failing = [{"classname": "a.B", "name": "c", "message": "no", "text_head": ""}]
    expected = {"good.xml": {"junit": True, "failed_cases": failing}, "bad.xml": {"junit": False}}
    (reports / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
    return tmp_path


def test_every_measure_names_a_callable_of_the_product() -> None:
    callables = json.loads(CALLABLES.read_text(encoding="utf-8"))

    assert {measure.callable for measure in MEASURES} == set(callables)


def test_the_table_holds_the_figures_of_each_data_set(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = data / "figures.json"
    only = ["templates", "reruns", "signatures", "excerpts", "triage", "reports"]
    code = run(monkeypatch, data, "--json", figures, "--only", *only)
    table = json.loads(figures.read_text(encoding="utf-8"))

    assert code == 0
    assert list(table) == only
    assert table["templates"]["mean"] == {"GA": 1, "FGA": 1}
    assert table["reruns"]["builds"]["F1"] == 1
    assert table["excerpts"]["all lines"]["recall"] == 1
    assert table["triage"]["all that is known"]["accuracy"] == 1
    assert table["reports"]["failing tests"]["counts"] == 1
    assert table["reports"]["no reports"]["refused"] == 1


def test_clusters_and_rankings_are_asked_in_their_own_forms(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "stand_in_answers.py").write_text(
        "def keys(failures): return [row['error_message'].split()[0] for row in failures]\n"
        "def rank(query, past): return sorted(range(len(past)), key=lambda at: 'group' in past[at])\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(data)
    callables = data / "callables.json"
    names = {"cluster_batch": "stand_in_answers:keys", "rank": "stand_in_answers:rank"}
    callables.write_text(json.dumps(names), encoding="utf-8")
    figures = data / "figures.json"
    run(monkeypatch, data, "--callables", callables, "--json", figures, "--only", "clusters", "history")
    table = json.loads(figures.read_text(encoding="utf-8"))

    assert table["clusters"]["builds"]["F1"] == 1
    assert table["history"]["siblings"] == {"R@1": 1, "R@5": 1, "MRR": 1, "#queries": 2}


def test_a_missing_data_set_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(monkeypatch, tmp_path, "--only", "triage")

    assert code == 2
    assert f"triage     not measured: there is no data set {tmp_path / 'triage'}." in capsys.readouterr().out


def test_a_missing_file_of_a_data_set_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "triage").mkdir()
    run(monkeypatch, tmp_path, "--only", "triage")

    assert f"{tmp_path / 'triage' / 'cases.jsonl'} does not exist" in capsys.readouterr().out


def test_a_function_that_cannot_be_had_is_named(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    callables = data / "callables.json"
    callables.write_text('{"triage": "bench.triage_callables:gone"}', encoding="utf-8")
    run(monkeypatch, data, "--callables", callables, "--only", "triage", "templates")
    printed = capsys.readouterr().out

    assert "bench.triage_callables:gone cannot be had" in printed
    assert "the callables name no 'normalise'" in printed


def test_a_folder_that_is_none_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(monkeypatch, tmp_path / "gone")

    assert code == 2
    assert "gone is no folder" in capsys.readouterr().err
