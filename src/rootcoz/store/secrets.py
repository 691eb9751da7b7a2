"""Credentials that came with a request and are needed until its work is done, and when it is done again. Sealed."""

from collections.abc import Mapping

import orjson
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.kit.sealed import Seal
from rootcoz.store import sealing
from rootcoz.store.schema import request_secrets


async def save_secrets(
    connection: AsyncConnection, analysis_id: int, secrets: Mapping[str, str], seal: Seal
) -> None:
    """Keep the secrets by name; nothing is written when there are none."""
    if secrets:
        sealed = await sealing.close(connection, seal, orjson.dumps(dict(secrets)), place=_place(analysis_id))
        await connection.execute(insert(request_secrets).values(analysis_id=analysis_id, sealed=sealed))


async def load_secrets(connection: AsyncConnection, analysis_id: int, seal: Seal) -> dict[str, str]:
    """The secrets by name, empty when there are none. Raises kit.sealed.Unreadable."""
    sealed = await connection.scalar(
        select(request_secrets.c.sealed).where(request_secrets.c.analysis_id == analysis_id)
    )
    if sealed is None:
        return {}
    opened: dict[str, str] = orjson.loads(
        await sealing.open_(connection, seal, sealed, place=_place(analysis_id))
    )
    return opened


def _place(analysis_id: int) -> str:
    return sealing.place_of(request_secrets, analysis_id=analysis_id)
