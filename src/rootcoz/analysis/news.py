"""What there is to tell of an analysis that is over."""

from collections.abc import Iterator

from rootcoz.analysis.report import ReportFacts, count_verdicts, summarise
from rootcoz.domain.analysis import AnalysisStatus
from rootcoz.domain.failure import FailureGroup
from rootcoz.domain.finding import Answer, Finding
from rootcoz.domain.notification import AnalysisNews, GroupNews, ReopenedNews

_CAUSE_LIMIT = 2_000
"""Characters of a cause; whoever tells it shows fewer."""


def analysis_news(facts: ReportFacts) -> AnalysisNews:
    """The news of the analysis, for those who decide whom they concern."""
    analysis = facts.analysis
    return AnalysisNews(
        analysis_id=analysis.id,
        job_id=analysis.job_id,
        job_name=analysis.job_name,
        build_number=analysis.build_number,
        failed=facts.status is AnalysisStatus.FAILED,
        summary=summarise(facts),
        counts=dict(count_verdicts(facts).kinds),
        groups=tuple(group_news(group, facts.answers.get(group.number)) for group in facts.groups),
    )


def reopened_news(facts: ReportFacts) -> Iterator[ReopenedNews]:
    """A piece for each closed issue, with the first of the groups that it is linked to."""
    analysis = facts.analysis
    told = set()
    for group in facts.groups:
        for issue in facts.reopened.get(group.number, ()):
            if issue.url not in told:
                told.add(issue.url)
                yield ReopenedNews(
                    analysis_id=analysis.id,
                    job_id=analysis.job_id,
                    job_name=analysis.job_name,
                    build_number=analysis.build_number,
                    group=group_news(group, facts.answers.get(group.number)),
                    issue_key=issue.key,
                    issue_url=issue.url,
                    issue_title=issue.title,
                    issue_status=issue.status,
                )


def group_news(group: FailureGroup, answer: Answer | None) -> GroupNews:
    """What there is to tell of one failure group."""
    said = answer.details if answer is not None else ""
    return GroupNews(
        number=group.number,
        signature=group.signature,
        failures=len(group.members),
        test_name=group.representative.test_name,
        classification=answer.classification.value if isinstance(answer, Finding) else "",
        cause=_first_line(said) or _first_line(group.representative.error_message),
    )


def _first_line(text: str) -> str:
    return text.lstrip().partition("\n")[0][:_CAUSE_LIMIT]
