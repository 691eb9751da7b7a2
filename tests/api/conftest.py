import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.in_process import Api, running_api
from tests.support.server import ROOT

STAND_IN = ROOT / "tests" / "support" / "slow_answers.py"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """An open server with an administrator; one for all tests of a module."""
    async with running_api(tmp_path_factory.mktemp("data")) as api:
        yield api


def slow_provider(log: Path, seconds: float) -> dict[str, object]:
    """Settings for a provider that takes its time."""
    command = (sys.executable, str(STAND_IN), "--log", str(log), "--seconds", str(seconds))
    return {"ai_provider": "command", "ai_command": command}
