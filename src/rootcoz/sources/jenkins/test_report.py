"""The failures of a build's test report, read as a stream: passing cases are never held.

https://javadoc.jenkins.io/plugin/junit/hudson/tasks/junit/TestResult.html for a build of its own,
https://javadoc.jenkins.io/plugin/junit/hudson/tasks/test/AggregatedTestResultAction.html for one that gathers what
others reported (matrix, Maven, MultiJob): those have `childReports` and no suites of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rootcoz.domain.failure import MESSAGE_LIMIT, NAME_LIMIT, OUTPUT_LIMIT, STACK_LIMIT, Failure
from rootcoz.kit.head_tail import shortened
from rootcoz.kit.json_split import ItemsRule, JsonPath, JsonSplitError, JsonSplitter

_CASES = "cases[className,name,status,duration,errorDetails,errorStackTrace,stdout,stderr]"
REPORT_TREE = f"suites[name,{_CASES}],childReports[child[number,url],result[suites[name,{_CASES}]]]"
"""The fields that are read. Suites repeat the output of their cases, which is left behind."""

FAILED = frozenset({"FAILED", "REGRESSION"})
"""REGRESSION: it failed, and passed in the build before. The others are PASSED, FIXED and SKIPPED."""
FAILURES_LIMIT = 100_000
"""Failing cases of one report that are kept."""
_CASES_LIMIT = 10_000_000
_CASE_BYTES = 16_000_000
"""Of one case; Jenkins keeps 100 kB of a failing case's output unless it is told otherwise."""
_REST_BYTES = 64_000_000
"""Of all but the cases: names of suites and addresses of builds."""


class UnreadableReport(ValueError):
    """It is no test report of Jenkins. The message says why, without a full stop."""


@dataclass(frozen=True, slots=True)
class ChildReport:
    """What a gathering report says about another build."""

    url: str
    """Of that build; empty when the report does not say."""
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The failing cases."""

    failures: tuple[Failure, ...]
    """Of the build's own suites."""
    children: tuple[ChildReport, ...] = ()
    """Only those with failures."""
    cases: int = 0
    """All cases, those of the children included."""
    left_out: int = 0
    """Failing cases over FAILURES_LIMIT."""


def _text(value: Any) -> Any:  # noqa: ANN401 - whatever stands in the reply
    return "" if value is None else str(value)


_Text = Annotated[str, BeforeValidator(_text)]


class _CaseReply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    class_name: _Text = Field(default="", alias="className")
    name: _Text = ""
    status: str
    duration: float | None = None
    """Seconds."""
    error_details: _Text = Field(default="", alias="errorDetails")
    error_stack_trace: _Text = Field(default="", alias="errorStackTrace")
    stdout: _Text = ""
    stderr: _Text = ""


class ReportReader:
    """Feed it the reply, then close it. Works in the caller's thread. Raises UnreadableReport."""

    def __init__(self) -> None:
        own = ("suites", "*", "cases", "*")
        self._splitter = JsonSplitter(
            [
                ItemsRule(pattern, self._take, _CASES_LIMIT, _CASE_BYTES)
                for pattern in (own, ("childReports", "*", "result", *own))
            ],
            max_rest_bytes=_REST_BYTES,
        )
        self._found: list[tuple[JsonPath, Failure]] = []
        self._left_out = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        try:
            self._splitter.feed(chunk)
        except JsonSplitError as error:
            raise UnreadableReport(str(error)) from error

    def close(self) -> Report:
        """The end of the reply."""
        try:
            split = self._splitter.close()
        except JsonSplitError as error:
            raise UnreadableReport(str(error)) from error
        if not split.rest.keys() & {"suites", "childReports"}:
            raise UnreadableReport("it has neither suites nor childReports")
        own: list[Failure] = []
        children: dict[int | str, list[Failure]] = {}
        for path, failure in self._found:
            named = replace(failure, suite=_suite_name(split.rest, path))
            if path[0] == "suites":
                own.append(named)
            else:
                children.setdefault(path[1], []).append(named)
        return Report(
            failures=tuple(own),
            children=tuple(
                ChildReport(_text(_at(split.rest, ("childReports", index, "child", "url"))), tuple(failures))
                for index, failures in children.items()
            ),
            cases=sum(split.items.values()),
            left_out=self._left_out,
        )

    def _take(self, path: JsonPath, case: object) -> None:
        if not isinstance(case, dict) or case.get("status") not in FAILED:
            return
        if len(self._found) >= FAILURES_LIMIT:
            self._left_out += 1
            return
        try:
            self._found.append((path, _failure(_CaseReply.model_validate(case))))
        except ValidationError as error:
            problem = error.errors(include_input=False, include_url=False)[0]
            raise UnreadableReport(f"a case has a wrong {problem['loc'][0]}: {problem['msg']}") from error


def _failure(case: _CaseReply) -> Failure:
    class_name = shortened(case.class_name.strip(), NAME_LIMIT)
    name = shortened(case.name.strip(), NAME_LIMIT)
    first_line = next((line.strip() for line in case.error_stack_trace.splitlines() if line.strip()), "")
    outputs = [text for text in (case.stdout, case.stderr) if text.strip()]
    return Failure(
        test_name=".".join(filter(None, (class_name, name))),
        error_message=shortened(case.error_details.strip() or first_line, MESSAGE_LIMIT),
        stack_trace=shortened(case.error_stack_trace, STACK_LIMIT),
        duration=max(case.duration or 0.0, 0.0),
        status=case.status,
        class_name=class_name,
        output="\n".join(outputs)[-OUTPUT_LIMIT:],
    )


def _suite_name(rest: object, case: JsonPath) -> str:
    """The name of the suite around a case, whose path ends with `cases` and its index."""
    return shortened(_text(_at(rest, (*case[:-2], "name"))).strip(), NAME_LIMIT)


def _at(value: Any, path: Sequence[str | int]) -> Any:  # noqa: ANN401 - a JSON value
    """What stands at the path; None when there is nothing."""
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
    return value
