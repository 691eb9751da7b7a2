"""Any sequence of what people do to a result leaves everything that shows it in agreement."""

import asyncio
import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import select
from tests.support.reviewed_build import BUILD, analysed_build

from rootcoz.domain.analysis import StoredAnalysis
from rootcoz.domain.errors import Conflict, NotFound
from rootcoz.domain.failure import Failure
from rootcoz.domain.finding import Classification
from rootcoz.domain.review import Author, FailureTarget
from rootcoz.features.results import Results
from rootcoz.features.review import Reviews
from rootcoz.store.builds import ANSWER_PLACES
from rootcoz.store.documents import delete_documents
from rootcoz.store.engine import Database
from rootcoz.store.schema import failure_history, test_classifications

Done = TypeVar("Done")
Part = tuple[str, int]
PARTS: list[tuple[Part, tuple[Failure, ...]]] = [
    (("", 0), BUILD.failures),
    (("smoke", 3), BUILD.children[0].failures),
    (("smoke", 4), BUILD.children[1].failures),
    (("deep/child", 1), BUILD.children[1].children[0].failures),
]
FAILURES = [(part, failure.test_name, failure.error_message) for part, own in PARTS for failure in own]
NAMED = sorted({(part, name) for part, name, _ in FAILURES})
PEOPLE = st.sampled_from(["alice", "bob", ""])


async def no_partial(_database: Database, _analysis: StoredAnalysis) -> bytes:
    raise AssertionError("the analysis is over")


def target_of(named: tuple[Part, str]) -> FailureTarget:
    (child, number), name = named
    return FailureTarget(name, child, number)


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    data_dir = tmp_path_factory.mktemp("seeded")
    return data_dir, asyncio.run(analysed_build(data_dir))


