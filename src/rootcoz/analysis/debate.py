"""Letting peers judge an answer, round by round, until they agree with it or the rounds are used up.

The rules are in `consensus.py`; this module asks, and writes down the story.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from rootcoz.analysis.consensus import (
    Ballot,
    NextStep,
    agrees,
    changes,
    counted,
    next_step,
    rests_on_nothing,
    revised,
)
from rootcoz.analysis.question_files import write_files
from rootcoz.analysis.turns import Turns
from rootcoz.domain.debate import (
    Debate,
    DebateEntry,
    DebateRound,
    Ending,
    Participant,
    Role,
    UnusableVote,
)
from rootcoz.domain.errors import RootcozError
from rootcoz.domain.finding import Answer, Classification, Finding, NoVerdict, NoVerdictReason
from rootcoz.prompts.answer import answer_json, parse_answer
from rootcoz.prompts.peer import arguments_text, parse_vote, peer_prompt, vote_schema
from rootcoz.prompts.revise import revise_prompt
from rootcoz.prompts.texts import prompt_use
from rootcoz.providers.base import Provider, Question, Reply

log = structlog.get_logger()

Check = Callable[[Answer], Awaitable[Answer]]
"""Looks up what an answer claims."""
EnterPhase = Callable[[str], Awaitable[None]]
"""Told what goes on, in the words of the reference."""

_ENDINGS = {
    NextStep.AGREE: Ending.CONSENSUS,
    NextStep.STOP: Ending.NO_USABLE_VOTE,
    NextStep.END: Ending.ROUNDS_USED_UP,
}


async def _say_nothing(_phase: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class Seat:
    """One who takes part, and how to ask it."""

    participant: Participant
    provider: Provider


@dataclass(frozen=True, slots=True)
class Table:
    """Who debates, and within which bounds."""

    turns: Turns
    main: Seat
    peers: tuple[Seat, ...]
    max_rounds: int
    """At least 1."""
    check: Check
    folder: str
    """Below the question's workspace: where the files of the debate go."""
    enter: EnterPhase = _say_nothing


async def hold_debate(answer: Finding, question: Question, table: Table) -> tuple[Answer, Debate]:
    """Debate the main model's answer to the question; returns the answer that is left, and the trail.

    `question` is the one that was answered. Nobody's trouble sinks a debate: who cannot be asked has no vote.
    """
    debate = _Debate(question, table)
    standing, changed, note = answer, "", ""
    while True:
        number = len(debate.rounds) + 1
        opening = _main_entry(table.main.participant, standing, changed, note)
        ballots = await debate.judge(number, standing)
        votes = [
            _vote_entry(seat.participant, ballot, standing.classification)
            for seat, ballot in zip(table.peers, ballots, strict=True)
        ]
        debate.rounds.append(DebateRound(number, (opening, *votes)))
        step = next_step(ballots, standing.classification, round_number=number, max_rounds=table.max_rounds)
        if step is not NextStep.REVISE:
            return standing, debate.trail(_ENDINGS[step])
        after, note = await debate.revise(number, standing)
        changed = changes(standing, after)
        if isinstance(after, NoVerdict):
            debate.add(_main_entry(table.main.participant, after, changed, note))
            return after, debate.trail(Ending.WITHDRAWN)
        standing = after


@dataclass(frozen=True, slots=True)
class _Trouble:
    """Why a call brought nothing, for the trail."""

    words: str


