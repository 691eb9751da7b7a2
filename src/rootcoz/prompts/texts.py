"""The prompt files beside this module, each with a version, so that a result can say what was asked with which words.

Whoever changes a text raises its version and pins its new digest here; a test holds the two together.
"""

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib import resources
from string import Template

from rootcoz.domain.analysis import PromptUse

_DIGEST_SHOWN = 8


@dataclass(frozen=True, slots=True)
class PinnedText:
    """What a prompt file is known to hold."""

    version: int
    """Raised with every change of the file, and when the module that fills it changes so that answers may."""
    digest: str
    """SHA-256 of the file, in hexadecimal digits."""


PROMPT_TEXTS = {
    "analyse": PinnedText(3, "b31e2e7d54d0c6afcf240f398fa302e2eb595d5fb8aa23cff8cba2bbc5363bd9"),
    "duplicates": PinnedText(1, "ff7663dc982edd42dcfa140fd8867b1cc35cc6ae0078fe21b0d809e6853f5bac"),
    "intent": PinnedText(1, "14a3d30f80a6ef283f16dc0d4006655b68726bfcdfcc53c726ec9dd64b5b6cff"),
    "peer": PinnedText(1, "73fcb71ab6843112f6bb25a9c1b37d20416a3bbe6fd8bd90696820ac7f8168ef"),
    "repair": PinnedText(1, "fab08a6bab3b2ceb0f7daef21570ee0d15917dc33ecb131e3edb204dd0bcbe58"),
    "revise": PinnedText(1, "6a021609a431e09c71ce48c4b26cf7ed3b1264bdbd9acfc45bf0d8a3634e0300"),
}


def prompt_text(name: str) -> str:
    """The file's text."""
    return resources.files("rootcoz.prompts").joinpath(f"{name}.md").read_text(encoding="utf-8")


@cache
def prompt_template(name: str) -> Template:
    """The file's text with its places to fill."""
    return Template(prompt_text(name))


@cache
def prompt_use(name: str) -> PromptUse:
    """The file as results name it: its version, and the beginning of the digest of what it really holds."""
    return PromptUse(name, f"{PROMPT_TEXTS[name].version}-{text_digest(prompt_text(name))}")


def text_digest(text: str) -> str:
    """Enough of a text's SHA-256 to tell it from others."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_SHOWN]


def as_data(value: object) -> str:
    """JSON that holds no fence: a backtick is a letter like any other there, and can be written otherwise."""
    return json.dumps(value, ensure_ascii=False, indent=1).replace("`", "\\u0060")
