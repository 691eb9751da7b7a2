import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from tests.support.analyses import added

from rootcoz.kit.chunks import chunked
from rootcoz.store.documents import save_document
from rootcoz.store.engine import APP_FILE, Database
from rootcoz.store.migrations import alembic_config, upgrade
from rootcoz.store.schema import SCHEMA_HEAD, metadata

REVISIONS = [script.revision for script in ScriptDirectory.from_config(alembic_config()).walk_revisions()]


def tables(file: Path) -> dict[str, str]:
    """Every table and index with the statement that makes it, without names' quotes and white space."""
    with sqlite3.connect(file) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'"
        ).fetchall()
    connection.close()
    return {name: "".join(sql.replace('"', "").split()).replace("''", "") for name, sql in rows}


@pytest.fixture
def migrated(tmp_path: Path) -> Path:
    file = tmp_path / "migrated.sqlite3"
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()
    return file


def to_revision(connection: Connection, revision: str) -> None:
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def test_the_known_head_is_alembic_s() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [SCHEMA_HEAD]


def test_the_migrations_make_what_the_schema_says(migrated: Path) -> None:
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()

    assert differences == []


def test_the_migrated_tables_have_the_checks_keys_and_indexes_of_the_schema(
    migrated: Path, tmp_path: Path
) -> None:
    declared = tmp_path / "declared.sqlite3"
    engine = create_engine(f"sqlite:///{declared}")
    metadata.create_all(engine)
    engine.dispose()

    made, said = tables(migrated), tables(declared)
    assert made.keys() == said.keys()
    # A column that was added later stands last, behind the keys: the order says nothing.
    assert {name: sorted(sql.removesuffix(")").split(",")) for name, sql in made.items()} == {
        name: sorted(sql.removesuffix(")").split(",")) for name, sql in said.items()
    }


async def test_a_new_file_is_as_if_it_had_been_migrated(migrated: Path, tmp_path: Path) -> None:
    await (await Database.open(tmp_path)).close()
    engine = create_engine(f"sqlite:///{tmp_path / APP_FILE}")
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        revision = MigrationContext.configure(connection).get_current_revision()
    engine.dispose()

    assert differences == []
    assert revision == SCHEMA_HEAD
    assert tables(tmp_path / APP_FILE).keys() == tables(migrated).keys()


@pytest.mark.parametrize("revision", REVISIONS)
async def test_a_database_of_any_earlier_version_is_brought_up_to_date_when_it_is_opened(
    tmp_path: Path, revision: str
) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / APP_FILE}")
    with engine.begin() as connection:
        to_revision(connection, revision)
    engine.dispose()
    await (await Database.open(tmp_path)).close()

    with sqlite3.connect(tmp_path / APP_FILE) as after:
        versions = after.execute("SELECT version_num FROM alembic_version").fetchall()
    after.close()
    assert versions == [(SCHEMA_HEAD,)]


async def test_a_migration_that_is_interrupted_leaves_the_database_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(connection: Connection) -> None:
        upgrade(connection)
        raise RuntimeError("interrupted")

    engine = create_engine(f"sqlite:///{tmp_path / APP_FILE}")
    with engine.begin() as connection:
        to_revision(connection, REVISIONS[-1])
    engine.dispose()
    before = tables(tmp_path / APP_FILE)
    monkeypatch.setattr("rootcoz.store.migrations.upgrade", interrupted)
    with pytest.raises(RuntimeError, match="interrupted"):
        await Database.open(tmp_path)
    monkeypatch.undo()
    left = tables(tmp_path / APP_FILE)
    await (await Database.open(tmp_path)).close()

    assert left == before
    assert tables(tmp_path / APP_FILE) != before


async def test_a_migration_that_makes_a_table_anew_keeps_what_refers_to_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recreate(connection: Connection) -> None:
        operations = Operations(MigrationContext.configure(connection))
        with operations.batch_alter_table("analyses", recreate="always") as batch:
            batch.alter_column("job_name", server_default="unknown")

    database = await Database.open(tmp_path)
    analysis_id = await added(database)
    async with database.write() as writer:
        await save_document(writer, analysis_id, "result", chunked([b"{}"]))
    await database.close()
    with sqlite3.connect(tmp_path / APP_FILE) as connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()
    monkeypatch.setattr("rootcoz.store.migrations.upgrade", recreate)
    await (await Database.open(tmp_path)).close()

    with sqlite3.connect(tmp_path / APP_FILE) as connection:
        kept = connection.execute("SELECT count(*) FROM document_chunks").fetchone()
    connection.close()
    assert kept == (1,)
