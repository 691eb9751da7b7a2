"""The built-in analyser as a provider: no key, no network, no money."""

import asyncio

from rootcoz.prompts.answer import answer_json
from rootcoz.providers.base import OfferedModel, Question, Reply
from rootcoz.providers.pattern_book import PatternBook
from rootcoz.triage import judge
from rootcoz.triage.decisions import with_decisions


class BuiltinProvider:
    """Judges a group by the rules of `triage`, the team's own ones, and what people decided before."""

    name = "builtin"
    needs_model = False
    reads_prompt = False
    costs_nothing = True

    def __init__(self, patterns: PatternBook | None = None) -> None:
        self._patterns = patterns if patterns is not None and patterns.path is not None else None

    def check(self, model: str) -> None:
        """Nothing can be missing; whatever model is named is not looked at."""

    async def ask(self, question: Question) -> Reply:
        """Judge at once, within a millisecond or so."""
        own = await asyncio.to_thread(self._patterns.current) if self._patterns else ()
        answer = judge(question.group.representative, question.affected_tests, own)
        return Reply(text=answer_json(with_decisions(answer, question.decisions)))

    async def models(self) -> tuple[OfferedModel, ...]:
        """There is nothing to choose from."""
        return ()
