"""A provider whose answers the test writes."""

import json
from collections.abc import Callable

from rootcoz.providers.base import OfferedModel, Question, Reply

Script = Callable[[Question], str]


def finding(question: Question) -> str:
    """A usable answer that quotes the failure."""
    return json.dumps(
        {
            "classification": "PRODUCT BUG",
            "confidence": 0.8,
            "details": f"About group {question.group.number}.",
            "evidence": [{"quote": question.group.representative.error_message, "source": "error_message"}],
        }
    )


class ScriptedProvider:
    """Answers as the script says; what it raises is raised."""

    name = "scripted"
    needs_model = False
    reads_prompt = True
    costs_nothing = False

    def __init__(self, script: Script = finding) -> None:
        self.script = script
        self.asked: list[int] = []

    def check(self, model: str) -> None:
        """It is always ready."""

    async def ask(self, question: Question) -> Reply:
        self.asked.append(question.group.number)
        return Reply(self.script(question))

    async def models(self) -> tuple[OfferedModel, ...]:
        return ()
