"""The stored result: one JSON object, written as a stream in the shape that the reference promises.

The names here are the wire's (`api/schemas/results.py` describes them); a test holds the two together.
"""

import codecs
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache

import orjson

from rootcoz.domain.analysis import AnalysisOptions, AnalysisStatus, LedgerEntry, PromptUse, StoredAnalysis
from rootcoz.domain.debate import Debate, DebateEntry
from rootcoz.domain.failure import BuildOutline, Failure, FailureGroup
from rootcoz.domain.finding import Answer, Evidence, Finding, NoVerdict, NoVerdictReason
from rootcoz.domain.issue import MatchedIssue, ReopenedIssue
from rootcoz.domain.review import PastDecision
from rootcoz.domain.verdicts import VerdictCounts, counted
from rootcoz.exporters.case_enrichment import CaseEnrichment, case_enrichment, stand_in_note
from rootcoz.exporters.junit_xml import enrich
from rootcoz.kit.chunks import Chunk, open_chunks
from rootcoz.store.builds import SUMMARY_PLACE
from rootcoz.store.calls import total_cost

AFFECTED_TESTS_BUDGET = 200_000
"""Names of other tests that one result may hold altogether. A group of n lists n - 1 names n times: without a bound
20,000 tests that fail alike would make a document of gigabytes."""
FULL_DEBATES = 100
"""Failures of one group that tell its debate word by word; further ones only tell how it ended."""
GroupOf = Mapping[int, FailureGroup]
"""From the index of a failure to its group."""

_FEWEST_NAMES, _MOST_NAMES = 10, 200


@dataclass(frozen=True, slots=True)
class ReportFacts:
    """Everything the result is made from."""

    analysis: StoredAnalysis
    status: AnalysisStatus
    failed_because: str
    """A sentence when the analysis as a whole failed, else empty."""
    failures: Sequence[Failure]
    """Of all builds; `outline` says which are whose."""
    outline: BuildOutline
    groups: Sequence[FailureGroup]
    answers: Mapping[int, Answer]
    """By group number. Groups are missing only when the analysis failed."""
    issues: Mapping[int, Sequence[MatchedIssue]]
    """What the trackers have that looks like a group's finding, by group number."""
    ledger: Sequence[LedgerEntry]
    reports: Sequence[Sequence[Chunk]]
    """The report documents as they came, in UTF-8; none when the analysis failed: a document that cannot be enriched
    must not keep it from its end."""
    report_url: str
    """Where people see this result; empty when the server does not know its address."""
    debates: Mapping[int, Debate] = field(default_factory=dict)
    """By group number, of groups whose answer was debated."""
    decisions: Mapping[int, Sequence[PastDecision]] = field(default_factory=dict)
    """By group number: what people decided when the same failure came before, the newest first, or else what they
    decided of similar ones, the most similar first."""
    reopened: Mapping[int, Sequence[ReopenedIssue]] = field(default_factory=dict)
    """By group number: closed issues of failures that came again."""


@dataclass(frozen=True, slots=True)
class AnswerPlace:
    """Where the answer for one failure stands in the written result, so that another can be put in its place."""

    failure: int
    """Index of the failure; SUMMARY_PLACE for the summary, which counts the answers."""
    start: int
    """Bytes before the answer's fields."""
    size: int
    """Bytes of its fields: those of `analysis` without the names of the other tests."""


def write_result(facts: ReportFacts, places: list[AnswerPlace] | None = None) -> Iterator[bytes]:
    """The result in pieces. Never holds more than one failure's or one chunk's text.

    `places` is given the places of the summary and of each failure's answer, in the order of the document.
    """
    written = 0
    for piece in _pieces(facts):
        if isinstance(piece, _Placed):
            if places is not None:
                places.append(AnswerPlace(piece.failure, written, len(piece.fields)))
            piece = piece.fields  # noqa: PLW2901 - a piece is its bytes from here on
        written += len(piece)
        yield piece


def answer_fields(answer: Answer | None, issues: Sequence[MatchedIssue], options: AnalysisOptions) -> bytes:
    """The fields of `analysis` in a result but the names of other tests, as JSON without its braces."""
    return orjson.dumps(_payload(answer, issues) | _who_answered(answer, options))[1:-1]


@dataclass(frozen=True, slots=True)
class _Placed:
    """A piece of a result whose place is noted."""

    failure: int
    """As in AnswerPlace."""
    fields: bytes


_Piece = bytes | _Placed


