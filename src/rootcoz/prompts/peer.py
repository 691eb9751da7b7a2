"""The question for a peer's judgement of an answer, and the parser for its vote."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import BeforeValidator, Field

from rootcoz.domain.debate import DebateEntry, UnusableVote, Vote
from rootcoz.prompts.answer import Quotes, Text, Verdict, Wire, claimed, read_reply
from rootcoz.prompts.texts import prompt_template

MAX_WORDS_CHARS = 4_000
"""Of a vote's reasoning and of its suggestions so much is kept: they are shown with every failure of the group."""
MAX_VOTE_QUOTES = 10
MAX_QUOTE_CHARS = 2_000


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


class _VoteWire(Wire):
    agrees: Annotated[bool | None, BeforeValidator(_flag)] = None
    classification: Verdict
    reasoning: Text = ""
    suggested_changes: Text = ""
    evidence: Quotes = Field(default=[])
    details: Text = ""
    no_verdict: Text = ""


def vote_schema() -> dict[str, object]:
    """JSON schema of a vote, for providers that can hold a model to one."""
    schema = _VoteWire.model_json_schema()
    for whole_answer in ("details", "no_verdict"):
        del schema["properties"][whole_answer]
    return schema


def peer_prompt(question: str, *, answer_file: str, arguments_file: str) -> str:
    """The question again, and what to do with the answer to it.

    `arguments_file` holds what the others said in the last round; empty in the first.
    """
    arguments = (
        f"Others have judged it before; what they said in the last round stands in the file `{arguments_file}`.\n"
        if arguments_file
        else ""
    )
    return question + prompt_template("peer").substitute(answer=answer_file, arguments=arguments)


def arguments_text(entries: Sequence[DebateEntry]) -> str:
    """What was said in a round, for whoever is to weigh it. Says nothing about who said it."""
    said = [
        {
            "role": entry.role,
            "classification": entry.classification,
            "reasoning": entry.reasoning,
            "suggested_changes": entry.suggested_changes,
            "evidence": [{"quote": item.quote, "source": item.source} for item in entry.evidence],
        }
        for entry in entries
        if entry.usable
    ]
    return json.dumps(said, ensure_ascii=False, indent=1)


def parse_vote(text: str) -> Vote | UnusableVote:
    """Read a peer's reply. Never raises. A whole answer instead of a vote is taken as one.

    Nothing is taken as verified here; that is `evidence.claims`' word.
    """
    read = read_reply(text, _VoteWire)
    if isinstance(read, str):
        return UnusableVote(read)
    reasoning = (read.reasoning or read.details)[:MAX_WORDS_CHARS]
    if read.classification is None:
        return UnusableVote(f"It abstained: {(read.no_verdict or reasoning or 'it gave no reason')[:500]}")
    return Vote(
        agrees=read.agrees,
        classification=read.classification,
        reasoning=reasoning,
        suggested_changes=read.suggested_changes[:MAX_WORDS_CHARS],
        # The beginning of a quotation stands wherever the whole does.
        evidence=tuple(
            replace(item, quote=item.quote[:MAX_QUOTE_CHARS])
            for item in claimed(read.evidence)[:MAX_VOTE_QUOTES]
        ),
    )
