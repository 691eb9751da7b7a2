"""How good the product's answers are, measured on data sets of real failures and logs that people marked.

    make bench-quality DATA=<folder> [ARGS="--only templates triage --json figures.json"]

The project holds no such data; DATA is a folder with one folder for each data set. One that is missing is named and
left out:

    loghub/*_structured.csv                  columns Content, EventId: log lines and the statements that wrote them
    rerun-variants/, failure-groups/         failures.jsonl[.gz]: id, project, group (the true cause), test_class,
                                             test_name, error_message, stack_trace;
                                             builds.jsonl: failures (their ids) of one build
    log-evidence/index.jsonl                 source, log (a gzip file beside it), gold: [first, last] marked lines
    triage/cases.jsonl                       labels (accepted classes), input (what is known of the failure)
    junit-samples/expected.json, files/      by file: junit (false when it is none), failed_cases

Which functions are measured stands in `callables.json`, as module:function. Their forms:

    normalise      (message) -> template                   signature  (failure) -> key
    cluster_batch  (failures of one build) -> keys         rank       (failure, past ones) -> positions, best first
    excerpt        (log) -> line numbers, best first       triage     (input) -> class or None
    confident      (input) -> class and confidence (0 to 1), or None
    junit          (bytes) -> failing tests; ValueError or SyntaxError when refused
"""

import argparse
import csv
import gzip
import importlib
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.quality_scores import (
    CLASSES,
    FailingTest,
    Pairs,
    Verdict,
    count_pairs,
    first_hit,
    is_blank,
    mean,
    score_excerpt,
    score_report,
    score_statements,
    score_verdicts,
    squashed,
)

CALLABLES = Path(__file__).with_name("callables.json")
LONGEST_FIELD = 1 << 27
"""Characters of one field of a CSV file; the library's own limit is lower than the longest log line."""
ALTERNATIVES = frozenset({"logchunks"})
"""Sources of marked lines in which a text printed several times is marked at each place, any of which will do."""
BUDGETS = (20, 50, 200, None)
WEAK_KEYS = ("log_file", "job")
"""Parts of a triage case that say where it was met; the figures are also made without them."""
FIRST = 5
"""R@5."""

Failure = dict[str, Any]
Figures = dict[str, float]
"""By name, in the order in which they are printed. A name starting with # is a count."""


class Missing(Exception):
    """A data set or a function cannot be had; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One table of figures."""

    name: str
    data: str
    """The data set's folder."""
    callable: str
    """The key in `callables.json`."""
    figures: Callable[[Path, Callable[..., Any]], Iterator[tuple[str, Figures]]]
    """From the folder and the function, rows: what is measured, and its figures."""


# --- data sets -----------------------------------------------------------------------------------