def _pieces(facts: ReportFacts) -> Iterator[_Piece]:
    analysis = facts.analysis
    yield b'{"summary":'
    yield _Placed(SUMMARY_PLACE, orjson.dumps(summarise(facts)))
    head = {
        "status": facts.status,
        "ai_provider": analysis.options.provider,
        "ai_model": analysis.options.model,
        "job_name": analysis.job_name,
        "build_number": analysis.build_number,
        "token_usage": _token_usage(facts.ledger),
        "prompts": _prompts(facts.ledger),
        "request_params": analysis.request_params,
        "reanalysis_of": analysis.reanalysis_of,
        "notes": list(analysis.notes),
        "incomplete": _unaccounted(facts) > 0,
    }
    yield b"," + orjson.dumps(head)[1:-1]
    yield from _failure_pieces(facts, None)
    yield b',"reports":['
    yield from _reports(facts)
    yield b'],"enriched_xml":'
    if _is_single_document(analysis):
        yield from _enriched(facts, 0)
    else:
        yield b"null"
    yield b"}"


def write_failures(facts: ReportFacts, *, only: Container[int] | None = None) -> Iterator[bytes]:
    """The fields with the failures, those of child builds too, after a comma; `only` those with such an index."""
    for piece in _failure_pieces(facts, only):
        yield piece.fields if isinstance(piece, _Placed) else piece


def _failure_pieces(facts: ReportFacts, only: Container[int] | None) -> Iterator[_Piece]:
    group_of = {
        member: group for group in facts.groups for member in group.members if only is None or member in only
    }
    yield b',"failures":['
    yield from _failures(facts, facts.outline, group_of)
    yield b'],"child_job_analyses":['
    yield from _children(facts, facts.outline, group_of)
    yield b"]"


def summarise(facts: ReportFacts) -> str:
    """One line for people: what failed, in how many groups, and what was found."""
    if facts.analysis.aborted_by is not None:
        by = f" by {facts.analysis.aborted_by}" if facts.analysis.aborted_by else ""
        of = f"{len(facts.answers)} of {counted(len(facts.groups), 'group')}"
        return f"The analysis was aborted{by}" + (f"; {of} had an answer." if facts.groups else ".")
    if facts.failed_because:
        return f"The analysis failed: {facts.failed_because}"
    return count_verdicts(facts).summary() if facts.failures else _sum_up_nothing(facts)


def _sum_up_nothing(facts: ReportFacts) -> str:
    """For an analysis that found no failing test."""
    if facts.analysis.order is not None:
        return facts.analysis.notes[0] if facts.analysis.notes else "The build has no failures."
    if unaccounted := _unaccounted(facts):
        reports = "the report declares" if len(facts.analysis.reports) == 1 else "the reports declare"
        kinds = "failure or error" if unaccounted == 1 else "failures or errors"
        return f"No failing test cases, but {reports} {unaccounted} {kinds} that no case shows."
    tests = sum(report.tests for report in facts.analysis.reports)
    return f"No failures in {counted(tests, 'test')}." if tests else "No failures."


def count_verdicts(facts: ReportFacts) -> VerdictCounts:
    """What the groups came to."""
    kinds: Counter[str] = Counter()
    abstained = unanswered = 0
    for group in facts.groups:
        answer = facts.answers.get(group.number)
        if isinstance(answer, Finding):
            kinds[answer.classification.value] += 1
        elif answer is not None and answer.reason is NoVerdictReason.ABSTAINED:
            abstained += 1
        else:
            unanswered += 1
    return VerdictCounts(
        failures=len(facts.failures),
        groups=len(facts.groups),
        children=_descendants(facts.outline),
        kinds=dict(kinds),
        abstained=abstained,
        unanswered=unanswered,
    )


def _unaccounted(facts: ReportFacts) -> int:
    """Failures that the reports declare and do not show."""
    return sum(report.unaccounted for report in facts.analysis.reports)


def _descendants(build: BuildOutline) -> int:
    return len(build.children) + sum(map(_descendants, build.children))


def _children(facts: ReportFacts, outline: BuildOutline, group_of: GroupOf) -> Iterator[_Piece]:
    """The child builds of a build, each with its own, in the reference's recursive form."""
    for number, child in enumerate(outline.children):
        head = {
            "job_name": child.job_name,
            "build_number": child.build_number,
            "note": child.note or None,
        }
        yield b"," * bool(number) + orjson.dumps(head)[:-1] + b',"failures":['
        yield from _failures(facts, child, group_of)
        yield b'],"failed_children":['
        yield from _children(facts, child, group_of)
        yield b"]}"


