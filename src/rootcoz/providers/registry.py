"""All providers, in plain sight. Read by `wiring` alone."""

from collections.abc import Callable
from dataclasses import dataclass

from rootcoz.providers.base import Provider
from rootcoz.providers.builtin import BuiltinProvider
from rootcoz.providers.command import CommandProvider


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """What the server's settings say about providers."""

    command: tuple[str, ...] = ()
    command_env: tuple[str, ...] = ()


PROVIDERS: dict[str, Callable[[ProviderConfig], Provider]] = {
    "builtin": lambda _: BuiltinProvider(),
    "command": lambda config: CommandProvider(config.command, variables=config.command_env),
}
