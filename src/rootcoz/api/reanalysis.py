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

_JIRA = ("jira_url", ("jira_email", "jira_api_token", "jira_pat"))
_REPOSITORY = ("tests_repo_url", ("tests_repo_token", "github_token"))


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
    for field, same, owned in (
        (_JIRA[0], _same_server, _JIRA[1]),
        (_REPOSITORY[0], _same_repository, _REPOSITORY[1]),
    ):
        default = str(getattr(settings, field, None) or "")
        if field in sent and not same(str(sent[field] or default), str(stored.get(field) or default)):
            own = {name: value for name, value in own.items() if name not in owned}
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
