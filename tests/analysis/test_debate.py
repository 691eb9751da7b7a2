"""Whole debates with programs in the models' places."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import debater

from rootcoz.analysis.ask import Asker
from rootcoz.analysis.debate import Seat
from rootcoz.analysis.ledger import Ledger
from rootcoz.analysis.materials import NOTHING_ELSE, Materials
from rootcoz.domain.analysis import AnalysisOptions, ProviderCall
from rootcoz.domain.debate import Debate, DebateEntry, Ending, Participant, Role
from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.domain.finding import Answer, Classification, Finding, NoVerdict, NoVerdictReason
from rootcoz.providers.base import Provider, Question, Reply
from rootcoz.providers.builtin import BuiltinProvider
from rootcoz.providers.command import CommandProvider
from rootcoz.store.analyses import NewAnalysis, add_analysis, find_analysis
from rootcoz.store.calls import load_ledger
from rootcoz.store.engine import Database
from rootcoz.store.findings import GroupAnswer, decode_debates, load_debates, save_answers

Json = dict[str, Any]

CODE, BUG = Classification.CODE_ISSUE, Classification.PRODUCT_BUG
INFRA = Classification.INFRASTRUCTURE
FAILURE = Failure("tests.test_a", error_message="AssertionError: expected 200, got 500")
QUOTE = {"quote": "expected 200, got 500", "source": "error.txt"}
INVENTED = {"quote": "segmentation fault in kernel", "source": "error.txt"}


def answer(classification: Classification | None, details: str = "The page is gone.", **more: object) -> Json:
    return {"classification": classification, "details": details, "evidence": [QUOTE], **more}


def vote(classification: str | None, reasoning: str = "I looked.", **more: object) -> Json:
    return {"classification": classification, "reasoning": reasoning, "evidence": [QUOTE], **more}


@dataclass(frozen=True)
class Outcome:
    """What came of asking about the groups."""

    answers: list[GroupAnswer]
    calls: list[ProviderCall]
    phases: list[str]
    folder: Path

    @property
    def answer(self) -> Answer:
        return self.answers[0].answer

    @property
    def debate(self) -> Debate:
        found = self.answers[0].debate
        assert found is not None
        return found

    @property
    def entries(self) -> list[DebateEntry]:
        """Of all rounds."""
        return [entry for one in self.debate.rounds for entry in one.entries]

    @property
    def call_types(self) -> list[str]:
        return [call.call_type for call in self.calls]

    def heard(self, model: str) -> list[Json]:
        """How a model was called each time."""
        lines = (self.folder / "calls.jsonl").read_text().splitlines()
        return [call for call in map(json.loads, lines) if call["model"] == model]


class Broken(CommandProvider):
    """A provider with a bug, which no real one can be asked to have."""

    async def ask(self, question: Question) -> Reply:
        raise ZeroDivisionError(question.model)


class Scene:
    """Models with what they say, and the analysis in which they debate."""

    def __init__(self, folder: Path, **says: Sequence[object]) -> None:
        self.folder = folder
        for model, script in says.items():
            (folder / f"{model}.json").write_text(json.dumps(script))
        self.provider: Provider = CommandProvider(
            (sys.executable, "-IS", debater.__file__, str(folder)), scratch=folder
        )
        self.main: Provider = self.provider
        self.peer_provider: Provider = self.provider
        self.peers = [model for model in says if model != "main"]
        self.failures = [FAILURE]
        self.at_once = 3
        self.materials = NOTHING_ELSE
        self.server_at_once = 8

    async def play(self, max_rounds: int = 3) -> Outcome:
        """Ask about each failure as a group of its own. Played again, it is the same analysis after a restart."""
        peers = tuple(Participant("command", model) for model in self.peers)
        options = AnalysisOptions("command", "main", 30, self.at_once, peers=peers, max_rounds=max_rounds)
        groups = [
            FailureGroup(number, ErrorSignature(f"{number:064}", 1), failure, (number - 1,))
            for number, failure in enumerate(self.failures, start=1)
        ]
        saved: list[GroupAnswer] = []
        phases: list[str] = []

        async def save(answers: Sequence[GroupAnswer]) -> None:
            await asyncio.sleep(0)
            saved.extend(answers)

        async def enter(phase: str, group: FailureGroup) -> None:
            await asyncio.sleep(0)
            phases.append(f"{phase} {group.number}")

        database = await Database.open(self.folder)
        try:
            async with database.write() as connection:
                found = await find_analysis(connection, "job")
                analysis = found.id if found else await add_analysis(connection, new_analysis(options))
            asker = Asker(
                self.main,
                options,
                asyncio.Semaphore(self.server_at_once),
                self.folder / "workspace",
                await Ledger.open(database, analysis),
                self.materials,
                peers=tuple(Seat(peer, self.peer_provider) for peer in peers),
                enter=enter,
            )
            await asyncio.wait_for(asker.ask_groups(groups, self.failures, save), 60)

            async with database.read() as connection:
                entries = await load_ledger(connection, analysis)
        finally:
            await database.close()
        return Outcome(saved, [entry.call for entry in entries], phases, self.folder)


def new_analysis(options: AnalysisOptions) -> NewAnalysis:
    return NewAnalysis(
        job_id="job",
        source="failures",
        options=options,
        request_params={},
        reports=(),
        notes=(),
        failure_count=1,
    )


def classification_of(said: Answer) -> Classification | None:
    return said.classification if isinstance(said, Finding) else None


async def test_peers_that_agree_at_once_end_the_debate(tmp_path: Path) -> None:
    outcome = await Scene(tmp_path, main=[answer(CODE)], ann=[vote(CODE)], bob=[vote("code_issue")]).play()

    assert outcome.debate.ending is Ending.CONSENSUS
    assert [(entry.model, entry.role, entry.agrees) for entry in outcome.entries] == [
        ("main", Role.MAIN, None),
        ("ann", Role.PEER, True),
        ("bob", Role.PEER, True),
    ]
    assert sorted(outcome.call_types) == ["peer", "peer", "primary"]
    assert outcome.entries[1].evidence[0].verified


async def test_peers_may_agree_on_infrastructure(tmp_path: Path) -> None:
    outcome = await Scene(tmp_path, main=[answer(INFRA)], ann=[vote(INFRA)]).play()

    assert outcome.debate.consensus


async def test_a_convinced_main_model_revises_and_the_next_round_agrees(tmp_path: Path) -> None:
    revision = answer(BUG, "The server is at fault.", product_bug_report={"title": "500"})
    scene = Scene(
        tmp_path, main=[answer(CODE), revision], ann=[vote(BUG, "It answers 500.")], bob=[vote(BUG)]
    )

    outcome = await scene.play()

    assert classification_of(outcome.answer) is BUG
    assert outcome.debate.consensus
    assert len(outcome.debate.rounds) == 2
    opening = outcome.debate.rounds[1].entries[0]
    assert opening.changed == "classification from CODE ISSUE to PRODUCT BUG, details, bug report"
    assert sorted(outcome.call_types) == ["peer"] * 4 + ["primary", "revision"]
    assert outcome.phases == [
        "peer_review_round_1 1",
        "orchestrator_revising_round_1 1",
        "peer_review_round_2 1",
    ]


async def test_the_main_model_reads_the_votes_before_it_revises(tmp_path: Path) -> None:
    outcome = await Scene(tmp_path, main=[answer(CODE)], ann=[vote(BUG, "It answers 500.")]).play(
        max_rounds=2
    )

    call = outcome.heard("main")[1]
    assert "It answers 500." in call["files"]["group-1/votes-of-round-1.json"]
    assert "`group-1/votes-of-round-1.json`" in call["prompt"]


async def test_a_stubborn_peer_is_heard_until_the_rounds_are_used_up(tmp_path: Path) -> None:
    outcome = await Scene(tmp_path, main=[answer(CODE)], ann=[vote(BUG)], bob=[vote(CODE)]).play(max_rounds=4)

    assert outcome.debate.ending is Ending.ROUNDS_USED_UP
    assert len(outcome.debate.rounds) == 4
    assert classification_of(outcome.answer) is CODE
    assert len(outcome.calls) == 1 + 4 * 2 + 3


async def test_one_round_costs_no_revision(tmp_path: Path) -> None:
    outcome = await Scene(tmp_path, main=[answer(CODE)], ann=[vote(BUG)]).play(max_rounds=1)

    assert sorted(outcome.call_types) == ["peer", "primary"]
    assert not outcome.debate.consensus


async def test_from_the_second_round_on_peers_read_what_the_others_said(tmp_path: Path) -> None:
    scene = Scene(
        tmp_path, main=[answer(CODE)], ann=[vote(BUG, "Words of Ann.")], bob=[vote(CODE, "Words of Bob.")]
    )

    outcome = await scene.play(max_rounds=2)

    first, second = outcome.heard("ann")
    read = second["files"]["group-1/arguments-for-peer-1-in-round-2.json"]
    assert "arguments-for-peer" not in first["prompt"]
    assert "`group-1/arguments-for-peer-1-in-round-2.json`" in second["prompt"]
    assert "Words of Bob." in read
    assert "Words of Ann." not in read


async def test_agreement_goes_by_the_classification_and_not_by_the_flag(tmp_path: Path) -> None:
    outcome = await Scene(tmp_path, main=[answer(CODE)], ann=[vote(BUG, agrees=True)]).play(max_rounds=1)

    entry = outcome.entries[1]
    assert entry.agrees is False
    assert "says otherwise" in entry.note
    assert not outcome.debate.consensus


async def test_votes_that_cannot_be_used_leave_the_consensus_and_say_why(tmp_path: Path) -> None:
    scene = Scene(
        tmp_path,
        main=[answer(CODE)],
        prose=["I think so, too."],
        crash=[None],
        other=[vote("FLAKY")],
        unsure=[vote(None, "It could be either.")],
        liar=[vote(BUG, evidence=[INVENTED])],
        good=[vote(CODE)],
    )

    outcome = await scene.play()

    notes = {entry.model: entry.note for entry in outcome.entries if not entry.usable}
    assert outcome.debate.consensus
    assert set(notes) == {"prose", "crash", "other", "unsure", "liar"}
    assert "no readable JSON object" in notes["prose"]
    assert "exit code 1" in notes["crash"]
    assert "no usable classification" in notes["other"]
    assert "It could be either." in notes["unsure"]
    assert "Nothing that it quotes" in notes["liar"]


async def test_a_true_quotation_beside_an_invented_one_saves_the_vote(tmp_path: Path) -> None:
    outcome = await Scene(tmp_path, main=[answer(CODE)], ann=[vote(CODE, evidence=[INVENTED, QUOTE])]).play()

    assert outcome.debate.consensus
    assert [item.verified for item in outcome.entries[1].evidence] == [False, True]


async def test_a_quotation_of_a_clone_counts_and_one_of_another_model_does_not(tmp_path: Path) -> None:
    clone = tmp_path / "workspace" / "repos" / "app"
    clone.mkdir(parents=True)
    (tmp_path / "workspace" / "build-artifacts").mkdir()
    (clone / "rates.py").write_text("def rate(currency):\n    return TABLE[currency]\n")
    quotes = {
        "ann": {"quote": "return TABLE[currency]", "source": "repos/app/rates.py"},
        "bob": {"quote": "The page is gone.", "source": "group-1/answer-in-round-1.json"},
    }
    votes = {name: [vote(CODE, evidence=[quote])] for name, quote in quotes.items()}
    scene = Scene(tmp_path, main=[answer(CODE)], **votes)
    scene.materials = Materials(("`repos/app/`: a clone",))

    outcome = await scene.play()

    assert {entry.model: entry.usable for entry in outcome.entries[1:]} == {"ann": True, "bob": False}


async def test_a_bug_in_a_provider_costs_its_vote_and_not_the_answer(tmp_path: Path) -> None:
    scene = Scene(tmp_path, main=[answer(CODE)], ann=[vote(CODE)])
    scene.peer_provider = Broken(())

    outcome = await scene.play()

    assert classification_of(outcome.answer) is CODE
    assert "internal error (ZeroDivisionError)" in outcome.entries[1].note


async def test_a_debate_stops_when_nobody_can_be_counted(tmp_path: Path) -> None:
    outcome = await Scene(tmp_path, main=[answer(CODE)], ann=[None], bob=["What?"]).play()

    assert outcome.debate.ending is Ending.NO_USABLE_VOTE
    assert len(outcome.debate.rounds) == 1
    assert classification_of(outcome.answer) is CODE


async def test_an_answer_without_a_verdict_is_not_debated(tmp_path: Path) -> None:
    outcome = await Scene(tmp_path, main=[answer(None, no_verdict="Too little.")], ann=[vote(CODE)]).play()

    assert outcome.answers[0].debate is None
    assert outcome.call_types == ["primary"]


async def test_what_a_revision_leaves_out_stays(tmp_path: Path) -> None:
    fix = {"file": "tests/test_a.py", "line": "3", "change": "Expect 500."}
    first = answer(CODE, confidence=0.6, code_fix=fix)
    revision = {"classification": "CODE ISSUE", "details": "Still the test."}

    outcome = await Scene(tmp_path, main=[first, revision], ann=[vote(BUG)]).play(max_rounds=2)

    assert isinstance(outcome.answer, Finding)
    assert outcome.answer.details == "Still the test."
    assert outcome.answer.confidence == 0.6
    assert outcome.answer.code_fix is not None
    assert outcome.answer.evidence[0].verified
    assert outcome.debate.rounds[1].entries[0].changed == "details"


async def test_a_revision_that_cannot_be_used_changes_nothing(tmp_path: Path) -> None:
    invented = answer(BUG, evidence=[INVENTED])
    scene = Scene(tmp_path, main=[answer(CODE), "Hm.", None, invented], ann=[vote(BUG)])

    outcome = await scene.play(max_rounds=4)

    notes = [one.entries[0].note for one in outcome.debate.rounds[1:]]
    assert classification_of(outcome.answer) is CODE
    assert "no readable JSON object" in notes[0]
    assert "could not be asked" in notes[1]
    assert "nothing that it quotes" in notes[2]


async def test_a_main_model_that_no_longer_knows_withdraws_its_answer(tmp_path: Path) -> None:
    scene = Scene(tmp_path, main=[answer(CODE), answer(None, no_verdict="Both fit.")], ann=[vote(BUG)])

    outcome = await scene.play()

    assert isinstance(outcome.answer, NoVerdict)
    assert outcome.answer.reason is NoVerdictReason.ABSTAINED
    assert outcome.debate.ending is Ending.WITHDRAWN
    assert outcome.entries[-1].changed == "classification from CODE ISSUE to no verdict"


async def test_after_a_restart_nothing_is_asked_twice(tmp_path: Path) -> None:
    scene = Scene(tmp_path, main=[answer(CODE), answer(BUG)], ann=[vote(BUG)], bob=[vote(CODE), vote(BUG)])
    first = await scene.play()
    asked = (tmp_path / "calls.jsonl").read_text()
    again = await scene.play()

    assert (tmp_path / "calls.jsonl").read_text() == asked
    assert again.answers == first.answers


async def test_only_calls_that_failed_are_made_again_after_a_restart(tmp_path: Path) -> None:
    scene = Scene(tmp_path, main=[answer(CODE)], ann=[None, vote(CODE)], bob=[vote(CODE)])
    await scene.play()
    again = await scene.play()

    assert [len(again.heard(model)) for model in ("main", "ann", "bob")] == [1, 2, 1]
    assert [entry.usable for entry in again.entries] == [True, True, True]


async def test_many_groups_debate_through_a_gate_for_one(tmp_path: Path) -> None:
    scene = Scene(tmp_path, main=[answer(CODE)], ann=[vote(BUG)], bob=[vote(BUG)])
    scene.failures = [FAILURE] * 3
    scene.server_at_once = scene.at_once = 1

    outcome = await scene.play(max_rounds=2)

    assert len(outcome.answers) == 3
    assert len(outcome.calls) == 3 * (1 + 2 * 2 + 1)


async def test_the_built_in_analyser_is_judged_but_hears_no_arguments(tmp_path: Path) -> None:
    scene = Scene(tmp_path, ann=[vote(CODE, evidence=[])])
    scene.main = BuiltinProvider()
    scene.failures = [
        Failure("a", error_message="ConnectionRefusedError: [Errno 111] Connection refused: db:5432")
    ]

    outcome = await scene.play(max_rounds=2)

    assert outcome.call_types == ["peer", "peer"]
    assert "does not weigh arguments" in outcome.debate.rounds[1].entries[0].note


async def test_a_trail_comes_back_from_the_store_as_it_was(tmp_path: Path) -> None:
    outcome = await Scene(tmp_path, main=[answer(CODE), answer(BUG)], ann=[vote(BUG)], bob=[None]).play()
    database = await Database.open(tmp_path)
    try:
        async with database.write() as connection:
            analysis = await find_analysis(connection, "job")
            assert analysis is not None
            await save_answers(connection, analysis.id, outcome.answers, provider="command", model="main")
        async with database.read() as connection:
            kept = await load_debates(connection, analysis.id)
    finally:
        await database.close()

    assert decode_debates(kept) == {1: outcome.debate}
    assert analysis.options.peers == (Participant("command", "ann"), Participant("command", "bob"))
