"""What each provider of this server offers now."""

import asyncio
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from rootcoz.domain.errors import NotConfigured, OutsideError
from rootcoz.providers.base import OfferedModel, Provider

PATIENCE_S = 15.0
"""Seconds that one provider may take; the others do not wait for it any longer."""
FRESH_S = 300.0
"""Seconds for which a list is shown again without asking."""
FRESH_ERROR_S = 30.0
"""The same for a provider that did not answer."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What one provider offers."""

    provider: str
    configured: bool
    """Whether it could be asked: program and key are there."""
    models: tuple[OfferedModel, ...] = ()
    """Empty for a provider without models to choose from."""
    error: str = ""
    """Why there is no list; for one that is not configured, what to set."""


class ModelCatalogue:
    """The offers of all providers, remembered for a few minutes."""

    def __init__(self, names: Collection[str], named: Callable[[str], Provider]) -> None:
        self._names = sorted(names)
        self._named = named
        self._known: dict[str, tuple[float, Offer]] = {}
        self._asking: dict[str, asyncio.Lock] = {name: asyncio.Lock() for name in self._names}

    async def offers(self) -> list[Offer]:
        """One offer for each provider, by name; those that are not remembered are asked at once."""
        return await asyncio.gather(*(self._offer(name) for name in self._names))

    async def _offer(self, name: str) -> Offer:
        async with self._asking[name]:  # who comes meanwhile gets the same answer
            until, offer = self._known.get(name, (0.0, None))
            if offer is None or time.monotonic() >= until:
                offer = await _ask(name, self._named(name))
                fresh_s = FRESH_ERROR_S if offer.error else FRESH_S
                self._known[name] = (time.monotonic() + fresh_s, offer)
            return offer


async def _ask(name: str, provider: Provider) -> Offer:
    try:
        provider.check("")
    except NotConfigured as error:
        return Offer(name, configured=False, error=str(error))
    try:
        async with asyncio.timeout(PATIENCE_S):
            models = await provider.models()
    except TimeoutError:
        return Offer(name, configured=True, error=f"It did not answer within {PATIENCE_S:g} seconds.")
    except OutsideError as error:
        return Offer(name, configured=True, error=str(error))
    return Offer(name, configured=True, models=models)
