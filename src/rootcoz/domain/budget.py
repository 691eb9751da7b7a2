"""What may be spent on AIs, and what was."""

from dataclasses import dataclass

from rootcoz.domain.analysis import ProviderCall

_CHARS_PER_TOKEN = 4
"""Roughly, for English and for code."""


@dataclass(frozen=True, slots=True)
class Spending:
    """What calls of AIs have cost."""

    cost_usd: float = 0.0
    """Of the calls whose cost is known."""
    tokens: int = 0
    """All kinds of tokens added up, whether they were read from a cache or not."""

    def __add__(self, other: "Spending") -> "Spending":
        return Spending(self.cost_usd + other.cost_usd, self.tokens + other.tokens)


NOTHING_SPENT = Spending()


def spent_by(call: ProviderCall) -> Spending:
    """What the call adds. Tokens that the provider does not tell are guessed from the characters that we saw.

    The guess is low: what an AI read of the workspace by itself is not in it.
    """
    return Spending(call.cost_usd or 0.0, _tokens(call))


def is_metered(call: ProviderCall) -> bool:
    """Whether the provider told the call's tokens."""
    return any(count is not None for count in _counts(call))


def _tokens(call: ProviderCall) -> int:
    if is_metered(call):
        return sum(count or 0 for count in _counts(call))
    return (call.prompt_chars + call.reply_chars) // _CHARS_PER_TOKEN


def _counts(call: ProviderCall) -> tuple[int | None, ...]:
    return call.input_tokens, call.output_tokens, call.cache_read_tokens, call.cache_write_tokens


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits; None for none."""

    usd: float | None = None
    tokens: int | None = None

    @property
    def is_limited(self) -> bool:
        """Whether it limits anything."""
        return self.usd is not None or self.tokens is not None

    def spent_limit(self, spending: Spending) -> str:
        """The limit that the spending has reached, for people: `$2.00` or `100,000 tokens`; empty when none."""
        if self.usd is not None and spending.cost_usd >= self.usd:
            return _dollars(self.usd)
        if self.tokens is not None and spending.tokens >= self.tokens:
            return "1 token" if self.tokens == 1 else f"{self.tokens:,} tokens"
        return ""


@dataclass(frozen=True, slots=True)
class Budgets:
    """What may be spent on one analysis, and by the whole server on one day of UTC."""

    per_analysis: Budget = Budget()
    per_day: Budget = Budget()

    def reached(self, *, analysis: Spending, day: Spending) -> str:
        """A sentence that says which budget is spent; empty when there is something left of each."""
        if limit := self.per_analysis.spent_limit(analysis):
            return f"The budget of {limit} for this analysis is spent."
        if limit := self.per_day.spent_limit(day):
            return f"The server's budget of {limit} for this day (UTC) is spent."
        return ""


NO_BUDGETS = Budgets()


def _dollars(amount: float) -> str:
    """`$2.00`; with more digits where two do not say it."""
    text = f"{amount:,.2f}"
    return f"${text if float(text.replace(',', '')) == amount else f'{amount:g}'}"
