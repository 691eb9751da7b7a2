"""The AI's word on whether issues of a tracker are about the problem of a finding."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rootcoz.analysis.turns import Turns
from rootcoz.domain.analysis import AnalysisOptions
from rootcoz.domain.errors import Refused
from rootcoz.domain.failure import FailureGroup
from rootcoz.domain.finding import Finding
from rootcoz.domain.issue import Relevance, TrackerIssue
from rootcoz.evidence.failures import without_secrets
from rootcoz.evidence.secrets import redact
from rootcoz.prompts.duplicates import duplicates_prompt, duplicates_schema, parse_relevance
from rootcoz.prompts.texts import prompt_use, text_digest
from rootcoz.providers.base import Provider, Question


@dataclass(frozen=True, slots=True)
class IssueJudge:
    """Asks the analysis' main provider, once for each finding that has candidates."""

    provider: Provider
    options: AnalysisOptions
    turns: Turns
    call_type: str
    """In the ledger: `jira_filter` or `tests_repo_filter`."""

    async def __call__(
        self, group: FailureGroup, finding: Finding, issues: Sequence[TrackerIssue]
    ) -> Mapping[str, Relevance]:
        """How relevant each of the issues is, by key.

        Raises OutsideError when nobody answers or the answer cannot be used, and BudgetSpent.
        """
        group = replace(group, representative=without_secrets(group.representative))
        prompt = duplicates_prompt(
            group.representative, finding, issues, clean=lambda text: redact(text, emails=True).text
        )
        question = Question(
            group=group,
            affected_tests=(),
            job_name="",
            prompt=prompt,
            workspace=None,  # everything stands in the question, so there is nothing to look around in
            model=self.options.model,
            timeout_s=self.options.question_timeout_s,
            answer_schema=duplicates_schema(),
            prompts=(prompt_use("duplicates"),),
        )
        # After a restart the tracker may give other issues: that is another question.
        key = f"group {group.number}: {self.call_type} {text_digest(prompt)}"
        reply = await self.turns.ask(self.provider, question, key=key, call_type=self.call_type)
        read = parse_relevance(reply.text, {issue.key for issue in issues})
        if isinstance(read, str):
            raise Refused(read, source=f"provider {self.provider.name}")
        return read
