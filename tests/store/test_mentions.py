"""Mentions in comments that were there before the table."""

import sqlite3
from pathlib import Path

from alembic import command
from sqlalchemy import Connection, create_engine

from rootcoz.store.engine import APP_FILE, Database
from rootcoz.store.mentions import count_mentions, list_mentions
from rootcoz.store.migrations import alembic_config

ANALYSIS = """
INSERT INTO analyses (
    id, job_id, status, source, provider, options, request_params, build_facts, progress_log, created_at
) VALUES (1, 'job-1', 'completed', 'failures', 'builtin', '{}', '{}', '{}', '[]', '')
"""
COMMENT = "INSERT INTO comments (analysis_id, test_name, comment, created_at) VALUES (1, 't', ?, '')"
USER = "INSERT INTO users (username, name_key, role, created_at) VALUES ('Carol.', 'carol.', 'user', '')"


async def test_comments_of_older_versions_reach_whom_they_name(tmp_path: Path) -> None:
    def to_revision(connection: Connection) -> None:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0008")

    engine = create_engine(f"sqlite:///{tmp_path / APP_FILE}")
    with engine.begin() as connection:
        to_revision(connection)
    engine.dispose()
    texts = [
        "@bob and @bob",
        "`@bob`",
        "nothing",
        *(f"@bob {number}" for number in range(600)),
        "100% @carol.",
    ]
    with sqlite3.connect(tmp_path / APP_FILE) as old:
        old.execute(ANALYSIS)
        old.executemany(COMMENT, [(text,) for text in texts])
        old.execute(USER)
    old.close()
    database = await Database.open(tmp_path)
    async with database.read() as reader:
        bobs = await count_mentions(reader, "bob", unread_only=True)
        carols = await list_mentions(reader, "Carol.", offset=0, limit=9, unread_only=False)
    await database.close()

    assert bobs == 601
    assert [one.comment for one in carols] == ["100% @carol."]
