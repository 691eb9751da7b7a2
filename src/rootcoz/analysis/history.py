"""What an analysis leaves in the history: its failures, those of child builds under the name of the analysed build."""

from collections.abc import Iterator

from rootcoz.analysis.report import ReportFacts
from rootcoz.domain.failure import BuildOutline, FailureGroup
from rootcoz.domain.finding import Finding
from rootcoz.store.history import HistoryRow


def history_rows(facts: ReportFacts) -> Iterator[HistoryRow]:
    """The rows in the order of the failures."""
    group_of = {member: group for group in facts.groups for member in group.members}
    yield from _rows_of(facts, facts.outline, group_of, is_child=False)


def _rows_of(
    facts: ReportFacts, build: BuildOutline, group_of: dict[int, FailureGroup], *, is_child: bool
) -> Iterator[HistoryRow]:
    for number in range(build.first, build.first + build.count):
        failure, group = facts.failures[number], group_of[number]
        answer = facts.answers.get(group.number)
        yield HistoryRow(
            number=number,
            group_number=group.number,
            job_name=facts.analysis.job_name,
            build_number=facts.analysis.build_number,
            child_job_name=build.job_name if is_child else "",
            child_build_number=build.build_number if is_child else 0,
            test_name=failure.test_name,
            error_message=failure.error_message,
            error_signature=group.signature.value,
            signature_version=group.signature.version,
            classification=answer.classification if isinstance(answer, Finding) else "",
        )
    for child in build.children:
        yield from _rows_of(facts, child, group_of, is_child=True)
