import gzip
import json
from pathlib import Path

from bench.replay import judged_of, read_lines

from rootcoz.domain.failure import Failure


def test_both_layouts_of_labelled_failures_are_read(tmp_path: Path) -> None:
    case = {"id": "c1", "labels": ["CODE ISSUE"], "input": {"test_name": "a.T.one", "error_message": "boom"}}
    known = {"project": "p", "group": "g", "at": "2026"}
    grouped = {**known, "test_class": "a.T", "test_name": "one", "stack_trace": "at x"}
    file = tmp_path / "cases.jsonl.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, (case, grouped))).encode()))
    first, second = (judged_of(one, number) for number, one in enumerate(read_lines(file)))

    assert first.failure == Failure("a.T.one", "boom", class_name="a.T")
    assert (first.accepted, first.cause, first.job_id) == (frozenset({"CODE ISSUE"}), "", "c1")
    assert first.seen_at < second.seen_at == "2026"
    assert second.failure == Failure("a.T.one", stack_trace="at x", class_name="a.T")
    assert (second.accepted, second.cause) == (frozenset({"PRODUCT BUG"}), "p g")
