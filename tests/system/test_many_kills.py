"""kill -9 fifty times and more, at random and at nasty moments: see `tests/support/kill_rehearsal.py`."""

import itertools
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from tests.support import noting_debater
from tests.support.kill_rehearsal import CALLS, GROUPS, Rehearsal, Stand, Story, failures_of

KILLS = 50
GONE_WITHIN_S = 20.0
"""The watchmen need a third of a second; the rest is for a machine that is busy with other things."""
STAGES = ("waiting", "analyzing$", "(analyzing_failures|peer_review|orchestrator)", "enriching", "saving")
STATUSES = ("pending", "waiting", "running", "completed")


@pytest.mark.timeout(1800)  # it takes two minutes, and nothing in it depends on how fast the machine is
def test_after_fifty_kills_everything_is_complete_and_nothing_was_paid_twice(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1_000_000)
    print(f"seed {seed}")  # noqa: T201 - shown when it fails
    with Rehearsal(tmp_path, seed=seed, say=print) as rehearsal:
        story = rehearsal.run(KILLS)

    assert story.hits >= KILLS
    assert story.paid_twice == []
    assert_everything_is_complete(story)
    assert_progress_never_went_back(story)
    assert max(kill.outlived_s for kill in story.kills) < GONE_WITHIN_S
    assert story.left_processes == []
    assert story.left_files == []
    log = (tmp_path / "server.log").read_text()
    assert re.sub(r"rootcoz: Serving http://\S+ with data in \S+ Stop with Ctrl-C\.\n", "", log) == ""


def assert_everything_is_complete(story: Story) -> None:
    assert set(story.accepted) <= set(story.at_end.analyses)
    assert len(story.at_end.analyses) <= story.submitted
    for job_id, stand in story.at_end.analyses.items():
        assert (stand.status, stand.has_result) == ("completed", True)
        assert (stand.groups_total, stand.answers) == (GROUPS, GROUPS)
        assert_result_is_whole(story.bodies[job_id])
    assert Counter(job_id for job_id, _ in story.at_end.replies) == dict.fromkeys(
        story.at_end.analyses, CALLS
    )
    assert set(story.at_end.replies.values()) == {1}


def assert_result_is_whole(body: dict[str, object]) -> None:
    failures = failures_of(body)
    told = {failure["group"]: failure for failure in failures}
    assert len(failures) == 2 * GROUPS
    assert sorted(told) == list(range(1, GROUPS + 1))
    for group, failure in told.items():
        is_bug = noting_debater.ends_as_bug(group)
        debate, analysis = failure["peer_debate"], failure["analysis"]
        assert (debate["consensus_reached"], debate["rounds_used"]) == (True, noting_debater.rounds(group))
        assert analysis["classification"] == ("PRODUCT BUG" if is_bug else "CODE ISSUE")
        assert (
            analysis["product_bug_report"]["jira_matches"]
            if is_bug
            else analysis["code_fix"]["tests_repo_matches"]
        )


def assert_progress_never_went_back(story: Story) -> None:
    for seen in story.stands.values():
        for before, after in itertools.pairwise(seen):
            assert STATUSES.index(after.status) >= STATUSES.index(before.status)
            assert after.answers >= before.answers
            assert after.groups_total == (before.groups_total or after.groups_total)
            assert after.phases[: len(before.phases)] == before.phases
            assert after.has_result >= before.has_result
        assert_stages_come_in_order(seen[-1])


def assert_stages_come_in_order(stand: Stand) -> None:
    stages = [next(n for n, stage in enumerate(STAGES) if re.match(stage, phase)) for phase in stand.phases]
    debates = [phase for phase in stand.phases if "(group" in phase]

    assert stages == sorted(stages)
    assert len(debates) == len(set(debates))
