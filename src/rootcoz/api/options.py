"""What a request asks for, merged once with the server's settings."""

from rootcoz.api.schemas.requests import SharedAnalysisFields
from rootcoz.domain.analysis import AnalysisOptions
from rootcoz.domain.errors import NotConfigured
from rootcoz.wiring import Services

DEFAULT_PROVIDER = "builtin"
_SECONDS_PER_MINUTE = 60

# Fields of the contract whose work this version does not do yet. A request that sets one is told so in its result.
_NOT_DONE_YET = {
    "tests_repo_url": "The tests repository was not cloned: this version does not clone repositories yet.",
    "additional_repos": "Additional repositories were not cloned: this version does not clone repositories yet.",
    "peer_ai_configs": "No peers were asked: this version does not hold debates yet.",
    "enable_jira": "Jira was not searched: this version does not search trackers yet.",
}


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
