import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Literal

import pytest
from tests.support.postgres import PostgresServer

from rootcoz.store.engine import Database


@pytest.fixture(scope="session")
def migrated_template(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a database with all tables, to make others from."""
    with postgres.database() as name:
        folder = tmp_path_factory.mktemp("data")

        async def migrate() -> None:
            await (await Database.open(folder, postgres.url(name))).close()

        asyncio.run(migrate())
        yield name


@pytest.fixture
async def sqlite_database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path)
    yield database
    await database.close()


@pytest.fixture
async def shared_database(
    postgres: PostgresServer, migrated_template: str, tmp_path: Path
) -> AsyncIterator[Database]:
    with postgres.database(migrated_template) as name:
        database = await Database.open(tmp_path, postgres.url(name))
        yield database
        await database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each test that asks for it runs on both databases."""
    kind: Literal["sqlite", "shared"] = "sqlite" if request.param == "sqlite" else "shared"
    found: Database = request.getfixturevalue(f"{kind}_database")
    return found
