"""The question whether the main model wants to revise its answer after a round of the debate."""

from functools import cache
from importlib import resources
from string import Template

REVISE_VERSION = 1
"""Raised with every change of `revise.md` that may change answers."""


def revise_prompt(question: str, *, answer_file: str, votes_file: str) -> str:
    """The question again, with the files that hold the answer to it and what the peers said. The reply is an answer."""
    return question + _template().substitute(answer=answer_file, votes=votes_file)


@cache
def _template() -> Template:
    return Template(resources.files("rootcoz.prompts").joinpath("revise.md").read_text(encoding="utf-8"))
