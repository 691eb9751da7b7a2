"""Failures that people have judged, and the keys under which they are found again: the index of the team's memory.

Filled from the overrides afterwards (`analysis/memory.py`), and made anew when the rules change.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from pydantic import TypeAdapter
from sqlalchemy import delete, exists, func, insert, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.domain.failure import ErrorSignature
from rootcoz.grouping.memory import FOUND_BY_KEY, Remembered, best_candidates
from rootcoz.grouping.profile import Profile
from rootcoz.grouping.signature import SIGNATURE_VERSION
from rootcoz.kit.text_key import text_key
from rootcoz.store.schema import failure_history, memory_keys, overrides, remembered_failures

_AT_ONCE = 500

_PROFILE = TypeAdapter(Profile)
_COLUMNS = remembered_failures.c


@dataclass(frozen=True, slots=True)
class Unremembered:
    """An override whose signature has no remembered failure, and where the text of such a failure stands."""

    override_id: int
    signature: ErrorSignature
    analysis_id: int
    number: int | None
    """Index of the group's first failure in that build, among those of the analysis; None when it is unknown."""


@dataclass(frozen=True, slots=True)
class ToRemember:
    """What is kept of a failure that somebody judged."""

    current: ErrorSignature
    """By the rules of this version; the override's may be older."""
    test_name: str
    profile: Profile
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RememberedFailure:
    """A failure that somebody judged, read for comparison."""

    id: int
    """Of the override for which it was kept."""
    signature: ErrorSignature
    """As the overrides have it."""
    test_name: str
    remembered: Remembered


async def find_unremembered(connection: AsyncConnection, rules: str, limit: int) -> list[Unremembered]:
    """The newest judged signatures that have no failure remembered by these rules."""
    known = exists().where(
        _COLUMNS.error_signature == overrides.c.error_signature,
        _COLUMNS.signature_version == overrides.c.signature_version,
        _COLUMNS.rules == rules,
    )
    newest = (
        select(func.max(overrides.c.id).label("id"))
        .where(overrides.c.undone_at.is_(None), ~known)
        .group_by(overrides.c.error_signature, overrides.c.signature_version)
        .order_by(func.max(overrides.c.id).desc())
        .limit(limit)
        .subquery()
    )
    history = failure_history.c
    first = (
        select(func.min(history.number))
        .where(
            history.analysis_id == overrides.c.analysis_id,
            history.group_number == overrides.c.group_number,
            history.child_job_name == overrides.c.child_job_name,
            history.child_build_number == overrides.c.child_build_number,
        )
        .scalar_subquery()
    )
    query = select(
        overrides.c.id,
        overrides.c.error_signature,
        overrides.c.signature_version,
        overrides.c.analysis_id,
        first.label("number"),
    ).join(newest, newest.c.id == overrides.c.id)
    return [
        Unremembered(
            row.id, ErrorSignature(row.error_signature, row.signature_version), row.analysis_id, row.number
        )
        for row in await connection.execute(query.order_by(overrides.c.id.desc()))
    ]


async def remember(
    connection: AsyncConnection, judged: Unremembered, failure: ToRemember | None, rules: str
) -> None:
    """Keep the failure for the override's signature, in the place of what other rules made of one.

    None: its text could not be read, which is not tried again. Does nothing when the override is gone.
    """
    locked = select(overrides.c.id).where(overrides.c.id == judged.override_id).with_for_update()
    if await connection.scalar(locked) is None:
        return
    await connection.execute(
        delete(remembered_failures).where(
            _COLUMNS.error_signature == judged.signature.value,
            _COLUMNS.signature_version == judged.signature.version,
        )
    )
    await connection.execute(
        insert(remembered_failures).values(
            override_id=judged.override_id,
            rules=rules,
            error_signature=judged.signature.value,
            signature_version=judged.signature.version,
            current_signature=failure.current.value if failure else "",
            test_name=failure.test_name if failure else "",
            profile=_PROFILE.dump_json(failure.profile) if failure else b"",
        )
    )
    keys = {text_key(key) for key in failure.keys} if failure else set()
    if keys:
        rows = [{"key": key, "override_id": judged.override_id} for key in sorted(keys)]
        await connection.execute(insert(memory_keys), rows)


async def older_names(
    connection: AsyncConnection, signatures: Collection[ErrorSignature], rules: str
) -> dict[ErrorSignature, ErrorSignature]:
    """Signatures under which the same failures were judged by older rules, each with the one it has now."""
    wanted = {signature.value: signature for signature in signatures}
    found: dict[ErrorSignature, ErrorSignature] = {}
    values = list(wanted)
    for start in range(0, len(values), _AT_ONCE):
        query = select(
            _COLUMNS.error_signature, _COLUMNS.signature_version, _COLUMNS.current_signature
        ).where(
            _COLUMNS.current_signature.in_(values[start : start + _AT_ONCE]),
            _COLUMNS.error_signature != _COLUMNS.current_signature,
            _COLUMNS.rules == rules,
        )
        for old, version, current in await connection.execute(query):
            found[ErrorSignature(old, version)] = wanted[current]
    return found


async def remembers_anything(connection: AsyncConnection) -> bool:
    """Whether there is anything to be found."""
    return await connection.scalar(select(memory_keys.c.override_id).limit(1)) is not None


async def find_candidates(connection: AsyncConnection, keys: Sequence[str]) -> list[int]:
    """Ids of remembered failures that share one of the keys, those with more and rarer ones in common first.

    At most CANDIDATES. Each key is asked for its newest FOUND_BY_KEY, so that the effort does not grow with the store.
    """
    if not keys:
        return []
    numbers = sorted({text_key(key) for key in keys})
    parts = [
        select(part.c.key, part.c.override_id)
        for part in (
            select(memory_keys.c.key, memory_keys.c.override_id)
            .where(memory_keys.c.key == number)
            .order_by(memory_keys.c.override_id.desc())
            .limit(FOUND_BY_KEY)
            .subquery()
            for number in numbers
        )
    ]
    rows = (await connection.execute(union_all(*parts))).all()
    return best_candidates([(key, override_id) for key, override_id in rows])


async def load_remembered(
    connection: AsyncConnection, ids: Collection[int], rules: str
) -> dict[int, RememberedFailure]:
    """The remembered failures by their ids; those of other rules are left out."""
    found: dict[int, RememberedFailure] = {}
    wanted = list(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        query = select(remembered_failures).where(
            _COLUMNS.override_id.in_(wanted[start : start + _AT_ONCE]), _COLUMNS.rules == rules
        )
        for row in await connection.execute(query):
            if not row.profile:
                continue
            found[row.override_id] = RememberedFailure(
                row.override_id,
                ErrorSignature(row.error_signature, row.signature_version),
                row.test_name,
                Remembered(
                    _read_profile(bytes(row.profile)),
                    ErrorSignature(row.current_signature, SIGNATURE_VERSION),
                ),
            )
    return found


@lru_cache(maxsize=1024)
def _read_profile(encoded: bytes) -> Profile:
    return _PROFILE.validate_json(encoded)
