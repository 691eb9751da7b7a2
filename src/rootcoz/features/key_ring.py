"""The keys that saved credentials are sealed with: changed while servers work, and what is done when one is lost.

A rotation has four steps, each of which may be cut off and done again: from one moment on everything new is sealed with
the new key; what is there is sealed anew; the new key is put where the old one was; the way from the old key to the new
one is removed. Until the last step both keys open everything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rootcoz.domain.audit import Action, AuditEntry
from rootcoz.domain.errors import Conflict, InvalidInput
from rootcoz.kit.clock import utc_text
from rootcoz.kit.sealed import Seal
from rootcoz.store import audit as audit_store
from rootcoz.store import sealing
from rootcoz.store.engine import Connection, Database

WHO = "command line"
"""Who changes keys, for the audit log."""
SHORTEST_SECRET = 16


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """What the keys are like."""

    key_id: str
    """New values are sealed with it."""
    own_key_id: str
    """The key of this process's settings, or of its key file."""
    rotated_at: str | None
    values: Mapping[str, int]
    """How many values are sealed with each key."""
    unreadable: int
    """Values whose key is not there."""
    in_progress: bool
    """Whether a rotation is not finished."""


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a rotation did."""

    status: KeyStatus
    sealed_anew: int
    unreadable: int


class KeyRing:
    """Changes the keys of one database."""

    def __init__(self, database: Database, seal: Seal) -> None:
        self._database = database
        self._seal = seal

    async def status(self) -> KeyStatus:
        """What the keys are like now. Raises store.sealing.KeyLost."""
        async with self._database.write() as connection:
            ring = await sealing.open_ring(connection, self._seal)
            values = await sealing.keys_in_use(connection)
            kept = await sealing.kept_keys(connection)
        readable = {key_id: count for key_id, count in values.items() if self._seal.knows(key_id)}
        return KeyStatus(
            ring.key_id,
            self._seal.first_id,
            ring.rotated_at,
            values,
            sum(values.values()) - sum(readable.values()),
            in_progress=bool(kept) or any(key_id != ring.key_id for key_id in readable),
        )

    async def rotate(self, secret: str | None, install: Callable[[str], None] | None) -> Rotated:
        """Seal everything with a new key, or go on with a rotation that was cut off.

        `secret`: of the new key; None takes that of the rotation that goes on, else the own one. `install` puts it
        where the old one was; None: only a person can do that, and the way from the old key to the new one stays until
        this is called again with the new key as the own one. Raises store.sealing.KeyLost, InvalidInput and Conflict.
        """
        status = await self.status()
        seal = self._seal
        if secret is not None and len(secret) < SHORTEST_SECRET:
            raise InvalidInput(f"The new key must have at least {SHORTEST_SECRET} characters.")
        if status.in_progress:
            if secret is not None and seal.add(secret) != status.key_id:
                raise Conflict(
                    f"A rotation to the key {status.key_id} is not finished. Finish it first: run the same command "
                    "with that key, or without one."
                )
        elif secret is None and status.own_key_id != status.key_id:
            await self._change(status.own_key_id)  # the settings name another key than the one in use
        elif secret is None:
            raise InvalidInput("A new key is needed.")
        else:
            await self._change(seal.add(secret))
        sealed_anew, unreadable = await self._seal_anew()
        if install is not None and seal.key_id != status.own_key_id:
            install(seal.secret_of(seal.key_id))
        if install is not None or seal.key_id == seal.first_id:
            async with self._database.write() as connection:
                await sealing.forget_keys(connection)
        return Rotated(await self.status(), sealed_anew, unreadable)

    async def abandon(self) -> tuple[int, int]:
        """Delete what a lost key has sealed, and all API keys; how many of each. Raises Conflict if no key is lost."""
        try:
            status = await self.status()
        except sealing.KeyLost:
            status = None
        if status is not None and not status.unreadable:
            raise Conflict(f"No key is lost: everything opens with the key {status.key_id}.")
        async with self._database.write() as connection:
            values, keys = await sealing.abandon(connection, self._seal)
            await self._note(connection, f"abandoned {values} values and {keys} API keys")
        return values, keys

    async def _change(self, new_id: str) -> None:
        async with self._database.write() as connection:
            await sealing.change_key(connection, self._seal, new_id, utc_text(datetime.now(UTC)))
            await self._note(connection, f"to {new_id}")

    async def _seal_anew(self) -> tuple[int, int]:
        """A few rows a transaction, so that servers do not wait."""
        sealed_anew = unreadable = 0
        for table in sealing.PLACES:
            after = None
            while True:
                async with self._database.write() as connection:
                    batch = await sealing.seal_anew(connection, self._seal, table, self._seal.key_id, after)
                sealed_anew += batch.sealed_anew
                unreadable += batch.unreadable
                after = batch.last
                if after is None:
                    break
        return sealed_anew, unreadable

    @staticmethod
    async def _note(connection: Connection, detail: str) -> None:
        await audit_store.record(connection, AuditEntry(Action.KEY_RING_ROTATED, WHO, detail=detail))