class _Debate:
    """The asking, and what was said so far."""

    def __init__(self, question: Question, table: Table) -> None:
        self._question = question
        self._table = table
        self.rounds: list[DebateRound] = []

    def add(self, entry: DebateEntry) -> None:
        """One more word in the last round."""
        last = self.rounds[-1]
        self.rounds[-1] = replace(last, entries=(*last.entries, entry))

    def trail(self, ending: Ending) -> Debate:
        """The story so far, which ends like this."""
        seats = (self._table.main, *self._table.peers)
        return Debate(
            participants=tuple(seat.participant for seat in seats),
            max_rounds=self._table.max_rounds,
            ending=ending,
            rounds=tuple(self.rounds),
        )

    async def judge(self, number: int, answer: Finding) -> list[Ballot]:
        """Every peer's ballot about the answer, asked all at once, in the peers' order."""
        await self._table.enter(f"peer_review_round_{number}")
        await self._write({_answer_file(number): answer_json(answer)})
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(self._ballot(number, peer, seat))
                for peer, seat in enumerate(self._table.peers, start=1)
            ]
        return [task.result() for task in asked]

    async def _ballot(self, number: int, peer: int, seat: Seat) -> Ballot:
        arguments = self._others(peer)
        arguments_file = f"arguments-for-peer-{peer}-in-round-{number}.json" if arguments else ""
        if arguments:
            await self._write({arguments_file: arguments_text(arguments)})
        question = replace(
            self._question,
            prompt=peer_prompt(
                self._question.prompt,
                answer_file=self._path(_answer_file(number)),
                arguments_file=arguments_file and self._path(arguments_file),
            ),
            model=seat.participant.model,
            answer_schema=vote_schema(),
            prompts=(*self._question.prompts, prompt_use("peer")),
        )
        reply = await self._ask(seat.provider, question, f"peer {peer} of round {number}", call_type="peer")
        if isinstance(reply, _Trouble):
            return UnusableVote(f"It could not be asked: {reply.words}")
        vote = parse_vote(reply.text)
        if isinstance(vote, UnusableVote):
            return vote
        checked = await self._table.check(Finding(vote.classification, None, "", vote.evidence))
        return counted(replace(vote, evidence=checked.evidence))

    def _others(self, peer: int) -> Sequence[DebateEntry]:
        """What the other peers said in the last round, as far as it counts."""
        if not self.rounds:
            return ()
        voices = [entry for entry in self.rounds[-1].entries if entry.role is Role.PEER]
        return [entry for number, entry in enumerate(voices, start=1) if number != peer and entry.usable]

    async def revise(self, number: int, answer: Finding) -> tuple[Answer, str]:
        """What the main model says after the round, and a note about it where there is something to note."""
        table = self._table
        if not table.main.provider.reads_prompt:
            return answer, f"{table.main.provider.name} goes by its rules and does not weigh arguments."
        await table.enter(f"orchestrator_revising_round_{number}")
        votes_file = f"votes-of-round-{number}.json"
        voices = [entry for entry in self.rounds[-1].entries if entry.role is Role.PEER]
        await self._write({votes_file: arguments_text(voices)})
        prompt = revise_prompt(
            self._question.prompt,
            answer_file=self._path(_answer_file(number)),
            votes_file=self._path(votes_file),
        )
        reply = await self._ask(
            table.main.provider,
            replace(self._question, prompt=prompt, prompts=(*self._question.prompts, prompt_use("revise"))),
            f"revision after round {number}",
            call_type="revision",
        )
        if isinstance(reply, _Trouble):
            return answer, f"It could not be asked to revise its answer: {reply.words}"
        said = await table.check(parse_answer(reply.text))
        if isinstance(said, NoVerdict):
            if said.reason is NoVerdictReason.ABSTAINED:
                return said, ""
            return answer, f"Its revision was set aside: {said.message}"
        if rests_on_nothing(said.evidence):
            return (
                answer,
                "Its revision was set aside: nothing that it quotes stands where it may be looked up.",
            )
        return revised(answer, said), ""

    async def _ask(
        self, provider: Provider, question: Question, call: str, *, call_type: str
    ) -> "Reply | _Trouble":
        """One call. A bug in asking for a second opinion must not cost the first one: it is logged."""
        key = f"group {self._question.group.number}: {call}"
        try:
            return await self._table.turns.ask(provider, question, key=key, call_type=call_type)
        except RootcozError as error:
            return _Trouble(str(error))
        except Exception as error:
            log.exception("debate_call_failed", key=key)
            return _Trouble(f"internal error ({type(error).__name__}). The server's log has the details.")

    def _path(self, file: str) -> str:
        return f"{self._table.folder}/{file}"

    async def _write(self, files: Mapping[str, str]) -> None:
        if self._question.workspace is not None:
            await write_files(self._question.workspace / self._table.folder, files)


def _answer_file(round_number: int) -> str:
    return f"answer-in-round-{round_number}.json"


def _main_entry(main: Participant, answer: Answer, changed: str, note: str) -> DebateEntry:
    finding = answer if isinstance(answer, Finding) else None
    return DebateEntry(
        provider=main.provider,
        model=main.model,
        role=Role.MAIN,
        classification=finding.classification if finding else None,
        agrees=None,
        reasoning=answer.message if isinstance(answer, NoVerdict) else answer.details,
        evidence=answer.evidence,
        note=note,
        changed=changed,
    )


def _vote_entry(peer: Participant, ballot: Ballot, classification: Classification) -> DebateEntry:
    vote = ballot.vote if isinstance(ballot, UnusableVote) else ballot
    if isinstance(ballot, UnusableVote):
        agreement, note = None, ballot.reason
    else:
        agreement, note = agrees(ballot, classification), ""
        if ballot.agrees is not None and ballot.agrees is not agreement:
            said = "agrees" if ballot.agrees else "disagrees"
            note = f"It says that it {said}, but its classification says otherwise."
    return DebateEntry(
        provider=peer.provider,
        model=peer.model,
        role=Role.PEER,
        classification=vote.classification if vote else None,
        agrees=agreement,
        reasoning=vote.reasoning if vote else "",
        suggested_changes=vote.suggested_changes if vote else "",
        evidence=vote.evidence if vote else (),
        usable=not isinstance(ballot, UnusableVote),
        note=note,
    )
