"""Calls of providers: each waits for its turn, is on disk when it returns, and is never made a second time."""

import asyncio
import time
from dataclasses import dataclass

from rootcoz.analysis.ledger import Ledger
from rootcoz.domain.analysis import ProviderCall
from rootcoz.domain.errors import BudgetSpent, OutsideError
from rootcoz.providers.base import Provider, Question, Reply

NOTHING = Reply("")


@dataclass(frozen=True, slots=True)
class Turns:
    """The calls of one analysis, to whichever provider."""

    ledger: Ledger
    analysis_gate: asyncio.Semaphore
    """Bounds the calls of this analysis."""
    server_gate: asyncio.Semaphore
    """Bounds the calls of the whole server. Always taken second, so that nobody waits in a circle."""

    async def ask(self, provider: Provider, question: Question, *, key: str, call_type: str) -> Reply:
        """One call. `key` names it within the analysis, the same after a restart.

        The gates are held for the call alone. Raises OutsideError, which is recorded, too, and BudgetSpent when the
        call was not made because nothing is left to pay it with.
        """
        if provider.costs_nothing:
            # Not an AI: it has no place in a ledger of what the AIs cost, and may be asked again at will.
            return await provider.ask(question)
        if kept := self.ledger.reply(key):
            return kept
        async with self.analysis_gate, self.server_gate:
            if reached := await self.ledger.reached_budget():
                raise BudgetSpent(reached)
            started = time.monotonic()
            try:
                reply = await provider.ask(question)
            except OutsideError as error:
                call = _call(provider, question, call_type, started, error=str(error))
                await self.ledger.record(key, call, None)
                raise
            await self.ledger.record(key, _call(provider, question, call_type, started, reply), reply)
        return reply


def _call(
    provider: Provider,
    question: Question,
    call_type: str,
    started: float,
    reply: Reply = NOTHING,
    *,
    error: str = "",
) -> ProviderCall:
    usage = reply.usage
    return ProviderCall(
        call_type=call_type,
        provider=provider.name,
        model=reply.model or question.model,
        duration_ms=round((time.monotonic() - started) * 1000),
        prompt_chars=len(question.prompt),
        reply_chars=len(reply.text),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        cost_usd=usage.cost_usd,
        error=error,
        prompts=question.prompts,
    )
