"""The built-in analyser as a provider: no key, no network, no money."""

from rootcoz.prompts.answer import answer_json
from rootcoz.providers.base import OfferedModel, Question, Reply
from rootcoz.triage import judge
from rootcoz.triage.decisions import with_decisions


class BuiltinProvider:
    """Judges a group from its representative by the rules of `triage`, and by what people decided before."""

    name = "builtin"
    needs_model = False
    reads_prompt = False
    costs_nothing = True

    def check(self, model: str) -> None:
        """Nothing can be missing; whatever model is named is not looked at."""

    async def ask(self, question: Question) -> Reply:
        """Judge at once, within a millisecond or so."""
        answer = judge(question.group.representative, question.affected_tests)
        return Reply(text=answer_json(with_decisions(answer, question.decisions)))

    async def models(self) -> tuple[OfferedModel, ...]:
        """There is nothing to choose from."""
        return ()
