"""A stored request with overrides: which fields count, and where credentials may go."""

from dataclasses import replace
from typing import Any

import pytest

from rootcoz.api.errors import InvalidFields
from rootcoz.api.reanalysis import merged_request
from rootcoz.api.request_record import request_params, request_secrets
from rootcoz.api.schemas.requests import AnalyzeFailuresRequest, AnalyzeRequest, ReAnalyzeRequest
from rootcoz.domain.analysis import AnalysisOptions, AnalysisStatus, JenkinsOrder, StoredAnalysis
from rootcoz.settings import Settings

REPO = {"name": "product", "url": "https://git.example/team/product", "token": "repo-token"}
FIRST: dict[str, Any] = {
    "ai_provider": "claude",
    "ai_model": "large",
    "raw_prompt": "Be brief.",
    "peer_analysis_max_rounds": 5,
    "jira_url": "https://jira.example/path",
    "jira_email": "me@jira.example",
    "jira_pat": "jira-secret",
    "tests_repo_url": "https://git.example/team/tests:main",
    "tests_repo_token": "tests-token",
    "github_token": "gh-token",
    "additional_repos": [REPO],
}
JIRA = {"jira_email", "jira_pat"}
TESTS_REPO = {"tests_repo_token", "github_token"}
PRODUCT = {"additional_repos.product.token"}
ALL = JIRA | TESTS_REPO | PRODUCT


def stored(fields: AnalyzeFailuresRequest | AnalyzeRequest) -> StoredAnalysis:
    return StoredAnalysis(
        id=1,
        job_id="first",
        status=AnalysisStatus.COMPLETED,
        source="failures",
        job_name="",
        build_number=0,
        jenkins_url="",
        options=AnalysisOptions("builtin", "", 60, 1),
        request_params=request_params(fields),
        order=None,
        reports=(),
        notes=(),
        progress_log=(),
        failure_count=0,
        groups_total=None,
        attempts=0,
        created_at="",
        started_at=None,
        completed_at=None,
    )


def again(overrides: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the second request sets, and the credentials it has."""
    first = AnalyzeFailuresRequest(**FIRST)
    body = ReAnalyzeRequest(**overrides)
    fields = merged_request(stored(first), request_secrets(first), body, Settings())
    return request_params(fields), request_secrets(fields)


def test_without_overrides_it_is_the_request_as_it_was() -> None:
    params, secrets = again({})
    first = AnalyzeFailuresRequest(**FIRST)

    assert params == request_params(first)
    assert secrets == request_secrets(first)
    assert set(secrets) == ALL


def test_what_is_sent_overrides_and_null_is_the_server_s_default() -> None:
    params, _ = again({"ai_model": "small", "raw_prompt": None, "peer_analysis_max_rounds": None})

    assert params["ai_model"] == "small"
    assert params["ai_provider"] == "claude"
    assert "raw_prompt" not in params
    assert "peer_analysis_max_rounds" not in params


@pytest.mark.parametrize(
    ("overrides", "kept"),
    [
        ({"jira_url": "https://elsewhere.example"}, ALL - JIRA),
        ({"jira_url": "https://jira.example.evil.example"}, ALL - JIRA),
        ({"jira_url": "http://jira.example"}, ALL - JIRA),
        ({"jira_url": None}, ALL - JIRA),
        ({"jira_url": "https://jira.example/other"}, ALL),
        ({"jira_url": "https://jira.example:443"}, ALL),
        ({"jira_pat": None}, ALL - {"jira_pat"}),
        ({"jira_ssl_verify": False}, ALL - JIRA),
        ({"jira_ssl_verify": True}, ALL),
        ({"tests_repo_url": "https://git.example/team/tests:branch"}, ALL),
        ({"tests_repo_url": "https://git.example/team/private"}, ALL - TESTS_REPO),
        ({"tests_repo_url": "https://evil.example/team/tests"}, ALL - TESTS_REPO),
        ({"tests_repo_url": None}, ALL - TESTS_REPO),
        ({"additional_repos": []}, ALL - PRODUCT),
        ({"additional_repos": None}, ALL - PRODUCT),
        ({"additional_repos": [{"name": "product", "url": REPO["url"], "ref": "v2"}]}, ALL),
        ({"additional_repos": [{"name": "product", "url": "https://evil.example/product"}]}, ALL - PRODUCT),
        ({"additional_repos": [{"name": "other", "url": REPO["url"]}]}, ALL - PRODUCT),
    ],
)
def test_a_stored_credential_goes_only_where_it_went_before(
    overrides: dict[str, Any], kept: set[str]
) -> None:
    _, secrets = again(overrides)

    assert set(secrets) == kept


def test_another_server_with_a_credential_of_its_own_gets_that_one() -> None:
    _, secrets = again({"jira_url": "https://elsewhere.example", "jira_pat": "new"})

    assert secrets["jira_pat"] == "new"
    assert "jira_email" not in secrets


def test_a_build_keeps_its_selection_whatever_is_sent() -> None:
    first = AnalyzeRequest.model_validate(
        {
            "job_name": "nightly",
            "build_number": 7,
            "jenkins_url": "https://ci.example",
            "jenkins_password": "ci",
        }
    )
    order = JenkinsOrder(
        job_name="nightly",
        build_number=7,
        url="https://ci.example",
        uses_server_credentials=False,
        ssl_verify=True,
        timeout_s=30,
        force=False,
        wait=True,
        poll_interval_minutes=2,
        max_wait_minutes=0,
        with_artifacts=False,
        artifacts_max_mb=500,
    )
    body = ReAnalyzeRequest.model_validate({"job_name": "other", "jenkins_url": "https://evil.example"})
    fields = merged_request(replace(stored(first), order=order), request_secrets(first), body, Settings())

    assert request_params(fields) == request_params(first)
    assert request_secrets(fields) == {"jenkins_password": "ci"}


def test_what_cannot_be_accepted_names_the_field_and_not_the_value() -> None:
    analysis = replace(stored(AnalyzeFailuresRequest()), request_params={"ai_provider": "gone-since"})
    with pytest.raises(InvalidFields) as caught:
        merged_request(analysis, {}, ReAnalyzeRequest(), Settings())

    assert caught.value.problems[0]["loc"] == ["body", "ai_provider"]
    assert "gone-since" not in str(caught.value.problems)
