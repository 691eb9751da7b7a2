"""A provider whose answers the test writes."""

import asyncio
import json
from collections.abc import Callable

from rootcoz.providers.base import OfferedModel, Question, Reply, Usage

Script = Callable[[Question], str]
NOT_SAID = Usage()


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

    def __init__(self, script: Script = finding, usage: Usage = NOT_SAID, pause_s: float = 0) -> None:
        self.script = script
        self.usage = usage
        self.pause_s = pause_s
        self.asked: list[int] = []

    def check(self, model: str) -> None:
        """It is always ready."""

    async def ask(self, question: Question) -> Reply:
        self.asked.append(question.group.number)
        await asyncio.sleep(self.pause_s)
        return Reply(self.script(question), self.usage)

    async def models(self) -> tuple[OfferedModel, ...]:
        return ()
