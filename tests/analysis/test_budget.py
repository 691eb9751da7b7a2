"""What happens when the money for questions runs out in the middle of an analysis."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.support.analyses import added
from tests.support.scripted_provider import ScriptedProvider, finding

from rootcoz.analysis.ask import Asker
from rootcoz.analysis.budget_notes import budget_notes
from rootcoz.analysis.debate import Seat
from rootcoz.analysis.ledger import Ledger
from rootcoz.domain.analysis import AnalysisOptions
from rootcoz.domain.budget import Budget, Budgets, Spending
from rootcoz.domain.debate import Participant
from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.domain.finding import Finding, StandIn
from rootcoz.providers.base import Usage
from rootcoz.store.analyses import delete_analysis
from rootcoz.store.calls import load_ledger
from rootcoz.store.engine import Database
from rootcoz.store.findings import GroupAnswer

CENT = Usage(input_tokens=80, output_tokens=20, cost_usd=0.01)
FAILURES = tuple(
    Failure(f"tests.test_{word}", f"ConnectionRefusedError: [Errno 111] {word}-db:5432 refused")
    for word in ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot")
)
GROUPS = tuple(
    FailureGroup(number, ErrorSignature(f"{number:064x}", 1), failure, (number - 1,))
    for number, failure in enumerate(FAILURES, start=1)
)
VOTE = json.dumps({"classification": "PRODUCT BUG", "agrees": True, "reasoning": "r"})


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    yield database
    await database.close()


class Asking:
    """An analysis with its ledger, begun anew with each call as after a restart."""

    def __init__(
        self, database: Database, folder: Path, provider: ScriptedProvider, budgets: Budgets
    ) -> None:
        self.database, self.folder, self.provider, self.budgets = database, folder, provider, budgets
        self.answers: dict[int, GroupAnswer] = {}
        self.notes: list[str] = []

    async def __call__(
        self,
        job_id: str = "job",
        *,
        groups: Sequence[FailureGroup] = GROUPS,
        at_once: int = 1,
        peers: tuple[Seat, ...] = (),
        analysis: int | None = None,
    ) -> int:
        analysis = await added(self.database, job_id) if analysis is None else analysis
        options = AnalysisOptions("scripted", "m", question_timeout_s=9, max_concurrent_questions=at_once)
        ledger = await Ledger.open(self.database, analysis, self.budgets)
        gate = asyncio.Semaphore(8)

        async def save(answers: Sequence[GroupAnswer]) -> None:
            await asyncio.sleep(0)
            self.answers |= {answer.group_number: answer for answer in answers}

        async def note(sentence: str) -> None:
            await asyncio.sleep(0)
            self.notes.append(sentence)

        asker = Asker(self.provider, options, gate, self.folder / "workspace", ledger, peers=peers, note=note)
        await asker.ask_groups(groups, FAILURES, save)
        return analysis

    @property
    def stood_in(self) -> list[int]:
        return sorted(number for number, answer in self.answers.items() if answer.answer.stand_in)


def per_analysis(usd: float | None = None, tokens: int | None = None) -> Budgets:
    return Budgets(per_analysis=Budget(usd, tokens))


@pytest.mark.parametrize("budgets", [per_analysis(usd=0.02), per_analysis(tokens=101)])
async def test_what_is_left_when_the_budget_is_spent_is_answered_by_the_built_in_analyser(
    database: Database, tmp_path: Path, budgets: Budgets
) -> None:
    provider = ScriptedProvider(usage=CENT)
    asking = Asking(database, tmp_path, provider, budgets)
    await asking()
    first, last = asking.answers[1].answer, asking.answers[6].answer

    assert provider.asked == [1, 2]
    assert asking.stood_in == [3, 4, 5, 6]
    assert first.stand_in is None
    assert isinstance(last, Finding)
    assert last.classification == "INFRASTRUCTURE"
    assert last.evidence[0].verified
    assert last.stand_in == StandIn("builtin", budgets.reached(analysis=_much(), day=_much()))


async def test_an_overshoot_is_no_more_than_what_is_in_flight(database: Database, tmp_path: Path) -> None:
    provider = ScriptedProvider(usage=CENT, pause_s=0.02)
    asking = Asking(database, tmp_path, provider, per_analysis(usd=0.01))
    await asking(at_once=3)

    assert len(provider.asked) == 3
    assert len(asking.stood_in) == 3


async def test_no_repair_is_paid_with_nothing_left(database: Database, tmp_path: Path) -> None:
    provider = ScriptedProvider(lambda _: "I do not know JSON.", CENT)
    asking = Asking(database, tmp_path, provider, per_analysis(usd=0.01))
    await asking(groups=GROUPS[:1])

    assert provider.asked == [1]
    assert asking.stood_in == [1]


async def test_no_debate_is_begun_with_nothing_left_and_that_is_noted(
    database: Database, tmp_path: Path
) -> None:
    provider, peer = ScriptedProvider(usage=CENT), ScriptedProvider(lambda _: VOTE, CENT)
    asking = Asking(database, tmp_path, provider, per_analysis(usd=0.03))
    await asking(groups=GROUPS[:3], peers=(Seat(Participant("scripted", "p"), peer),))

    assert (provider.asked, peer.asked) == ([1, 2], [1])
    assert asking.answers[1].debate is not None
    assert asking.answers[2].debate is None
    assert asking.answers[2].answer.stand_in is None
    assert asking.stood_in == [3]
    assert asking.notes == [
        "The budget of $0.03 for this analysis is spent. Answers that came after that were not debated."
    ]


async def test_the_day_s_budget_is_every_analysis_s_and_outlives_them(
    database: Database, tmp_path: Path
) -> None:
    provider = ScriptedProvider(usage=CENT)
    asking = Asking(database, tmp_path, provider, Budgets(per_day=Budget(usd=0.03)))
    await asking("one", groups=GROUPS[:2])
    async with database.write() as connection:
        await delete_analysis(connection, "one")
    await asking("two", groups=GROUPS[2:])

    assert provider.asked == [1, 2, 3]
    assert asking.stood_in == [4, 5, 6]


async def test_after_a_restart_the_spending_is_known_and_what_was_paid_is_used(
    database: Database, tmp_path: Path
) -> None:
    provider = ScriptedProvider(usage=CENT)
    asking = Asking(database, tmp_path, provider, per_analysis(usd=0.02))
    analysis = await asking()
    asking.answers.clear()
    await asking(analysis=analysis)

    assert provider.asked == [1, 2]
    assert asking.stood_in == [3, 4, 5, 6]


async def test_a_result_says_what_the_budgets_did_and_cannot_do(database: Database, tmp_path: Path) -> None:
    provider = ScriptedProvider(finding)
    budgets = Budgets(per_analysis=Budget(tokens=1_000), per_day=Budget(usd=100))
    asking = Asking(database, tmp_path, provider, budgets)
    analysis = await asking()
    async with database.read() as connection:
        ledger = await load_ledger(connection, analysis)
    notes = budget_notes(budgets, {number: one.answer for number, one in asking.answers.items()}, ledger)
    asked = len(provider.asked)

    assert 0 < asked < len(GROUPS)
    assert notes == (
        (
            f"The budget of 1,000 tokens for this analysis is spent. The built-in analyser answered {6 - asked} of 6 "
            "groups."
        ),
        f"A budget in dollars does not bound scripted m: the cost of its {asked} calls is not known.",
        (
            f"A budget in tokens does not bound scripted m: the tokens of its {asked} calls are not known; they "
            "count by a guess."
        ),
    )


def _much() -> Spending:
    return Spending(99.0, 10**9)