def _failures(facts: ReportFacts, build: BuildOutline, group_of: GroupOf) -> Iterator[_Piece]:
    numbers = (number for number in range(build.first, build.first + build.count) if number in group_of)
    for place, number in enumerate(numbers):
        failure, group = facts.failures[number], group_of[number]
        yield b"," * bool(place)
        debate = facts.debates.get(group.number)
        decisions = facts.decisions.get(group.number, ())
        others = [name for name in _affected_tests(facts, group) if name not in {"", failure.test_name}]
        head = {
            "test_name": failure.test_name,
            "error": failure.error_message,
            "error_signature": group.signature.value,
            "signature_version": group.signature.version,
            "group": group.number,
            "group_size": len(group.members),
            "cluster_id": group.cluster and group.cluster.id,
            "cluster_reason": group.cluster and group.cluster.reason,
            "status": failure.status,
            "duration": failure.duration,
            "past_decisions": list(decisions if number in _told_in_full(group) else decisions[:1]),
            "reopened": list(facts.reopened.get(group.number, ())),
            "peer_debate": debate and _debate_payload(debate, in_full=number in _told_in_full(group)),
        }
        yield orjson.dumps(head)[:-1] + b',"analysis":{'
        answer = facts.answers.get(group.number)
        yield _Placed(
            number, answer_fields(answer, facts.issues.get(group.number, ()), facts.analysis.options)
        )
        yield b',"affected_tests":' + orjson.dumps(others) + b"}}"


