"""All providers, in plain sight. Read by `wiring` alone."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rootcoz.providers.base import Access, Provider
from rootcoz.providers.builtin import BuiltinProvider
from rootcoz.providers.claude import ClaudeProvider
from rootcoz.providers.command import CommandProvider
from rootcoz.providers.command_line import BACKOFF_S
from rootcoz.providers.cursor import CursorProvider
from rootcoz.providers.gemini import GeminiProvider
from rootcoz.providers.openai import OpenAIProvider

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
    settings_folders: tuple[Path, ...] = ()
    """Places for settings files of ours that a command line reads; the first that it accepts is taken."""
    scratch: Path | None = None
    """Folder for the private folders of programs; None for the system's."""
    backoff_s: tuple[float, ...] = BACKOFF_S
    """Seconds before each further try of what was turned away by a vendor that does not say how long to wait."""


PROVIDERS: dict[str, Callable[[ProviderConfig], Provider]] = {
    "builtin": lambda _: BuiltinProvider(),
    "claude": lambda config: ClaudeProvider(
        config.claude, variables=config.cli_env, backoff_s=config.backoff_s, scratch=config.scratch
    ),
    "command": lambda config: CommandProvider(
        config.command, variables=config.command_env, scratch=config.scratch
    ),
    "cursor": lambda config: CursorProvider(
        config.cursor, variables=config.cli_env, backoff_s=config.backoff_s, scratch=config.scratch
    ),
    "gemini": lambda config: GeminiProvider(
        config.gemini,
        variables=config.cli_env,
        settings_folders=config.settings_folders,
        backoff_s=config.backoff_s,
        scratch=config.scratch,
    ),
    "openai": lambda config: OpenAIProvider(config.openai),
}
