"""The question whether a comment says that its failure has been dealt with, and the parser for the reply."""

from typing import Annotated

from pydantic import BeforeValidator

from rootcoz.prompts.answer import Text, Wire, read_reply
from rootcoz.prompts.texts import as_data, prompt_template

MAX_COMMENT_CHARS = 4_000
MAX_REASON_CHARS = 300
_KEY = "suggests_reviewed"
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def _flag(value: object) -> object:
    return _WORDS.get(value.strip().lower(), value) if isinstance(value, str) else value


class _IntentWire(Wire):
    suggests_reviewed: Annotated[bool, BeforeValidator(_flag)]
    reason: Text = ""


def intent_schema() -> dict[str, object]:
    """JSON schema of the reply, for providers that can hold a model to one."""
    return _IntentWire.model_json_schema()


def intent_prompt(comment: str) -> str:
    """Ask about the comment, which must be without secrets. It stands there as JSON and cannot leave its place."""
    return prompt_template("intent").substitute(comment=as_data(comment[:MAX_COMMENT_CHARS]))


def parse_intent(text: str) -> tuple[bool, str] | str:
    """Read the reply, fenced or not: the verdict and its reason, or a sentence that says why it cannot be used."""
    read = read_reply(text, _IntentWire, holding=_KEY)
    if isinstance(read, str):
        return read
    return read.suggests_reviewed, " ".join(read.reason.split())[:MAX_REASON_CHARS]
