"""What is kept of a request: its fields for the record, and its credentials apart from them."""

from typing import Any

from pydantic import SecretStr

from rootcoz.api.schemas.requests import SharedAnalysisFields

_LONG_PARTS = {"failures", "raw_xml", "reports"}


def request_params(fields: SharedAnalysisFields) -> dict[str, Any]:
    """What was set, without the long parts and without credentials."""
    kept = fields.model_dump(mode="python", exclude_unset=True, exclude=_LONG_PARTS)
    cleaned: dict[str, Any] = _without_secrets(kept)
    return cleaned


def request_secrets(fields: SharedAnalysisFields) -> dict[str, str]:
    """The credentials by field name; those of additional repositories as `additional_repos.<name>.token`."""
    found = {}
    for name in type(fields).model_fields:
        value = getattr(fields, name)
        if isinstance(value, SecretStr) and value.get_secret_value():
            found[name] = value.get_secret_value()
    for repo in fields.additional_repos or ():
        if repo.token is not None:
            found[f"additional_repos.{repo.name}.token"] = repo.token.get_secret_value()
    return found


def _without_secrets(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, dict):
        return {key: _without_secrets(item) for key, item in value.items() if not isinstance(item, SecretStr)}
    if isinstance(value, list):
        return [_without_secrets(item) for item in value]
    return value
