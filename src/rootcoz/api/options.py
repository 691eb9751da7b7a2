"""What a request asks for, merged once with the server's settings."""

from dataclasses import replace
from typing import TypeVar
from urllib.parse import urlsplit

from rootcoz.api.schemas.requests import AnalyzeRequest, SharedAnalysisFields
from rootcoz.domain.analysis import TESTS_REPOSITORY, AnalysisOptions, JenkinsOrder, RepositoryOrder
from rootcoz.domain.debate import Participant
from rootcoz.domain.errors import InvalidInput, NotConfigured
from rootcoz.settings import Settings
from rootcoz.wiring import Services
from rootcoz.workspace.addresses import repositories_of_setting, repository

Value = TypeVar("Value")

DEFAULT_PROVIDER = "builtin"
_SECONDS_PER_MINUTE = 60


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
        # Nor where nothing would prove that it is that server: the request switched the check off.
        uses_server_credentials=_same_server(url, settings.jenkins_url)
        and not (fields.jenkins_ssl_verify is False and settings.jenkins_ssl_verify),
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
    """The order once more, to the same server, which may not be that of the settings any more."""
    if order is None:
        return None
    still = order.uses_server_credentials and _same_server(order.url, services.settings.jenkins_url)
    return replace(order, uses_server_credentials=still)


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port: what a credential belongs to."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _repositories(settings: Settings, fields: SharedAnalysisFields) -> tuple[RepositoryOrder, ...]:
    """What an AI may read. Raises InvalidInput for addresses that cannot be cloned from, or that hold credentials."""
    orders = []
    if tests := fields.tests_repo_url or settings.tests_repo_url:
        may_use = _same_server(tests, settings.tests_repo_url)
        order = _order(TESTS_REPOSITORY, tests, "", "TESTS_REPO_TOKEN" if may_use else "")
        orders.append(replace(order, is_tests=True))
    if fields.additional_repos is None:
        orders += [
            RepositoryOrder(spec.name, spec.url, spec.ref or "", credential_setting="ADDITIONAL_REPOS")
            for spec in repositories_of_setting(settings.additional_repos)
        ]
    else:
        orders += [_order(repo.name, repo.url, repo.ref, "") for repo in fields.additional_repos]
    return tuple(orders)


def _order(name: str, url: str, ref: str, credential_setting: str) -> RepositoryOrder:
    spec = repository(name, url, ref=ref)
    if spec.token:
        raise InvalidInput(
            f"The URL of repository {name} must not hold credentials; send them in the token's field."
        )
    return RepositoryOrder(name, spec.url, spec.ref or "", credential_setting=credential_setting)


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
    rounds_sent = "peer_analysis_max_rounds" in fields.model_fields_set
    return AnalysisOptions(
        provider=name,
        model=model,
        question_timeout_s=(fields.ai_cli_timeout or settings.ai_cli_timeout) * _SECONDS_PER_MINUTE,
        max_concurrent_questions=fields.max_concurrent_ai_calls or settings.max_concurrent_ai_calls,
        peers=_merged_peers(services, fields),
        max_rounds=(fields.peer_analysis_max_rounds if rounds_sent else settings.peer_analysis_max_rounds),
        raw_prompt=fields.raw_prompt or "",
        repositories=_repositories(services.settings, fields),
    )


def _merged_peers(services: Services, fields: SharedAnalysisFields) -> tuple[Participant, ...]:
    """Who judges the answers; an empty list switches off what the settings say. Raises NotConfigured."""
    if fields.peer_ai_configs is None:
        peers, origin_name = services.settings.peer_ai_configs, "PEER_AI_CONFIGS"
    else:
        peers = tuple(Participant(peer.ai_provider, peer.ai_model) for peer in fields.peer_ai_configs)
        origin_name = "peer_ai_configs"
    for peer in peers:
        try:
            services.providers.named(peer.provider).check(peer.model)
        except NotConfigured as error:
            raise NotConfigured(
                f"Peer {peer.provider}:{peer.model} of {origin_name} cannot be asked: {error}"
            ) from error
    return peers
