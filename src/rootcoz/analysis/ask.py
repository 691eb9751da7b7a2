"""Asking the provider about each failure group, and keeping each answer the moment it is there."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from rootcoz.analysis.debate import Seat, Table, hold_debate
from rootcoz.analysis.ledger import Ledger
from rootcoz.analysis.materials import NOTHING_ELSE, Materials, check_in_workspace
from rootcoz.analysis.question_files import write_files
from rootcoz.analysis.turns import Turns
from rootcoz.domain.analysis import AnalysisOptions
from rootcoz.domain.debate import Debate, Participant
from rootcoz.domain.errors import BudgetSpent, OutsideError, RootcozError, StoreUnavailable, Unavailable
from rootcoz.domain.failure import Failure, FailureGroup
from rootcoz.domain.finding import (
    PEOPLE,
    Answer,
    Classification,
    Finding,
    NoVerdict,
    NoVerdictReason,
    StandIn,
)
from rootcoz.domain.review import PastDecision
from rootcoz.evidence.claims import check_claims
from rootcoz.evidence.failures import without_secrets
from rootcoz.prompts.analyse import analyse_prompt, workspace_files
from rootcoz.prompts.answer import answer_schema, parse_answer
from rootcoz.prompts.repair import EARLIER_ANSWER_FILE, repair_prompt
from rootcoz.prompts.texts import prompt_use
from rootcoz.providers.base import Provider, Question, Reply
from rootcoz.providers.builtin import BuiltinProvider
from rootcoz.store.findings import GroupAnswer

FREE_BATCH = 250
"""Groups whose answers are saved together when asking again after a crash would cost nothing."""

log = structlog.get_logger()

SaveAnswers = Callable[[Sequence[GroupAnswer]], Awaitable[None]]
EnterPhase = Callable[[str, FailureGroup], Awaitable[None]]
"""Told what goes on with a group, in the words of the reference."""


Note = Callable[[str], Awaitable[None]]
"""Takes a sentence for the result; one that it has already counts once."""


async def _say_nothing(_phase: str, _group: FailureGroup) -> None:
    return


async def _note_nothing(_sentence: str) -> None:
    return


@dataclass(frozen=True, slots=True)
class Asker:
    """One provider, the limits under which it is asked, and the place for its workspaces."""

    provider: Provider
    options: AnalysisOptions
    server_gate: asyncio.Semaphore
    """Bounds the questions of the whole server."""
    workspace: Path
    """Folder of this analysis. Providers that read work in it; each group's files have a folder of their own."""
    ledger: Ledger
    """What was said and paid for before is not asked again."""
    materials: Materials = NOTHING_ELSE
    """What else lies in the workspace."""
    peers: tuple[Seat, ...] = ()
    """Who judges each answer."""
    enter: EnterPhase = _say_nothing
    note: Note = _note_nothing
    decisions: Mapping[int, Sequence[PastDecision]] = field(default_factory=dict)
    """By group number: what people decided when the same failure came before, the newest first, or else what they
    decided of similar ones."""
    decisions_answer: bool = False
    """Whether a decision about the same failure is the answer, so that nobody is asked."""
    _turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        """Open the gates of this analysis."""
        gate = asyncio.Semaphore(self.options.max_concurrent_questions)
        object.__setattr__(self, "_turns", Turns(self.ledger, gate, self.server_gate))

    @property
    def _somebody_reads(self) -> bool:
        return any(one.reads_prompt for one in (self.provider, *(seat.provider for seat in self.peers)))

    async def ask_groups(
        self, groups: Sequence[FailureGroup], failures: Sequence[Failure], save: SaveAnswers
    ) -> None:
        """Ask about each group, at most `options.max_concurrent_questions` at once.

        Returns when every answer has been saved. One group's trouble becomes its NoVerdict and never sinks the rest.
        """
        if self.provider.costs_nothing and not self.peers:
            await self._ask_in_batches(groups, failures, save)
            return
        waiting = iter(groups)

        async def work() -> None:
            for group in waiting:
                await save([await self._ask(group, failures)])

        async with asyncio.TaskGroup() as tasks:
            for _ in range(min(self.options.max_concurrent_questions, len(groups))):
                tasks.create_task(work())

    async def _ask_in_batches(
        self, groups: Sequence[FailureGroup], failures: Sequence[Failure], save: SaveAnswers
    ) -> None:
        """Ask a provider that only thinks: in a thread, so that nobody else waits while it does."""

        async def ask_all(batch: Sequence[FailureGroup]) -> list[GroupAnswer]:
            return [await self._ask(group, failures) for group in batch]

        for start in range(0, len(groups), FREE_BATCH):
            batch = groups[start : start + FREE_BATCH]
            await save(await asyncio.to_thread(asyncio.run, ask_all(batch)))

    async def _ask(self, group: FailureGroup, failures: Sequence[Failure]) -> GroupAnswer:
        """The group's answer, whatever happens: one bad group must not sink the rest."""
        try:
            return await self._ask_and_check(group, failures)
        except StoreUnavailable:
            raise  # no fault of the group's, and no answer to keep
        except Exception as error:
            log.exception("group_failed", group=group.number, signature=group.signature.value)
            what = (
                str(error) if isinstance(error, RootcozError) else f"internal error ({type(error).__name__})"
            )
            message = (
                f"The question could not be asked: {what.rstrip('.')}. The server's log has the details."
            )
            answer = NoVerdict(reason=NoVerdictReason.PROVIDER_FAILED, message=message)
            return GroupAnswer(group.number, group.signature, answer)

    async def _ask_and_check(self, group: FailureGroup, failures: Sequence[Failure]) -> GroupAnswer:
        if self.decisions_answer and (known := self.decisions.get(group.number)) and known[0].is_exact:
            return GroupAnswer(group.number, group.signature, _decided(known[0]))
        affected = tuple(failures[member].test_name for member in group.members)
        if self._somebody_reads:
            cleaned = await asyncio.to_thread(without_secrets, group.representative)
            group = replace(group, representative=cleaned)
        question = await self._question(group, affected)
        try:
            answer = await self._answer(question)
        except BudgetSpent as spent:
            return GroupAnswer(group.number, group.signature, await _stand_in(question, str(spent)))
        answer = await self._checked(group, answer)
        answer, debate = await self._debated(question, answer)
        return GroupAnswer(group.number, group.signature, answer, debate)

    async def _answer(self, question: Question) -> Answer:
        """What the provider says, asked once more when it cannot be used. Raises BudgetSpent."""
        answer = await self._put(question, "primary")
        if self.provider.reads_prompt and (unusable := _unusable(answer)):
            mended = await self._put(await self._repair(question, unusable), "repair")
            # An answer that cannot be read is still worth more to people than the news that nobody answered.
            answer = answer if _failed(mended) else mended
        return answer

    async def _checked(self, group: FailureGroup, answer: Answer) -> Answer:
        """The answer with its claims looked up, in the failure's texts and in what else lies in the workspace."""
        answer = check_claims(answer, failure_texts(group.representative))
        if self.materials.listing:
            answer = await asyncio.to_thread(check_in_workspace, answer, self.workspace)
        return answer

    async def _debated(self, question: Question, answer: Answer) -> tuple[Answer, Debate | None]:
        """The answer after the peers have judged it. There is nothing to judge where there is no verdict."""
        if not self.peers or isinstance(answer, NoVerdict):
            return answer, None
        if reached := await self._reached_budget_of_debate(question.group):
            await self.note(f"{reached} Answers that came after that were not debated.")
            return answer, None
        table = Table(
            turns=self._turns,
            main=Seat(Participant(self.provider.name, self.options.model), self.provider),
            peers=self.peers,
            max_rounds=self.options.max_rounds,
            check=lambda said: self._checked(question.group, said),
            folder=_folder(question.group),
            enter=lambda phase: self.enter(phase, question.group),
        )
        return await hold_debate(answer, question, table)

    async def _reached_budget_of_debate(self, group: FailureGroup) -> str:
        """A sentence when no debate can be paid any more; empty when one can."""
        costs = any(not seat.provider.costs_nothing for seat in self.peers)
        # One that had begun before a crash goes on: what was said in it is paid for.
        if not costs or self.ledger.has_replies(f"group {group.number}: peer "):
            return ""
        return await self.ledger.reached_budget()

    async def _put(self, question: Question, call_type: str) -> Answer:
        """One call and what came of it. The provider's trouble is an answer, too: that there is none, and why."""
        key = f"group {question.group.number}: {call_type}"
        try:
            return _read(await self._turns.ask(self.provider, question, key=key, call_type=call_type))
        except OutsideError as error:
            return _no_answer(error)

    async def _question(self, group: FailureGroup, affected: tuple[str, ...]) -> Question:
        workspace = None
        prompt = ""
        if self._somebody_reads:
            workspace, folder = self.workspace, _folder(group)
            await write_files(workspace / folder, workspace_files(group, affected))
            prompt = analyse_prompt(
                group,
                affected,
                folder=folder,
                materials=self.materials.listing,
                advice=self.materials.advice,
                raw_prompt=self.options.raw_prompt,
                decisions=self.decisions.get(group.number, ()),
            )
        return Question(
            group=group,
            affected_tests=affected,
            job_name="",
            prompt=prompt,
            workspace=workspace,
            model=self.options.model,
            timeout_s=self.options.question_timeout_s,
            answer_schema=answer_schema(),
            decisions=tuple(self.decisions.get(group.number, ())),
            prompts=(prompt_use("analyse"), *self.materials.advice_from),
        )

    async def _repair(self, question: Question, answer: NoVerdict) -> Question:
        """The same question once more, with what was wrong with the answer to it."""
        folder = _folder(question.group)
        await write_files(self.workspace / folder, {EARLIER_ANSWER_FILE: answer.raw_text})
        return replace(
            question,
            prompt=repair_prompt(question.prompt, answer.message, folder=folder),
            prompts=(*question.prompts, prompt_use("repair")),
        )


