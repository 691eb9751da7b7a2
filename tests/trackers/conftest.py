"""What the trackers' tests share."""

from collections.abc import Iterator

import pytest
from tests.support.tracker_server import TrackerServer, tracker_server

from rootcoz.trackers.http import Limits


@pytest.fixture
def server() -> Iterator[TrackerServer]:
    with tracker_server() as server:
        yield server


@pytest.fixture
def other_server() -> Iterator[TrackerServer]:
    with tracker_server() as server:
        yield server


@pytest.fixture
def quick() -> Limits:
    """Limits under which nothing takes long."""
    return Limits(
        attempt_s=1.0, total_s=5.0, tries=3, first_pause_s=0.01, longest_pause_s=1.2, reply_bytes=100_000
    )
