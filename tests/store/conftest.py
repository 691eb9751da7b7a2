from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rootcoz.store.engine import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    yield database
    await database.close()
