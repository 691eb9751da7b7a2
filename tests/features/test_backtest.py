from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.reviewed_build import accepted_build, failing, parts_with, step
from tests.support.scripted_provider import ScriptedProvider, finding

from rootcoz.analysis.pipeline import analyse
from rootcoz.domain.failure import Build, Failure
from rootcoz.domain.finding import Classification
from rootcoz.domain.review import FailureTarget
from rootcoz.features.backtest import Guess, Judged, Score, Voice, backtest, replay
from rootcoz.features.review import Reviews
from rootcoz.store.engine import Database, UnusableDatabase


def seen(hour: int, text: str, *accepted: str, known: int | None = None, told: str | None = None) -> Judged:
    return Judged(
        Failure("cart.test_total", text),
        seen_at=f"2026-03-01T{hour:02}",
        known_from=f"2026-03-01T{hour if known is None else known:02}",
        accepted=frozenset(accepted or ["INFRASTRUCTURE"]),
        told=told,
    )


def of(judged: Sequence[Judged], voice: Voice) -> Score:
    (score,) = [score for score in replay(judged).scores if score.voice is voice]
    return score


def test_each_failure_is_answered_from_what_was_decided_before_it_was_seen() -> None:
    odd = "something is odd"
    early = [seen(5, odd), seen(1, odd, known=4), seen(3, odd)]

    assert of(early, Voice.EXACT) == Score(Voice.EXACT, 3, 1, 1, of(early, Voice.EXACT).bins)


def test_the_newest_decision_counts() -> None:
    odd = "something is odd"
    changed = [seen(1, odd, "PRODUCT BUG"), seen(2, odd, "CODE ISSUE"), seen(3, odd, "CODE ISSUE")]
    exact = of(changed, Voice.EXACT)

    assert (exact.answered, exact.right) == (2, 1)


def test_rules_and_decisions_are_told_apart_and_counted_together() -> None:
    full = "OSError: [Errno 28] No space left on device"
    odd = "something is odd"
    judged = [seen(1, full), seen(2, odd, "PRODUCT BUG"), seen(3, odd, "PRODUCT BUG")]
    answered = {score.voice: (score.answered, score.right) for score in replay(judged).scores}

    assert answered == {
        Voice.EXACT: (1, 1),
        Voice.NEAR: (0, 0),
        Voice.RULES: (1, 1),
        Voice.TOGETHER: (2, 2),
    }


def test_similar_failures_are_told_and_their_causes_compared() -> None:
    def null_rate(hour: int, test: str, word: str, cause: str) -> Judged:
        error = f"java.lang.NullPointerException: {word}"
        frames = (
            "com.acme.OrderService.total(OrderService.java:88)",
            f"com.acme.CartTest.{test}(CartTest.java:20)",
        )
        failure = Failure(f"com.acme.CartTest.{test}", error, "\n\tat ".join((error, *frames)))
        return replace(seen(hour, "", "PRODUCT BUG"), failure=failure, cause=cause)

    judged = [null_rate(1, "addsGift", "rate", "one"), null_rate(2, "takesHalf", "vat", "one")]
    same = replay(judged)
    other = replay([judged[0], replace(judged[1], cause="two")])

    assert of(judged, Voice.NEAR).answered == 1
    assert (same.similar_told, same.similar_right, same.causes_seen, same.causes_found) == (1, 1, 1, 1)
    assert (other.similar_told, other.similar_right, other.causes_seen) == (1, 0, 0)


def test_failures_that_say_nothing_teach_nothing() -> None:
    assert of([seen(1, ""), seen(2, "")], Voice.EXACT).answered == 0


def test_what_was_answered_then_is_scored_too_and_no_verdict_is_no_answer() -> None:
    told = of(
        [seen(1, "a", told="INFRASTRUCTURE"), seen(2, "b", told="CODE ISSUE"), seen(3, "c", told="")],
        Voice.TOLD,
    )

    assert (told.asked, told.answered, told.right) == (3, 2, 1)
    assert told.calibration_error is None


def test_a_share_comes_with_how_far_it_can_be_trusted() -> None:
    few, many, none = (Score(Voice.EXACT, n, n, n // 2, ()) for n in (4, 400, 0))

    assert few.interval == pytest.approx((0.15, 0.85), abs=0.005)
    assert many.interval == pytest.approx((0.451, 0.549), abs=0.001)
    assert (none.interval, none.accuracy, none.coverage) == (None, None, 0.0)
    assert Guess(is_right=True, confidence=None).confidence is None


def test_nothing_and_little_are_said_to_be_so() -> None:
    assert replay([]).is_little
    assert replay([seen(1, "a")] * 29).is_little
    assert not replay([seen(1, "a")] * 30).is_little


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    yield database
    await database.close()


async def test_the_stored_decisions_and_reviews_are_looked_back_on(
    database: Database, tmp_path: Path
) -> None:
    parts = parts_with(database, tmp_path / "workspaces", ScriptedProvider(finding))
    build = Build(
        job_name="nightly", build_number=1, failures=(*failing("alpha", "a.one"), *failing("bravo", "b.one"))
    )
    reviews = Reviews(database)
    for _ in range(2):
        job_id = await accepted_build(parts, build)
        await analyse(job_id, parts, step)
        await reviews.override(job_id, FailureTarget("a.one"), Classification.INFRASTRUCTURE, "carol")
        await reviews.mark(job_id, FailureTarget("b.one"), "carol", reviewed=True)
    reading = await Database.open_to_read(tmp_path)
    found = await backtest(reading)
    newest = await backtest(reading, most=1)
    await reading.close()
    scores = {score.voice: score for score in found.replay.scores}

    assert (found.overridden, found.confirmed, found.replay.judged) == (2, 2, 4)
    assert (scores[Voice.EXACT].answered, scores[Voice.EXACT].right) == (2, 2)
    assert (scores[Voice.TOLD].answered, scores[Voice.TOLD].right) == (4, 2)
    assert newest.replay.judged == 1


async def test_a_folder_without_a_database_is_left_without_one(tmp_path: Path) -> None:
    with pytest.raises(UnusableDatabase, match="nothing was analysed there yet"):
        await Database.open_to_read(tmp_path)

    assert not any(Path.iterdir(tmp_path))