async def _stand_in(question: Question, reason: str) -> Answer:
    """The built-in analyser's answer, with the reason why it is not another's."""
    builtin = BuiltinProvider()
    answer = parse_answer((await builtin.ask(question)).text)
    answer = check_claims(answer, failure_texts(question.group.representative))
    return replace(answer, stand_in=StandIn(builtin.name, reason))


def _decided(decision: PastDecision) -> Finding:
    """A person's decision as the answer. Its text says no more than is known."""
    when = f"on {decision.decided_at[:10]}, in analysis {decision.job_id}"
    who = decision.username or "Somebody"
    return Finding(
        classification=Classification(decision.classification),
        confidence=None,
        details=f"{who} set {decision.classification} for this failure {when}: its error signature is the same.",
        stand_in=StandIn(PEOPLE, f"{who} decided this {when}, so nobody was asked."),
    )


def _folder(group: FailureGroup) -> str:
    """Where the group's files lie below the workspace."""
    return f"group-{group.number}"


def _read(reply: Reply) -> Answer:
    answer = parse_answer(reply.text)
    if reply.truncated and (unusable := _unusable(answer)):
        return replace(
            unusable, message="The answer was cut short at the model's limit of output. Ask again."
        )
    return answer


def _unusable(answer: Answer) -> NoVerdict | None:
    """The answer, if it is one that could not be used."""
    if isinstance(answer, NoVerdict) and answer.reason is NoVerdictReason.UNUSABLE_ANSWER:
        return answer
    return None


def _failed(answer: Answer) -> bool:
    """Whether the call itself brought nothing, not even an answer that cannot be read."""
    failures = {NoVerdictReason.PROVIDER_FAILED, NoVerdictReason.TIMED_OUT}
    return isinstance(answer, NoVerdict) and answer.reason in failures


def failure_texts(failure: Failure) -> dict[str, str]:
    """The failure's own texts by the names that evidence calls them. Claims are looked up here and nowhere else."""
    return {
        "error_message": failure.error_message,
        "stack_trace": failure.stack_trace,
        "output": failure.output,
    }


def _no_answer(error: OutsideError) -> NoVerdict:
    timed_out = isinstance(error, Unavailable) and error.timed_out
    reason = NoVerdictReason.TIMED_OUT if timed_out else NoVerdictReason.PROVIDER_FAILED
    return NoVerdict(reason=reason, message=str(error))
