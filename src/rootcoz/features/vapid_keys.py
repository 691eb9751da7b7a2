"""The key pair by which browsers and push services know this server: from the settings, or made once with the data."""

import asyncio
from pathlib import Path

import orjson

from rootcoz.domain.errors import KeysUnavailable
from rootcoz.kit.made_once import made_once
from rootcoz.kit.sealed import Seal, Unreadable
from rootcoz.kit.vapid import VapidKeys, new_vapid_keys, read_vapid_keys
from rootcoz.store.engine import Database
from rootcoz.store.push import shared_key

KEY_FILE = "vapid_keys.json"
_NAME = "vapid"


class VapidKeyring:
    """Has the pair at hand."""

    def __init__(
        self, database: Database, seal: Seal, data_dir: Path, configured: VapidKeys | None = None
    ) -> None:
        self._database = database
        self._seal = seal
        self._file = data_dir / KEY_FILE
        self._keys = configured

    async def keys(self) -> VapidKeys:
        """The pair, made when it is first wanted. Raises KeysUnavailable.

        Processes that share a database share the pair: a browser that subscribed through one is told by any.
        """
        if self._keys is None:
            proposal = _written(new_vapid_keys())
            if self._database.is_shared:
                self._keys = _read(await self._shared(proposal), "in the database")
            else:
                self._keys = _read(await self._from_file(proposal), f"in {self._file}")
        return self._keys

    async def public_key(self) -> str:
        """The half that browsers subscribe with. Raises KeysUnavailable."""
        return (await self.keys()).public

    async def _shared(self, proposal: bytes) -> bytes:
        try:
            async with self._database.write() as connection:
                return await shared_key(connection, _NAME, self._seal, proposal)
        except Unreadable:
            raise KeysUnavailable(
                "The VAPID keys in the database were sealed with another ROOTCOZ_ENCRYPTION_KEY; set that one, or set "
                "VAPID_PUBLIC_KEY and VAPID_PRIVATE_KEY."
            ) from None

    async def _from_file(self, proposal: bytes) -> bytes:
        try:
            return await asyncio.to_thread(made_once, self._file, proposal)
        except OSError as error:
            raise KeysUnavailable(
                f"The VAPID keys in {self._file} cannot be read or made: {error.strerror or type(error).__name__}."
            ) from error


def _written(keys: VapidKeys) -> bytes:
    return orjson.dumps({"public_key": keys.public, "private_key": keys.private})


def _read(raw: bytes, where: str) -> VapidKeys:
    try:
        pair = orjson.loads(raw)
        return read_vapid_keys(str(pair["public_key"]), str(pair["private_key"]))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        raise KeysUnavailable(
            f"The VAPID keys {where} are damaged. Restore them from a backup; without them everybody has to subscribe "
            "again, to keys that are made anew once the damaged ones are removed."
        ) from None
