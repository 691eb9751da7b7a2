"""Having a text written by an AI: asked once, paid once, and its trouble is a sentence for the person who waits."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol
from weakref import WeakValueDictionary

from rootcoz.domain.errors import BudgetSpent, NotConfigured, OutsideError
from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.evidence.secrets import redact
from rootcoz.kit.markup import one_line
from rootcoz.prompts.draft import Written, parse_draft
from rootcoz.prompts.texts import prompt_use, text_digest
from rootcoz.providers.base import Provider, Question, Reply

PATIENCE_S = 120.0
"""Seconds that somebody waits for a text at most, whatever a question of an analysis may take."""
NO_AI = "No AI was asked; the text was put together from what is known."

NOTHING = FailureGroup(0, ErrorSignature("", 0), Failure(""), ())
"""The failure group of a question that is about none."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Who is asked."""

    provider: Provider
    model: str


class Ask(Protocol):
    """Calls of providers that are paid and kept: `analysis.turns.Turns.ask`."""

    async def __call__(self, provider: Provider, question: Question, *, key: str, call_type: str) -> Reply:
        """One call. Raises OutsideError and BudgetSpent."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    """How a writer is chosen."""

    provider_named: Callable[[str], Provider]
    default_provider: str
    """Of the server's settings; empty when nobody set one."""
    default_model: str
    timeout_s: float
    """Seconds that one question may take."""

    def writer(
        self, provider: str = "", model: str = "", *, otherwise: tuple[str, str] = ("", "")
    ) -> Writer | str:
        """Whoever is named, else the server's, else `otherwise`; or a sentence that says why there is nobody."""
        default = (self.default_provider, self.default_model)
        name = provider or self.default_provider or otherwise[0]
        models = [of for whose, of in (default, otherwise) if whose == name and of]
        chosen = model or (models[0] if models else "")
        try:
            found = self.provider_named(name or "builtin")
            if not found.reads_prompt:
                return NO_AI
            if found.needs_model and not chosen:
                return f"Provider {name!r} needs a model: send ai_model or set AI_MODEL."
            found.check(chosen)
        except NotConfigured as error:
            return str(error)
        return Writer(found, chosen)

    def question(self, writer: Writer, prompt: str, name: str) -> Question:
        """The question; `name` is that of the prompt file."""
        return Question(
            group=NOTHING,
            affected_tests=(),
            job_name="",
            prompt=prompt,
            workspace=None,  # everything stands in the question, so there is nothing to look around in
            model=writer.model,
            timeout_s=min(self.timeout_s, PATIENCE_S),
            prompts=(prompt_use(name),),
        )


@dataclass(slots=True)
class Queue:
    """Of those who want the same text at the same moment one asks; the others then find the answer."""

    _locks: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    def turn(self, key: str) -> asyncio.Lock:
        """What is held while the text is asked for."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock


async def written(ask: Ask, writer: Writer, question: Question, call_type: str) -> Written | str:
    """What the writer wrote, without secrets; or a sentence that says why there is nothing."""
    key = writing_key(writer, question, call_type)
    try:
        reply = await ask(writer.provider, question, key=key, call_type=call_type)
    except (OutsideError, BudgetSpent) as error:
        return str(error)
    if reply.truncated:
        return "The answer was cut short at the model's limit of output."
    draft = parse_draft(without_secrets(reply.text))
    if isinstance(draft, str):
        return draft
    return replace(draft, title=without_secrets(one_line(draft.title)))


def writing_key(writer: Writer, question: Question, call_type: str) -> str:
    """Names the call: the same question to the same model is one call."""
    digest = text_digest(f"{writer.provider.name}\n{writer.model}\n{question.prompt}")
    return f"{call_type} {digest}"


def without_secrets(text: str) -> str:
    """Without known shapes of secrets and e-mail addresses."""
    return redact(text, emails=True).text


def facts_without_secrets(facts: Mapping[str, object]) -> dict[str, object]:
    """The same of all texts in it."""
    return {name: _cleaned(value) for name, value in facts.items()}


def _cleaned(value: object) -> object:
    match value:
        case str():
            return without_secrets(value)
        case list():
            return [_cleaned(item) for item in value]
        case dict():
            return {name: _cleaned(item) for name, item in value.items()}
        case _:
            return value
