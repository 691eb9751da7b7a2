from collections.abc import Sequence

from sqlalchemy import insert, update
from tests.support.analyses import added

from rootcoz.domain.failure import ErrorSignature
from rootcoz.store.decisions import DECISIONS_SHOWN, past_decisions
from rootcoz.store.engine import Database
from rootcoz.store.schema import overrides

OLD, NEW, OTHER = (
    ErrorSignature("a" * 64, 1),
    ErrorSignature("a" * 64, 2),
    ErrorSignature("b" * 64, 2),
)


async def decide(
    database: Database, analysis_id: int, signature: ErrorSignature, *kinds: str, day: int, group: int = 1
) -> None:
    """One override after the other of the same group."""
    async with database.write() as connection:
        for hour, kind in enumerate(kinds):
            await connection.execute(
                insert(overrides).values(
                    analysis_id=analysis_id,
                    child_job_name="",
                    child_build_number=0,
                    group_number=group,
                    error_signature=signature.value,
                    signature_version=signature.version,
                    classification=kind,
                    replaced="",
                    username=f"user-{day}",
                    created_at=f"2026-03-{day:02}T0{hour}:00:00.000Z",
                )
            )


async def kinds_of(
    database: Database, signatures: Sequence[ErrorSignature], but: int | None = None
) -> dict[ErrorSignature, list[str]]:
    async with database.read() as connection:
        found = await past_decisions(connection, signatures, but=but)
    return {signature: [one.classification for one in known] for signature, known in found.items()}


async def test_decisions_of_all_analyses_and_versions_come_newest_first(database: Database) -> None:
    first, second = await added(database, "job-1"), await added(database, "job-2")
    await decide(database, second, NEW, "PRODUCT BUG", day=2)
    await decide(database, first, NEW, "CODE ISSUE", "INFRASTRUCTURE", day=1)
    await decide(database, first, OLD, "CODE ISSUE", day=3, group=2)
    async with database.read() as connection:
        found = await past_decisions(connection, [NEW])

    assert await kinds_of(database, [NEW, OTHER]) == {
        NEW: ["PRODUCT BUG", "INFRASTRUCTURE"],
        OLD: ["CODE ISSUE"],
    }
    newest = found[NEW][0]
    assert (newest.username, newest.decided_at, newest.job_id, newest.similarity) == (
        "user-2",
        "2026-03-02T00:00:00.000Z",
        "job-2",
        1.0,
    )


async def test_what_was_undone_and_what_the_analysis_itself_knows_is_left_out(database: Database) -> None:
    first, second = await added(database, "job-1"), await added(database, "job-2")
    await decide(database, first, NEW, "PRODUCT BUG", day=1)
    await decide(database, second, NEW, "CODE ISSUE", day=2)
    own = await kinds_of(database, [NEW], but=second)
    async with database.write() as connection:
        undone = update(overrides).where(overrides.c.analysis_id == first).values(undone_at="now")
        await connection.execute(undone)

    assert own == {NEW: ["PRODUCT BUG"]}
    assert await kinds_of(database, [NEW], but=second) == {}


async def test_only_the_newest_decisions_are_told_of_however_many_signatures(database: Database) -> None:
    for number in range(DECISIONS_SHOWN + 2):
        analysis_id = await added(database, f"job-{number}")
        await decide(database, analysis_id, OTHER, "CODE ISSUE", day=number + 1)
    many = [ErrorSignature(f"{number:064x}", 2) for number in range(1_200)]

    assert await kinds_of(database, [*many, OTHER]) == {OTHER: ["CODE ISSUE"] * DECISIONS_SHOWN}