def existing(path: Path) -> Path:
    """The path, or a clear word."""
    if not path.exists():
        raise Missing(f"{path} does not exist")
    return path


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, or of its packed brother."""
    packed = path.with_name(path.name + ".gz")
    if not path.exists() and packed.exists():
        with gzip.open(packed, "rt", encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    with existing(path).open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def failures_of(folder: Path) -> dict[str, Failure]:
    """Failures by id, with their true group."""
    return {row["id"]: row for row in json_lines(folder / "failures.jsonl")}


def unmarked(failure: Failure) -> Failure:
    """What the product may know of a failure."""
    return {key: value for key, value in failure.items() if key not in {"id", "group"}}


# --- measures ------------------------------------------------------------------------------------


def templates(folder: Path, normalise: Callable[[str], str]) -> Iterator[tuple[str, Figures]]:
    """Grouping of log lines by statement, for each system and their mean."""
    files = sorted(folder.rglob("*_structured*.csv"))
    if not files:
        raise Missing(f"{folder} holds no *_structured.csv")
    csv.field_size_limit(LONGEST_FIELD)
    rows = []
    for path in files:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            lines = [row for row in csv.DictReader(file) if row.get("EventId")]
        keys = [normalise(row["Content"]) for row in lines]
        score = score_statements([row["EventId"] for row in lines], keys)
        figures = {"GA": score.accuracy, "FGA": score.template_f1}
        counts: Figures = {"#groups": score.groups, "#statements": score.statements}
        rows.append(figures)
        yield path.name.partition("_")[0], figures | counts
    yield "mean", {name: mean(row[name] for row in rows) for name in rows[0]}


def _grouping(
    folder: Path, keys_of: Callable[[list[Failure]], Sequence[Any]]
) -> Iterator[tuple[str, Figures]]:
    failures = failures_of(folder)
    builds = [row["failures"] for row in json_lines(folder / "builds.jsonl")]
    projects: defaultdict[str, list[str]] = defaultdict(list)
    for identity, row in failures.items():
        projects[row["project"]].append(identity)

    def pairs(ids: Sequence[str]) -> Pairs:
        keys = list(keys_of([unmarked(failures[identity]) for identity in ids]))
        return count_pairs([failures[identity]["group"] for identity in ids], keys)

    for name, parts in (("builds", builds), ("projects as one build", list(projects.values()))):
        found = [pairs(ids) for ids in parts]
        total = sum(found, Pairs())
        yield (
            name,
            {
                "F1": total.f1,
                "P": total.precision,
                "R": total.recall,
                "perfect": mean(p.perfect for p in found),
            }
            | {"#false merges": total.false_merges},
        )


def signatures(folder: Path, signature: Callable[[Failure], Any]) -> Iterator[tuple[str, Figures]]:
    """Pairs of failures with one signature against pairs of one cause."""
    return _grouping(folder, lambda failures: [signature(failure) for failure in failures])


def clusters(
    folder: Path, cluster_batch: Callable[[list[Failure]], Sequence[Any]]
) -> Iterator[tuple[str, Figures]]:
    """The same of clusters, which are made of the failures of one build."""
    return _grouping(folder, cluster_batch)


def history(
    folder: Path, rank: Callable[[Failure, list[Failure]], Sequence[int]]
) -> Iterator[tuple[str, Figures]]:
    """For each failure that has a sibling: where the first sibling stands among its project's other failures."""
    projects: defaultdict[str, list[Failure]] = defaultdict(list)
    for failure in failures_of(folder).values():
        projects[failure["project"]].append(failure)
    places = []
    for rows in projects.values():
        sizes = Counter(row["group"] for row in rows)
        for failure in rows:
            if sizes[failure["group"]] > 1:
                others = [row for row in rows if row is not failure]
                wanted = frozenset(
                    position for position, row in enumerate(others) if row["group"] == failure["group"]
                )
                order = rank(unmarked(failure), [unmarked(row) for row in others])
                places.append(first_hit(order, wanted))
    yield (
        "siblings",
        {
            "R@1": mean(place == 1 for place in places),
            "R@5": mean(place is not None and place <= FIRST for place in places),
            "MRR": mean(1 / place if place else 0.0 for place in places),
            "#queries": len(places),
        },
    )


def excerpts(folder: Path, excerpt: Callable[[str], Sequence[int]]) -> Iterator[tuple[str, Figures]]:
    """Marked lines among the first lines of the excerpt."""
    answers = []
    for row in json_lines(folder / "index.jsonl"):
        with gzip.open(existing(folder / row["log"]), "rt", encoding="utf-8", newline="") as file:
            text = file.read()
        lines = text.split("\n")
        blank = frozenset(number for number, line in enumerate(lines, 1) if is_blank(line))
        marked = [frozenset(range(first, last + 1)) - blank for first, last in row["gold"]]
        marked = [span for span in marked if span]
        if marked:
            if row["source"] not in ALTERNATIVES:
                marked = [frozenset().union(*marked)]
            shown = [number for number in excerpt(text) if 1 <= number <= len(lines)]
            answers.append((shown, marked, blank))
    for budget in BUDGETS:
        found = [score_excerpt(*answer, budget) for answer in answers]
        yield (
            f"first {budget} lines" if budget else "all lines",
            {
                "hit": mean(one.hit for one in found),
                "recall": mean(one.recall for one in found),
                "P": mean(one.precision for one in found),
                "#logs": len(found),
            },
        )