def _affected_tests(facts: ReportFacts, group: FailureGroup) -> list[str]:
    """Names of the group's tests, as many as the budget allows."""
    limit = min(max(AFFECTED_TESTS_BUDGET // len(facts.failures), _FEWEST_NAMES), _MOST_NAMES)
    return [facts.failures[member].test_name for member in group.members[:limit]]


def _payload(answer: Answer | None, issues: Sequence[MatchedIssue]) -> dict[str, object]:
    match answer:
        case Finding():
            return _finding_payload(answer, issues)
        case NoVerdict():
            return _no_verdict_payload(answer)
        case None:
            stopped = NoVerdict(
                reason=NoVerdictReason.PROVIDER_FAILED,
                message="The analysis stopped before this group was answered.",
            )
            return _no_verdict_payload(stopped)


def _who_answered(answer: Answer | None, options: AnalysisOptions) -> dict[str, object]:
    if answer is None or answer.stand_in is None:
        return {"ai_provider": options.provider, "ai_model": options.model, "note": ""}
    return {"ai_provider": answer.stand_in.provider, "ai_model": "", "note": stand_in_note(answer.stand_in)}


def _finding_payload(finding: Finding, issues: Sequence[MatchedIssue]) -> dict[str, object]:
    payload: dict[str, object] = {
        "classification": finding.classification,
        "details": finding.details,
        "artifacts_evidence": _verbatim(finding.evidence),
        "confidence": finding.confidence,
        "evidence": finding.evidence,
        "rules": finding.rules,
    }
    if finding.code_fix:
        payload["code_fix"] = {**asdict(finding.code_fix), "tests_repo_matches": list(issues)}
    if finding.product_bug_report:
        payload["product_bug_report"] = {**asdict(finding.product_bug_report), "jira_matches": list(issues)}
    return payload


def _told_in_full(group: FailureGroup) -> Sequence[int]:
    """The members whose failures tell the group's debate, and what was decided before, in full."""
    return group.members[:FULL_DEBATES]


def _debate_payload(debate: Debate, *, in_full: bool) -> dict[str, object]:
    return {
        "consensus_reached": debate.consensus,
        "ending": debate.ending,
        "rounds_used": len(debate.rounds),
        "max_rounds": debate.max_rounds,
        "ai_configs": [{"ai_provider": one.provider, "ai_model": one.model} for one in debate.participants],
        "rounds": [
            {"round": one.number, "entries": [_debate_entry(entry) for entry in one.entries]}
            for one in (debate.rounds if in_full else ())
        ],
    }


def _debate_entry(entry: DebateEntry) -> dict[str, object]:
    return {
        "ai_provider": entry.provider,
        "ai_model": entry.model,
        "role": entry.role,
        "classification": entry.classification or "",
        "agrees": entry.agrees,
        "reasoning": entry.reasoning,
        "suggested_changes": entry.suggested_changes,
        "evidence": entry.evidence,
        "usable": entry.usable,
        "note": entry.note,
        "changed": entry.changed,
    }


def _no_verdict_payload(answer: NoVerdict) -> dict[str, object]:
    return {
        "classification": "",
        "details": answer.details,
        "artifacts_evidence": _verbatim(answer.evidence),
        "confidence": None,
        "evidence": answer.evidence,
        "rules": [],
        "no_verdict": {"reason": answer.reason, "message": answer.message, "raw_text": answer.raw_text},
    }


def _verbatim(evidence: Sequence[Evidence]) -> str:
    """Only quotations that were found: this field is what people copy."""
    return "\n".join(item.quote for item in evidence if item.verified)


def _token_usage(ledger: Sequence[LedgerEntry]) -> dict[str, object] | None:
    if not ledger:
        return None
    calls = [_call(entry) for entry in ledger]
    sums = {
        name: sum(int(str(call[name])) for call in calls)
        for name in (
            "input_tokens",
            "output_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
            "total_tokens",
        )
    }
    return {
        "total_calls": len(calls),
        **sums,
        "cost_usd": total_cost(entry.call for entry in ledger),
        "duration_ms": sum(entry.call.duration_ms for entry in ledger),
        "calls": calls,
    }


def _call(entry: LedgerEntry) -> dict[str, object]:
    call = entry.call
    return {
        "id": entry.id,
        "ai_provider": call.provider,
        "ai_model": call.model,
        "call_type": call.call_type,
        "input_tokens": call.input_tokens or 0,
        "output_tokens": call.output_tokens or 0,
        "cache_read_tokens": call.cache_read_tokens or 0,
        "cache_write_tokens": call.cache_write_tokens or 0,
        "total_tokens": (call.input_tokens or 0) + (call.output_tokens or 0),
        "cost_usd": call.cost_usd,
        "duration_ms": call.duration_ms,
        "prompt_chars": call.prompt_chars,
        "response_chars": call.reply_chars,
        "created_at": entry.created_at,
        "prompts": _versions(entry.call.prompts),
    }


def _prompts(ledger: Sequence[LedgerEntry]) -> dict[str, str]:
    """The texts that the questions were made from. One that changed in between, by an upgrade, has both versions."""
    versions: dict[str, dict[str, None]] = {}
    for entry in ledger:
        for use in entry.call.prompts:
            versions.setdefault(use.name, {})[use.version] = None
    return {name: ", ".join(used) for name, used in sorted(versions.items())}


def _versions(uses: Sequence[PromptUse]) -> dict[str, str]:
    return {use.name: use.version for use in uses}


def _is_single_document(analysis: StoredAnalysis) -> bool:
    """Whether the request was one unnamed document (`raw_xml`), whose enriched form is a field of its own."""
    return len(analysis.reports) == 1 and not analysis.reports[0].name


def _reports(facts: ReportFacts) -> Iterator[bytes]:
    for number, report in enumerate(facts.analysis.reports):
        counts = {
            "name": report.name,
            "tests": report.tests,
            "failed": report.failed,
            "skipped": report.skipped,
        }
        yield b"," * bool(number) + orjson.dumps(counts)[:-1] + b',"enriched_xml":'
        if _is_single_document(facts.analysis):
            yield b"null"
        else:
            yield from _enriched(facts, number)
        yield b"}"


def _enriched(facts: ReportFacts, number: int) -> Iterator[bytes]:
    """The enriched document as a JSON string; null when there is no document to enrich."""
    if not facts.reports:
        yield b"null"
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    yield b'"'
    document = open_chunks(facts.reports[number])
    cases = _Cases(facts, number)
    for piece in enrich(document, cases, report_url=facts.report_url, encoding="utf-8"):
        yield orjson.dumps(decoder.decode(piece))[1:-1]
    yield orjson.dumps(decoder.decode(b"", final=True))[1:-1] + b'"'


class _Cases(Mapping[int, CaseEnrichment]):
    """What to write into which case of one document, made when it is asked for: 20,000 would be 100 MB."""

    def __init__(self, facts: ReportFacts, report: int) -> None:
        self._facts = facts
        self._enrichment = lru_cache(maxsize=256)(self._enrichment_of)
        self._groups = {group.number: group for group in facts.groups}
        self._group_of: dict[int, int] = {}
        for group in facts.groups:
            for member in group.members if group.number in facts.answers else ():
                position = facts.failures[member].position
                if position is not None and position.report == report:
                    self._group_of[position.case] = group.number

    def __getitem__(self, case: int) -> CaseEnrichment:
        return self._enrichment(self._group_of[case])

    def _enrichment_of(self, number: int) -> CaseEnrichment:
        group = self._groups[number]
        answer = self._facts.answers[group.number]
        names = _affected_tests(self._facts, group)
        return case_enrichment(answer, affected_tests=names, issues=self._facts.issues.get(number, ()))

    def __iter__(self) -> Iterator[int]:
        return iter(self._group_of)

    def __len__(self) -> int:
        return len(self._group_of)
