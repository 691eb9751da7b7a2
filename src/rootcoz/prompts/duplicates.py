"""The question which issues of a tracker are about a finding's problem, and the parser for the reply."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated

from pydantic import BeforeValidator

from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import Finding
from rootcoz.domain.issue import Relevance, TrackerIssue
from rootcoz.prompts.answer import Share, Text, Wire, read_reply
from rootcoz.prompts.texts import as_data, prompt_template

Clean = Callable[[str], str]
"""Takes secrets out of a text."""

MAX_REASON_CHARS = 300
_NAME_CHARS = 300
_ERROR_CHARS = 2_000
_DETAILS_CHARS = 2_000


def _entries(value: object) -> object:
    """The list that was asked for, or an object that has an entry for each key."""
    if isinstance(value, dict):
        value = [
            {"key": key, **entry} if isinstance(entry, dict) else {"key": key, "score": entry}
            for key, entry in value.items()
        ]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else value


class _ScoreWire(Wire):
    key: Text = ""
    score: Share = None
    reason: Text = ""


class _ScoresWire(Wire):
    issues: Annotated[list[_ScoreWire], BeforeValidator(_entries)]


def duplicates_schema() -> dict[str, object]:
    """JSON schema of the reply, for providers that can hold a model to one."""
    return _ScoresWire.model_json_schema()


def duplicates_prompt(
    failure: Failure, finding: Finding, issues: Sequence[TrackerIssue], *, clean: Clean
) -> str:
    """Ask which of the issues are about the finding's problem.

    Everything that others wrote stands in it as JSON, cleaned and bounded, so that no text can leave its place.
    """
    return prompt_template("duplicates").substitute(
        finding=as_data(_cleaned(_finding(failure, finding), clean)),
        issues=as_data([_cleaned(_issue(issue), clean) for issue in issues]),
    )


def parse_relevance(text: str, keys: Collection[str]) -> dict[str, Relevance] | str:
    """Read the reply: relevance by key, or a sentence that says why it cannot be used. Never raises.

    Issues that were not asked about are left out, and entries without a figure. A key that comes twice counts with
    its first entry.
    """
    read = read_reply(text, _ScoresWire, holding="issues")
    if isinstance(read, str):
        return read
    found: dict[str, Relevance] = {}
    for entry in read.issues:
        key = entry.key.strip()
        if key in keys and entry.score is not None:
            found.setdefault(key, Relevance(entry.score, " ".join(entry.reason.split())[:MAX_REASON_CHARS]))
    if read.issues and not found:
        return "The provider's answer has no score from 0 to 1 for any of the issues."
    return found


def _finding(failure: Failure, finding: Finding) -> Mapping[str, str]:
    report, fix = finding.product_bug_report, finding.code_fix
    return {
        "test": failure.test_name[:_NAME_CHARS],
        "error": (failure.error_message.strip() or failure.stack_trace.strip())[:_ERROR_CHARS],
        "classification": finding.classification.value,
        "cause": finding.details[:_DETAILS_CHARS],
        "bug": f"{report.title}\n{report.description}"[:_DETAILS_CHARS] if report else "",
        "component": report.component[:_NAME_CHARS] if report else "",
        "fix": f"{fix.file}: {fix.change}"[:_DETAILS_CHARS] if fix else "",
    }


def _issue(issue: TrackerIssue) -> Mapping[str, str]:
    return {
        "key": issue.key,
        "title": issue.title[:_NAME_CHARS],
        "status": issue.status[:_NAME_CHARS],
        "labels": ", ".join(issue.labels)[:_NAME_CHARS],
        "text": issue.excerpt,
    }


def _cleaned(facts: Mapping[str, str], clean: Clean) -> Mapping[str, str]:
    return {name: clean(text) for name, text in facts.items() if text.strip()}
