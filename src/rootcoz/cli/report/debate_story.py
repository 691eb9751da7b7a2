"""A debate as a few lines of plain text; each format makes them harmless in its own way."""

from rootcoz.cli.report.safe_text import one_line
from rootcoz.client.models import DebateEntry, DebateParticipant, PeerDebate

_REASON_CHARACTERS = 240
_NAME_CHARACTERS = 120
_ENTRIES_SHOWN = 30

_ENDINGS = {
    "consensus": "consensus",
    "rounds_used_up": "no consensus",
    "no_usable_vote": "no vote could be used",
    "withdrawn": "the answer was withdrawn",
}


def headline(debate: PeerDebate) -> str:
    """How it ended, for example `consensus after 2 of 3 rounds`."""
    ending = _ENDINGS.get(debate.ending) or ("consensus" if debate.consensus_reached else "no consensus")
    rounds = "round" if debate.max_rounds == 1 else "rounds"
    return f"{ending} after {debate.rounds_used} of {debate.max_rounds} {rounds}"


def debate_lines(debate: PeerDebate) -> list[str]:
    """Who said what, a line for each; the last line says how many did not fit."""
    lines = [
        f"Round {one.round}: {_said(entry)}" if number == 0 else _said(entry)
        for one in debate.rounds
        for number, entry in enumerate(one.entries)
    ]
    hidden = len(lines) - _ENTRIES_SHOWN
    if hidden > 0:
        lines = [*lines[:_ENTRIES_SHOWN], f"... {hidden:,} more"]
    return lines


def _said(entry: DebateEntry) -> str:
    said = one_line(entry.classification, 40) or "no verdict"
    if entry.role == "main":
        return _ended(f"{_name(entry)} says {said}", _changed(entry), _noted(entry))
    if not entry.usable:
        return _ended(f"{_name(entry)} has no vote", _noted(entry))
    agreement = "agrees" if entry.agrees else f"disagrees, {said}"
    return _ended(f"{_name(entry)} {agreement}", one_line(entry.reasoning, _REASON_CHARACTERS), _noted(entry))


def _ended(head: str, *more: str) -> str:
    tail = " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part in more if part)
    return f"{head}: {tail}" if tail else f"{head}."


def _changed(entry: DebateEntry) -> str:
    changed = one_line(entry.changed, _REASON_CHARACTERS)
    return f"changed {changed}" if changed else ""


def _noted(entry: DebateEntry) -> str:
    return one_line(entry.note, _REASON_CHARACTERS)


def _name(one: DebateParticipant) -> str:
    return one_line(" ".join(filter(None, (one.ai_provider, one.ai_model))), _NAME_CHARACTERS) or "somebody"
