from collections.abc import Iterator

import pytest
from tests.support.tracker_server import TrackerServer, tracker_server


@pytest.fixture
def receiver() -> Iterator[TrackerServer]:
    """Somebody's webhook."""
    with tracker_server() as server:
        yield server