class ReviewedResult(RuleBasedStateMachine):
    """People at work, and what they should see, kept apart in plain dictionaries."""

    seeded: tuple[Path, str]

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        data_dir, self.job_id = self.seeded
        shutil.copytree(data_dir, self.folder, dirs_exist_ok=True)
        self.runner = asyncio.Runner()
        self.database = self.run(Database.open(self.folder))
        self.reviews = Reviews(self.database)
        self.results = Results(self.database, no_partial)
        self.overrides: dict[tuple[Part, str], list[tuple[str, str]]] = {}
        self.marks: dict[tuple[Part, str], bool] = {}
        self.comments: dict[int, tuple[str, str]] = {}

    def run(self, work: Coroutine[Any, Any, Done]) -> Done:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.database.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    def group_of(self, named: tuple[Part, str]) -> tuple[Part, str]:
        """The build, and the error that the group shares."""
        return named[0], next(error for part, name, error in FAILURES if (part, name) == named)

    @rule(named=st.sampled_from(NAMED), kind=st.sampled_from(Classification), who=PEOPLE)
    def override(self, named: tuple[Part, str], kind: Classification, who: str) -> None:
        self.run(self.reviews.override(self.job_id, target_of(named), kind, who))
        self.results.forget(self.job_id)
        self.overrides.setdefault(self.group_of(named), []).append((kind.value, who))

    @rule(named=st.sampled_from(NAMED), who=PEOPLE)
    def undo(self, named: tuple[Part, str], who: str) -> None:
        made = self.overrides.get(self.group_of(named))
        undone = self.reviews.undo_override(self.job_id, target_of(named), who)
        if not made:
            with pytest.raises(NotFound):
                self.run(undone)
            return
        made.pop()
        assert self.run(undone) == (made[-1][0] if made else "PRODUCT BUG")
        self.results.forget(self.job_id)

    @rule(named=st.sampled_from(NAMED), who=PEOPLE, reviewed=st.booleans())
    def mark(self, named: tuple[Part, str], who: str, *, reviewed: bool) -> None:
        self.run(self.reviews.mark(self.job_id, target_of(named), who, reviewed=reviewed))
        self.marks[named] = reviewed

    @rule(named=st.sampled_from(NAMED), who=PEOPLE, text=st.text(max_size=5))
    def comment(self, named: tuple[Part, str], who: str, text: str) -> None:
        text = text.encode("utf-8", "replace").decode()
        added = self.run(self.reviews.comment(self.job_id, target_of(named), text, Author(who, proven=False)))
        self.comments[added] = (text, who)

    @precondition(lambda self: self.comments)
    @rule(data=st.data(), who=PEOPLE)
    def delete_comment(self, data: st.DataObject, who: str) -> None:
        chosen = data.draw(st.sampled_from(sorted(self.comments)))
        deleted = self.reviews.delete_comment(self.job_id, chosen, author=Author(who, proven=True))
        if self.comments[chosen][1] == who:
            self.run(deleted)
            del self.comments[chosen]
        else:
            with pytest.raises(NotFound):
                self.run(deleted)

    @invariant()
    def everything_agrees(self) -> None:
        standing = {group: made[-1] for group, made in self.overrides.items() if made}
        wanted = [standing.get((part, error), ("PRODUCT BUG", None)) for part, _, error in FAILURES]
        shown, history, visible, counts, discussion = self.run(self.look())

        assert [(kind, who) for kind, who, _ in shown] == wanted
        # Each group of the analysis counts once for each verdict that it has in some build.
        kinds = Counter(
            kind
            for kind, _ in {(kind, error) for (kind, _), (_, _, error) in zip(wanted, FAILURES, strict=True)}
        )
        told = re.findall(r"(\d+) ([A-Z][A-Z ]+)", shown[0][2])
        assert {kind: int(number) for number, kind in told} == kinds
        assert history == [kind for kind, _ in wanted]
        assert visible == sum(
            sum((part, error) == group for part, _, error in FAILURES)
            for group, made in self.overrides.items()
            for _ in made
        )
        assert counts == (
            len(FAILURES),
            sum(self.marks.get((part, name), False) for part, name, _ in FAILURES),
            len(self.comments),
        )
        assert {one.id: (one.comment, one.username) for one in discussion.comments} == self.comments
        assert {mark.key for mark in discussion.marks} == {
            f"{child}#{number}::{name}" if child else name for (child, number), name in self.marks
        }

    async def look(self) -> Any:  # noqa: ANN401 - taken apart at once
        analysis = await self.results.find(self.job_id)
        assert analysis is not None
        result = await self.results.finished(analysis)
        assert result.whole is not None
        assert len(result.whole) == result.size
        async with self.database.read() as connection:
            history = await connection.scalars(
                select(failure_history.c.classification).order_by(failure_history.c.number)
            )
            rows = await connection.scalars(
                select(test_classifications.c.id).where(test_classifications.c.visible == 1)
            )
            found = list(history), len(list(rows))
        counts = await self.results.review_counts(self.job_id)
        return (
            verdicts(json.loads(result.whole)),
            *found,
            (counts.total_failures, counts.reviewed, counts.comments),
            await self.reviews.discussion(self.job_id),
        )


def verdicts(result: dict[str, Any]) -> list[tuple[str, str | None, str]]:
    """Classification, who set it, and summary, in the order of the failures."""

    def of_build(build: dict[str, Any]) -> list[tuple[str, str | None, str]]:
        own = [
            (
                failure["analysis"]["classification"],
                failure["analysis"].get("override", {"username": None})["username"],
                result["summary"],
            )
            for failure in build["failures"]
        ]
        children = build.get("child_job_analyses", build.get("failed_children", []))
        return own + [one for child in children for one in of_build(child)]

    return of_build(result)


def test_any_sequence_of_actions_leaves_counts_history_and_result_in_agreement(
    seeded: tuple[Path, str],
) -> None:
    class Machine(ReviewedResult):
        pass

    Machine.seeded = seeded
    case = Machine.TestCase
    # Making a failing sequence shorter would take longer than a test may: each step looks at everything.
    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    case.settings = settings(max_examples=8, stateful_step_count=12, deadline=None, phases=phases)

    case().runTest()  # raises what it finds


async def test_a_result_of_an_older_version_is_not_overridden(tmp_path: Path) -> None:
    job_id = await analysed_build(tmp_path)
    database = await Database.open(tmp_path)
    try:
        async with database.write() as connection:
            await delete_documents(connection, 1, ANSWER_PLACES)
        with pytest.raises(Conflict, match="older version"):
            await Reviews(database).override(
                job_id, FailureTarget("a.one"), Classification.PRODUCT_BUG, "alice"
            )
    finally:
        await database.close()
