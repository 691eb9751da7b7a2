"""What a request asks for, merged once with the server's settings."""

from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

from rootcoz.api.schemas.requests import AnalyzeRequest, SharedAnalysisFields
from rootcoz.domain.analysis import AnalysisOptions, JenkinsOrder
from rootcoz.domain.errors import NotConfigured
from rootcoz.wiring import Services

Value = TypeVar("Value")

DEFAULT_PROVIDER = "builtin"
_SECONDS_PER_MINUTE = 60

# Fields of the contract whose work this version does not do yet. A request that sets one is told so in its result.
_NOT_DONE_YET = {
    "tests_repo_url": "The tests repository was not cloned: this version does not clone repositories yet.",
    "additional_repos": "Additional repositories were not cloned: this version does not clone repositories yet.",
    "peer_ai_configs": "No peers were asked: this version does not hold debates yet.",
    "enable_jira": "Jira was not searched: this version does not search trackers yet.",
}


def merged_order(services: Services, fields: AnalyzeRequest) -> JenkinsOrder:
    """The build to fetch. Raises NotConfigured when nobody says where Jenkins is."""
    settings = services.settings
    url = (fields.jenkins_url or settings.jenkins_url).rstrip("/")
    if not url:
        raise NotConfigured("No Jenkins server is known: send jenkins_url or set JENKINS_URL.")
    sent = fields.model_fields_set
    return JenkinsOrder(
        job_name=fields.job_name,
        build_number=fields.build_number,
        url=url,
        # A stored credential is only ever sent to the server it was configured for.
        uses_server_credentials=_same_server(url, settings.jenkins_url),
        ssl_verify=_first(fields.jenkins_ssl_verify, settings.jenkins_ssl_verify),
        timeout_s=_first(fields.jenkins_timeout, settings.jenkins_timeout),
        force=fields.force if "force" in sent else settings.force_analysis,
        wait=fields.wait_for_completion if "wait_for_completion" in sent else settings.wait_for_completion,
        poll_interval_minutes=(
            fields.poll_interval_minutes
            if "poll_interval_minutes" in sent
            else settings.poll_interval_minutes
        ),
        max_wait_minutes=fields.max_wait_minutes if "max_wait_minutes" in sent else settings.max_wait_minutes,
        with_artifacts=_first(fields.get_job_artifacts, settings.get_job_artifacts),
        artifacts_max_mb=_first(fields.jenkins_artifacts_max_size_mb, settings.jenkins_artifacts_max_size_mb),
    )


def repeated_order(services: Services, order: JenkinsOrder | None) -> JenkinsOrder | None:
    """The order once more, to the same server; whether that is the server of the settings may have changed."""
    if order is None:
        return None
    return replace(order, uses_server_credentials=_same_server(order.url, services.settings.jenkins_url))


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what a credential belongs to."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _first(sent: Value | None, configured: Value) -> Value:
    return configured if sent is None else sent


def _same_server(url: str, configured: str) -> bool:
    """Whether both name the same origin. The path below it may differ: the server is the same."""
    return bool(configured) and origin(url) == origin(configured)


def merged_options(services: Services, fields: SharedAnalysisFields) -> AnalysisOptions:
    """The options of one analysis. Raises NotConfigured when its provider cannot be asked."""
    settings = services.settings
    default = settings.ai_provider or DEFAULT_PROVIDER
    name = fields.ai_provider or default
    # The server's model belongs to the server's provider; another provider would not know it.
    model = fields.ai_model or (settings.ai_model if name == default else "")
    provider = services.providers.named(name)
    if provider.needs_model and not model:
        raise NotConfigured(f"Provider {name!r} needs a model: send ai_model or set AI_MODEL.")
    provider.check(model)
    return AnalysisOptions(
        provider=name,
        model=model,
        question_timeout_s=(fields.ai_cli_timeout or settings.ai_cli_timeout) * _SECONDS_PER_MINUTE,
        max_concurrent_questions=fields.max_concurrent_ai_calls or settings.max_concurrent_ai_calls,
        raw_prompt=fields.raw_prompt or "",
        notes=tuple(note for name, note in _NOT_DONE_YET.items() if getattr(fields, name)),
    )
