"""The protocol that every provider fulfils."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rootcoz.domain.analysis import PromptUse
from rootcoz.domain.failure import FailureGroup
from rootcoz.domain.review import PastDecision


@dataclass(frozen=True, slots=True)
class Question:
    """Everything a provider may know about one failure group."""

    group: FailureGroup
    affected_tests: tuple[str, ...]
    """Names of all tests of the group, in the build's order."""
    job_name: str
    """Empty for analyses without a Jenkins build."""
    prompt: str
    """The question in words, for providers that read; `builtin` reads the group itself."""
    workspace: Path | None
    """Folder with what an agent may look at, read-only to it; None when the provider needs none."""
    model: str
    timeout_s: float
    answer_schema: Mapping[str, object] | None = None
    """JSON schema of the answer that the prompt asks for, for providers that can hold a model to one."""
    decisions: tuple[PastDecision, ...] = ()
    """What people decided when the same failure came before, the newest first, or else of similar ones, the most
    similar first; for `builtin`. The prompt has its own words for them."""
    prompts: tuple[PromptUse, ...] = ()
    """The texts that the prompt was made from, for the ledger."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a reply cost, as far as the provider says. None is "not said", never zero.

    The four counts do not overlap: `input_tokens` were neither read from the provider's cache nor written to it.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Making sense of the text is `prompts.answer`'s work, not the provider's."""

    text: str
    usage: Usage = Usage()
    model: str = ""
    """The model that answered, where the provider says so."""
    truncated: bool = False
    """The provider says that the model was stopped at its limit of output; the text is a beginning."""


@dataclass(frozen=True, slots=True)
class OfferedModel:
    """A model that a provider can be asked for. Prices are list prices in US dollars for a million tokens."""

    id: str
    """As users send it in `ai_model`."""
    name: str
    input_price_per_mtok: float | None = None
    output_price_per_mtok: float | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """How a vendor is reached. Empty values are not set."""

    api_key: str = field(default="", repr=False)
    base_url: str = ""
    """Without a trailing slash; empty for the vendor's own."""
    binary: str = ""
    """The vendor's command-line program, by name or path; empty for its usual name."""


class Provider(Protocol):
    """One way of asking. Implementations are safe to use from many tasks at once."""

    name: str
    """As users spell it in `ai_provider`."""
    needs_model: bool
    """Whether a question without a model is an error."""
    reads_prompt: bool
    """Whether it wants `Question.prompt` and a workspace; False spares making them."""
    costs_nothing: bool
    """Whether it only thinks, without waiting for anything: asked in batches in a thread of its own."""

    def check(self, model: str) -> None:
        """Fail early, before any work: raises NotConfigured naming the setting that is missing."""
        ...

    async def ask(self, question: Question) -> Reply:
        """Ask once, within `question.timeout_s` seconds.

        Raises Unavailable (no answer; `timed_out` says why) or Refused (an answer that says no). Nothing is
        asked twice but what was refused for a rate limit or overload. Leaves no process behind.
        """
        ...

    async def models(self) -> tuple[OfferedModel, ...]:
        """What it offers now, asked from the vendor; empty for a provider without models to choose from.

        Raises as `ask` does; the caller bounds the time.
        """
        ...
