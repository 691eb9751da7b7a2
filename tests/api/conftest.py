import asyncio
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from tests.support.in_process import Api, running_api
from tests.support.postgres import PostgresServer
from tests.support.server import ROOT

STAND_IN = ROOT / "tests" / "support" / "slow_answers.py"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a module's tests on each of its DATABASES; without the name, on SQLite alone."""
    if "api" in metafunc.fixturenames:
        databases = getattr(metafunc.module, "DATABASES", ("sqlite",))
        metafunc.parametrize("api", databases, indirect=True, scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """An open server with an administrator; one for all tests of a module."""
    # The durable engine puts its own threads into the loop, and they end with it: the next server needs others.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
    with ExitStack() as stack:
        settings: dict[str, object] = {}
        if request.param == "postgresql":
            postgres: PostgresServer = request.getfixturevalue("postgres")
            settings["database_url"] = postgres.url(stack.enter_context(postgres.database()))
            settings["ROOTCOZ_ENCRYPTION_KEY"] = "the same everywhere"
        async with running_api(tmp_path_factory.mktemp("data"), **settings) as api:
            yield api


def slow_provider(log: Path, seconds: float) -> dict[str, object]:
    """Settings for a provider that takes its time."""
    command = (sys.executable, str(STAND_IN), "--log", str(log), "--seconds", str(seconds))
    return {"ai_provider": "command", "ai_command": command}
