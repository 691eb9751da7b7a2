"""kill -9 of the server, again and again, over analyses of a pipeline build: what is lost, and how soon work goes on.

Builds of 20 failure groups with two peers, debates of one and two rounds, clones, artifacts and two trackers; kills at
random moments and in the instant after something has happened. Goal: no answer that was on disk is asked for again.
Usage: python -m bench.bench_kills [--kills 50] [--seed 1]
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.support.kill_rehearsal import Rehearsal, Story, median_and_max

GOAL = 0


def main() -> int:
    """Kill and print; 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        Rehearsal(Path(folder), seed=options.seed, say=_tell) as rehearsal,
    ):
        story = rehearsal.run(options.kills)
    print(f"seed {options.seed}, {time.monotonic() - began:.0f} s")
    for name, value in _figures(story):
        print(f"{name:38} {value}")
    return 0 if len(story.paid_twice) == GOAL and not story.unfinished else 1


def _figures(story: Story) -> list[tuple[str, str]]:
    asked = sum(noted.event == "start" for noted in story.noted)
    return [
        ("kills that met work", f"{story.hits} of {len(story.kills)}"),
        ("analyses accepted", f"{len(story.accepted)}, of {story.submitted} requests"),
        (
            "analyses completed",
            f"{len(story.at_end.analyses) - len(story.unfinished)} of {len(story.at_end.analyses)}",
        ),
        ("questions asked", f"{asked}"),
        ("finished answers", f"{story.finished_answers}"),
        ("answers paid twice", f"{len(story.paid_twice)} (goal {GOAL})"),
        (
            "lost in flight, asked again",
            f"{story.lost_in_flight} answers written, {story.cut_short} questions open",
        ),
        ("left over: files, processes", f"{len(story.left_files)}, {len(story.left_processes)}"),
        ("programs outlived a kill by", _seconds([kill.outlived_s for kill in story.kills])),
        ("from restart to healthy", _seconds(story.to_health_s)),
        ("from restart to the first new progress", _seconds(story.to_progress_s)),
    ]


def _seconds(values: Sequence[float]) -> str:
    median, most = median_and_max(values)
    return f"median {median:.2f} s, max {most:.2f} s"


def _tell(line: str) -> None:
    print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
