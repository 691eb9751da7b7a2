"""The one further question after an answer that could not be used."""

from functools import cache
from importlib import resources
from string import Template

REPAIR_VERSION = 1
"""Raised with every change of `repair.md` that may change answers."""
EARLIER_ANSWER_FILE = "earlier-answer.txt"


def repair_prompt(question: str, problem: str, *, folder: str = "") -> str:
    """The question again, with what was wrong with the answer, which stands in EARLIER_ANSWER_FILE of `folder`."""
    file = f"{folder}/{EARLIER_ANSWER_FILE}" if folder else EARLIER_ANSWER_FILE
    return question + _template().substitute(problem=problem, file=file)


@cache
def _template() -> Template:
    return Template(resources.files("rootcoz.prompts").joinpath("repair.md").read_text(encoding="utf-8"))