def _class(answer: object) -> str | None:
    """The class that an answer names, in whatever spelling."""
    said = str(answer or "").upper().replace("_", " ")
    return next((name for name in CLASSES if name.split()[0] in said), None)


def triage(folder: Path, classify: Callable[[Mapping[str, Any]], object]) -> Iterator[tuple[str, Figures]]:
    """Classes of failures, also of what is left when WEAK_KEYS are taken out."""
    cases = json_lines(folder / "cases.jsonl")
    for name, hidden in (("all that is known", ()), (f"without {' and '.join(WEAK_KEYS)}", WEAK_KEYS)):
        verdicts = [
            Verdict(
                tuple(case["labels"]),
                _class(classify({key: part for key, part in case["input"].items() if key not in hidden})),
            )
            for case in cases
        ]
        score = score_verdicts(verdicts)
        figures = {"accuracy": score.accuracy, "infra F1": score.infrastructure_f1}
        yield (
            name,
            figures | {"accepted": score.accepted, "abstained": score.abstained, "#cases": len(cases)},
        )


def sources(folder: Path, classify: Callable[[Mapping[str, Any]], object]) -> Iterator[tuple[str, Figures]]:
    """The same for each source of cases, and for all but that one: no figure may hang on one source."""
    cases = json_lines(folder / "cases.jsonl")
    answered = [
        (case["source"], Verdict(tuple(case["labels"]), _class(classify(case["input"])))) for case in cases
    ]
    for source in sorted({source for source, _ in answered}):
        for name, kept in ((source, True), (f"all but {source}", False)):
            verdicts = [verdict for where, verdict in answered if (where == source) is kept]
            score = score_verdicts(verdicts)
            figures = {"accuracy": score.accuracy, "infra F1": score.infrastructure_f1}
            yield name, figures | {"accepted": score.accepted, "#cases": len(verdicts)}


def certainty(
    folder: Path, classify: Callable[[Mapping[str, Any]], tuple[str, float] | None]
) -> Iterator[tuple[str, Figures]]:
    """How sure the answers are, and how often they are right: the closer these two, the better calibrated."""
    bins: defaultdict[int, list[tuple[float, bool]]] = defaultdict(list)
    for case in json_lines(folder / "cases.jsonl"):
        answer = classify(case["input"])
        if answer is not None:
            bins[int(answer[1] * 10)].append((answer[1], _class(answer[0]) in case["labels"]))
    for tenth, answers in sorted(bins.items()):
        sure, right = mean(one for one, _ in answers), mean(one for _, one in answers)
        yield f"from {tenth / 10:.1f}", {"confidence": sure, "right": right, "#answers": len(answers)}


def _test_name(class_name: object, name: object) -> str:
    """Class and name, as reports give them."""
    return squashed(f"{class_name or ''}.{name or ''}".strip("."))


def _failing_test(found: Mapping[str, Any]) -> FailingTest:
    name = str(found.get("name") or found.get("test_name") or "")
    class_name = str(found.get("classname") or found.get("class_name") or "")
    full = name if name.startswith(class_name + ".") else _test_name(class_name, name)
    parts = [found.get(key) for key in ("message", "error_message", "text", "stack_trace", "details")]
    return FailingTest(squashed(full.strip(".")), " ".join(str(part) for part in parts if part))


