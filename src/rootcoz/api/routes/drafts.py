"""Section Results of the reference: drafts of issues about a failure. Nothing is filed here."""

from typing import TYPE_CHECKING

from fastapi import APIRouter

from rootcoz.api.auth import Requester, ServicesOf, Writer
from rootcoz.api.routes.review import OF_A_FAILURE
from rootcoz.api.schemas.drafts import (
    GitHubDraftRequest,
    IssueDraftResponse,
    IssuePromptResponse,
    JiraDraftRequest,
    SimilarIssue,
)
from rootcoz.api.schemas.errors import error_responses
from rootcoz.domain.account import Proof
from rootcoz.domain.draft import DraftOrder, SearchOrder, Tracker
from rootcoz.domain.errors import NotAllowed, NotConfigured
from rootcoz.domain.issue import MatchedIssue
from rootcoz.domain.tracker import TrackerCredentials
from rootcoz.wiring import Services

if TYPE_CHECKING:  # a server is up sooner without it
    from rootcoz.analysis.issue_drafts import IssueDraft

router = APIRouter(tags=["Results"])


@router.get("/results/{job_id}/issue-prompt", responses=error_responses(401, 403, 422))
async def get_issue_prompt(job_id: str, services: ServicesOf, _who: Writer) -> IssuePromptResponse:
    """Fetch the issue-generation prompt file from the analyzed tests repository.

    It is `.rootcoz/ROOTCOZ_ISSUE_PROMPT.md`, or `JOB_INSIGHT_ISSUE_PROMPT.md` at the root.
    """
    return IssuePromptResponse(prompt=await services.drafts.issue_prompt(job_id))


@router.post("/results/{job_id}/preview-github-issue", responses=OF_A_FAILURE)
async def preview_github_issue(
    job_id: str, body: GitHubDraftRequest, services: ServicesOf, who: Writer
) -> IssueDraftResponse:
    """Draft a GitHub issue about one analyzed failure.

    An AI writes it, or the program where there is none or it fails. Nothing is filed.
    """
    if services.settings.enable_github_issues is False:
        raise NotAllowed("GitHub issues are switched off on this server (ENABLE_GITHUB_ISSUES).")
    repository = body.github_repo_url.strip()
    if repository:
        services.drafts.check_github_repository(repository)
    search = SearchOrder(
        repository_url=repository,
        saved=await _saved(services, who),
        sent=TrackerCredentials(github_token=body.github_token.get_secret_value()),
    )
    return _reply(await services.drafts.issue(job_id, _order(body, Tracker.GITHUB), search))


@router.post("/results/{job_id}/preview-jira-bug", responses=OF_A_FAILURE)
async def preview_jira_bug(
    job_id: str, body: JiraDraftRequest, services: ServicesOf, who: Writer
) -> IssueDraftResponse:
    """Draft a Jira bug about one analyzed failure, in wiki text.

    An AI writes it, or the program where there is none or it fails. Nothing is filed.
    """
    if services.settings.enable_jira_issues is False:
        raise NotAllowed("Jira issues are switched off on this server (ENABLE_JIRA_ISSUES).")
    if not services.settings.jira_url:
        raise NotConfigured("This server has no Jira: set JIRA_URL.")
    search = SearchOrder(
        project_key=body.jira_project_key.strip(),
        saved=await _saved(services, who),
        sent=TrackerCredentials(
            jira_token=body.jira_token.get_secret_value(), jira_email=body.jira_email.get_secret_value()
        ),
    )
    return _reply(await services.drafts.issue(job_id, _order(body, Tracker.JIRA), search))


async def _saved(services: Services, who: Requester) -> TrackerCredentials:
    """What they have saved, if they have proven to be the one who did."""
    account_id = None if who.proof is Proof.NONE else who.account_id
    return TrackerCredentials(**await services.accounts.tokens(account_id))


def _order(body: GitHubDraftRequest | JiraDraftRequest, tracker: Tracker) -> DraftOrder:
    return DraftOrder(
        tracker=tracker,
        target=body.target(),
        with_links=body.include_links,
        provider=body.ai_provider,
        model=body.ai_model.strip(),
        wishes=body.issue_prompt,
    )


def _reply(draft: "IssueDraft") -> IssueDraftResponse:
    return IssueDraftResponse(
        title=draft.title,
        body=draft.body,
        similar_issues=[_similar(issue) for issue in draft.similar],
        ai_provider=draft.author.provider,
        ai_model=draft.author.model,
        notes=list(draft.notes),
    )


def _similar(issue: MatchedIssue) -> SimilarIssue:
    number = issue.key.removeprefix("#")
    on_github = number != issue.key
    return SimilarIssue(
        number=int(number) if on_github else None,
        key="" if on_github else issue.key,
        title=issue.summary,
        url=issue.url,
        status=issue.status,
        score=issue.score,
        reason=issue.reason,
    )
