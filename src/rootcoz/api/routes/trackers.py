"""Filing issues from a result, and what a tracker shows to a credential."""

from fastapi import APIRouter, Response

from rootcoz.api.audit_notes import note
from rootcoz.api.auth import Anyone, Requester, ServicesOf, Writer
from rootcoz.api.schemas.errors import ErrorBody, error_responses
from rootcoz.api.schemas.trackers import (
    CreatedGitHubIssue,
    CreatedJiraBug,
    CreateGitHubIssueRequest,
    CreateJiraBugRequest,
    JiraProjectItem,
    JiraProjectsRequest,
    JiraSecurityLevelItem,
    JiraSecurityLevelsRequest,
    ValidatedToken,
    ValidateTokenRequest,
)
from rootcoz.domain.account import Proof
from rootcoz.domain.audit import Action
from rootcoz.domain.errors import NotConfigured
from rootcoz.domain.review import Author
from rootcoz.domain.tracker import TrackerCredentials
from rootcoz.wiring import Services

router = APIRouter(tags=["Trackers"])

NO_STORE = {"Cache-Control": "no-store"}
CREATING = {
    202: {"model": ErrorBody, "description": "The analysis is still in progress: nothing was done."},
    **error_responses(400, 401, 403, 404, 409, 413, 422, 502),
}
"""Statuses of filing an issue. 401: the tracker does not accept the credential, or not for this."""
LOOKING_UP = error_responses(400, 401, 403, 413, 422)


@router.post("/results/{job_id}/create-github-issue", status_code=201, responses=CREATING)
async def create_github_issue(
    job_id: str, body: CreateGitHubIssueRequest, services: ServicesOf, who: Writer
) -> CreatedGitHubIssue:
    """Create a GitHub issue from one analyzed failure, and a comment with its link.

    The same request again, at the same time or later, creates nothing more: it gets the same answer.
    """
    trackers, saved, sent = services.trackers(), await _saved(services, who), body.credentials()
    trackers.check_github(saved, sent)
    target, url = body.target(), body.github_repo_url.strip()
    if url:
        trackers.check_github_address(url)
        filers = trackers.github_filers(url, saved, sent)
    else:
        await services.issues.check(job_id, target)
        filers = trackers.github_filers(await _tests_repository(services, job_id), saved, sent)
    filing = await services.issues.file(job_id, target, body.draft(), filers, _author(who))
    issue = filing.issue
    await note(services, who, Action.ISSUE_FILED, job_id, issue.url)
    return CreatedGitHubIssue(
        url=issue.url, number=issue.number, title=issue.title, comment_id=filing.comment_id
    )


@router.post("/results/{job_id}/create-jira-bug", status_code=201, responses=CREATING)
async def create_jira_bug(
    job_id: str, body: CreateJiraBugRequest, services: ServicesOf, who: Writer
) -> CreatedJiraBug:
    """Create a Jira issue from one analyzed failure, and a comment with its link.

    The same request again, at the same time or later, creates nothing more: it gets the same answer.
    """
    filers = await services.trackers().jira_filers(
        body.jira_project_key, await _saved(services, who), body.credentials()
    )
    filing = await services.issues.file(job_id, body.target(), body.draft(), filers, _author(who))
    issue = filing.issue
    await note(services, who, Action.ISSUE_FILED, job_id, issue.url)
    return CreatedJiraBug(url=issue.url, key=issue.key, title=issue.title, comment_id=filing.comment_id)


@router.post("/api/validate-token", responses=LOOKING_UP)
async def validate_token(
    body: ValidateTokenRequest, response: Response, services: ServicesOf, _who: Anyone
) -> ValidatedToken:
    """Validate a GitHub or Jira token with a live API call to the server's GitHub or Jira.

    Never fails: whatever is wrong is in the message.
    """
    response.headers.update(NO_STORE)
    check = await services.trackers().validate(body.token_type, body.token, body.email)
    return ValidatedToken(valid=check.valid, username=check.username, message=check.message)


@router.post("/api/jira-projects", responses=LOOKING_UP)
async def jira_projects(
    body: JiraProjectsRequest, response: Response, services: ServicesOf, who: Anyone
) -> list[JiraProjectItem]:
    """List Jira projects available to the supplied or saved Jira credentials, the server's project first.

    Without usable ones: the server's project when one is configured, or nothing.
    """
    response.headers.update(NO_STORE)
    projects = await services.trackers().jira_projects(
        body.query, await _saved(services, who), body.credentials()
    )
    return [JiraProjectItem(key=one.key, name=one.name) for one in projects]


@router.post("/api/jira-security-levels", responses=LOOKING_UP)
async def jira_security_levels(
    body: JiraSecurityLevelsRequest, response: Response, services: ServicesOf, who: Anyone
) -> list[JiraSecurityLevelItem]:
    """List Jira security levels for one project; nothing where there are none to be seen."""
    response.headers.update(NO_STORE)
    levels = await services.trackers().jira_security_levels(
        body.project_key, await _saved(services, who), body.credentials()
    )
    return [JiraSecurityLevelItem(id=one.id, name=one.name, description=one.description) for one in levels]


async def _saved(services: Services, who: Requester) -> TrackerCredentials:
    """What they have saved, if they have proven to be the one who did."""
    account_id = None if who.proof is Proof.NONE else who.account_id
    return TrackerCredentials(**await services.accounts.tokens(account_id))


async def _tests_repository(services: Services, job_id: str) -> str:
    """The repository of the analysis's tests. Raises NotConfigured when there is none."""
    analysis = await services.results.find(job_id)
    repositories = analysis.options.repositories if analysis else ()
    url = next((one.url for one in repositories if one.is_tests), services.settings.tests_repo_url)
    if not url:
        raise NotConfigured(
            "No issue was filed in GitHub: the analysis has no tests repository; send github_repo_url, or have "
            "TESTS_REPO_URL set."
        )
    return url


def _author(who: Requester) -> Author:
    return Author(who.name, proven=who.proof is not Proof.NONE)
