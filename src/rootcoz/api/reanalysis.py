"""A stored request with overrides, as if somebody had sent it so."""

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr, ValidationError

from rootcoz.api.errors import InvalidFields, field_problems
from rootcoz.api.options import origin
from rootcoz.api.schemas.requests import AnalyzeRequest, ReAnalyzeRequest, SharedAnalysisFields
from rootcoz.domain.analysis import StoredAnalysis
from rootcoz.domain.errors import InvalidInput
from rootcoz.settings import Settings
from rootcoz.workspace.addresses import parse_repository_url

_JIRA_CREDENTIALS = frozenset({"jira_email", "jira_api_token", "jira_pat"})
_REPOSITORY_CREDENTIALS = frozenset({"tests_repo_token", "github_token"})


def merged_request(
    analysis: StoredAnalysis,
    secrets: Mapping[str, str],
    overrides: ReAnalyzeRequest,
    settings: Settings,
) -> SharedAnalysisFields:
    """The request of the analysis with every field that the overrides name; null means the server's default.

    A stored credential is used again only where it was sent before: when a URL is overridden, what belonged to the
    old one is left out. Raises InvalidFields when the two do not go together.
    """
    stored = dict(analysis.request_params)
    sent = {name: getattr(overrides, name) for name in overrides.model_fields_set}
    own = {name: value for name, value in secrets.items() if "." not in name}
    for name in _dropped(stored, sent, settings):
        own.pop(name, None)
    merged: dict[str, Any] = {**stored, **own}
    if "additional_repos" not in sent:
        merged["additional_repos"] = _with_tokens(stored.get("additional_repos"), secrets)
    else:
        sent["additional_repos"] = _with_kept_tokens(sent["additional_repos"], stored, secrets)
    merged |= sent
    present = {name: value for name, value in merged.items() if value is not None}
    model = AnalyzeRequest if analysis.order is not None else SharedAnalysisFields
    try:
        return model.model_validate(present)
    except ValidationError as error:
        raise InvalidFields(field_problems(error, within=("body",))) from None


def _dropped(stored: Mapping[str, Any], sent: Mapping[str, Any], settings: Settings) -> set[str]:
    """The stored credentials that would go elsewhere, or where nothing proves any more that it is the same place."""
    dropped: set[str] = set()
    if "jira_url" in sent:
        to, before = (str(fields.get("jira_url") or settings.jira_url) for fields in (sent, stored))
        if not _same_server(to, before):
            dropped |= _JIRA_CREDENTIALS
    checked_before = stored.get("jira_ssl_verify") is not False and settings.jira_ssl_verify
    if sent.get("jira_ssl_verify") is False and checked_before:
        dropped |= _JIRA_CREDENTIALS
    if "tests_repo_url" in sent:
        to, before = (
            str(fields.get("tests_repo_url") or settings.tests_repo_url) for fields in (sent, stored)
        )
        if not _same_repository(to, before):
            dropped |= _REPOSITORY_CREDENTIALS
    return dropped


def _with_tokens(repos: Any, secrets: Mapping[str, str]) -> Any:  # noqa: ANN401 - as it was stored
    """The stored repositories, each with its own token again."""
    if repos is None:
        return None
    return [{**repo, "token": secrets.get(f"additional_repos.{repo['name']}.token")} for repo in repos]


def _with_kept_tokens(
    sent: Any,  # noqa: ANN401 - a list of checked models, or None
    stored: Mapping[str, Any],
    secrets: Mapping[str, str],
) -> Any:  # noqa: ANN401 - as it was sent
    """The repositories of the overrides; one that is the same as before keeps its token."""
    if sent is None:
        return None
    before = {repo["name"]: str(repo["url"]) for repo in stored.get("additional_repos") or ()}
    merged = []
    for repo in sent:
        fields = repo.model_dump()
        kept = secrets.get(f"additional_repos.{repo.name}.token")
        if repo.token is None and kept and _same_repository(repo.url, before.get(repo.name, "")):
            fields["token"] = SecretStr(kept)
        merged.append(fields)
    return merged


def _same_server(one: str, other: str) -> bool:
    return bool(one and other) and origin(one) == origin(other)


def _same_repository(one: str, other: str) -> bool:
    """Whether both are the same repository, at whatever ref: a token may open others of its server, too."""
    try:
        return bool(one and other) and parse_repository_url(one).url == parse_repository_url(other).url
    except InvalidInput:
        return False
