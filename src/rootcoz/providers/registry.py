"""All providers, in plain sight. Read by `wiring` alone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rootcoz.providers.base import Access, Provider
from rootcoz.providers.command_line import BACKOFF_S

NOT_SET = Access()


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """What the server's settings say about providers."""

    command: tuple[str, ...] = ()
    command_env: tuple[str, ...] = ()
    cli_env: tuple[str, ...] = ()
    """Names of variables that the vendors' command lines may see."""
    claude: Access = NOT_SET
    gemini: Access = NOT_SET
    cursor: Access = NOT_SET
    openai: Access = NOT_SET
    scratch: Path | None = None
    """Folder for the private folders of programs; None for the system's."""
    triage_patterns: Path | None = None
    """File with the team's own rules for the built-in analyser."""
    backoff_s: tuple[float, ...] = BACKOFF_S
    """Seconds before each further try of what was turned away by a vendor that does not say how long to wait."""


# A provider is imported when it is first made: few servers ask more than one or two (PLC0415 is why).


def _builtin(config: ProviderConfig) -> Provider:
    from rootcoz.providers.builtin import BuiltinProvider  # noqa: PLC0415
    from rootcoz.providers.pattern_book import PatternBook  # noqa: PLC0415

    return BuiltinProvider(PatternBook(config.triage_patterns))


def _claude(config: ProviderConfig) -> Provider:
    from rootcoz.providers.claude import ClaudeProvider  # noqa: PLC0415

    return ClaudeProvider(
        config.claude, variables=config.cli_env, backoff_s=config.backoff_s, scratch=config.scratch
    )


def _command(config: ProviderConfig) -> Provider:
    from rootcoz.providers.command import CommandProvider  # noqa: PLC0415

    return CommandProvider(config.command, variables=config.command_env, scratch=config.scratch)


def _cursor(config: ProviderConfig) -> Provider:
    from rootcoz.providers.cursor import CursorProvider  # noqa: PLC0415

    return CursorProvider(
        config.cursor, variables=config.cli_env, backoff_s=config.backoff_s, scratch=config.scratch
    )


def _gemini(config: ProviderConfig) -> Provider:
    from rootcoz.providers.gemini import GeminiProvider  # noqa: PLC0415

    return GeminiProvider(
        config.gemini,
        variables=config.cli_env,
        backoff_s=config.backoff_s,
        scratch=config.scratch,
    )


def _openai(config: ProviderConfig) -> Provider:
    from rootcoz.providers.openai import OpenAIProvider  # noqa: PLC0415

    return OpenAIProvider(config.openai)


PROVIDERS: dict[str, Callable[[ProviderConfig], Provider]] = {
    "builtin": _builtin,
    "claude": _claude,
    "command": _command,
    "cursor": _cursor,
    "gemini": _gemini,
    "openai": _openai,
}