def reports(folder: Path, read: Callable[[bytes], Sequence[Any]]) -> Iterator[tuple[str, Figures]]:
    """Failing tests of reports, and whether what is no report is refused."""
    scores, handled = [], []
    for name, expected in sorted(json.loads(existing(folder / "expected.json").read_text("utf-8")).items()):
        data = existing(folder / "files" / name).read_bytes()
        refused, found = False, []
        try:
            found = [_failing_test(test) for test in read(data) or ()]
        except (ValueError, SyntaxError):
            refused = True
        if not expected.get("junit"):
            handled.append(refused or not found)
            continue
        cases = [
            (
                _test_name(case["classname"], case["name"]),
                (case.get("message") or "", case.get("text_head") or ""),
            )
            for case in expected["failed_cases"]
        ]
        scores.append(score_report(cases, found, refused=refused))
    expected_tests = sum(score.expected for score in scores) or 1
    matched = sum(score.matched for score in scores)
    yield (
        "failing tests",
        {
            "counts": mean(score.counted for score in scores),
            "found": matched / expected_tests,
            "P": matched / (sum(score.read for score in scores) or 1),
            "detail": sum(score.detailed for score in scores) / expected_tests,
            "#reports": len(scores),
        },
    )
    yield "no reports", {"refused": mean(handled), "#files": len(handled)}


MEASURES = (
    Measure("templates", "loghub", "normalise", templates),
    Measure("reruns", "rerun-variants", "signature", signatures),
    Measure("signatures", "failure-groups", "signature", signatures),
    Measure("clusters", "failure-groups", "cluster_batch", clusters),
    Measure("history", "failure-groups", "rank", history),
    Measure("excerpts", "log-evidence", "excerpt", excerpts),
    Measure("triage", "triage", "triage", triage),
    Measure("sources", "triage", "triage", sources),
    Measure("certainty", "triage", "confident", certainty),
    Measure("reports", "junit-samples", "junit", reports),
)


# --- the program ---------------------------------------------------------------------------------


def function(name: str, callables: Mapping[str, str]) -> Callable[..., Any]:
    """The function that stands for a key of `callables.json`."""
    place = callables.get(name)
    if place is None:
        raise Missing(f"the callables name no {name!r}")
    module, _, attribute = place.partition(":")
    try:
        found: Callable[..., Any] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise Missing(f"{place} cannot be had: {error}") from error
    return found


def measured(measure: Measure, data: Path, callables: Mapping[str, str]) -> Iterator[tuple[str, Figures]]:
    """The measure's rows."""
    folder = data / measure.data
    if not folder.is_dir():
        raise Missing(f"there is no data set {folder}")
    yield from measure.figures(folder, function(measure.callable, callables))


def written(figures: Figures) -> str:
    """Figures for a person."""
    return "  ".join(
        f"{name[1:]} {value:,.0f}" if name.startswith("#") else f"{name} {value:.3f}"
        for name, value in figures.items()
    )


def main() -> int:
    """Print the table; 0 when something was measured, 2 when nothing was."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="the folder that holds the data sets")
    parser.add_argument("--callables", type=Path, default=CALLABLES)
    parser.add_argument("--only", nargs="+", choices=[measure.name for measure in MEASURES])
    parser.add_argument("--json", type=Path, help="write the figures here too")
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"{options.data} is no folder. Name the folder that holds the data sets.", file=sys.stderr)
        return 2
    callables = json.loads(options.callables.read_text(encoding="utf-8"))
    table: dict[str, dict[str, Figures]] = {}
    for measure in MEASURES:
        if options.only and measure.name not in options.only:
            continue
        began = time.process_time()
        try:
            for row, figures in measured(measure, options.data, callables):
                table.setdefault(measure.name, {})[row] = figures
                print(f"{measure.name:<11}{row:<28}{written(figures)}", flush=True)
        except Missing as missing:
            print(f"{measure.name:<11}not measured: {missing}.")
            continue
        print(f"{'':<11}{time.process_time() - began:.1f} s of processor time, {callables[measure.callable]}")
    if options.json:
        options.json.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    return 0 if table else 2


if __name__ == "__main__":
    sys.exit(main())
