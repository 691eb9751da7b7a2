"""Credentials for trackers that users have saved. Sealed for their row."""

import structlog
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rootcoz.kit.sealed import Seal, Unreadable
from rootcoz.store import sealing
from rootcoz.store.schema import user_tokens

log = structlog.get_logger()


async def load_tokens(connection: AsyncConnection, account_id: int, seal: Seal) -> dict[str, str]:
    """What the user has saved, by name. What was sealed with another key is left out, and that is logged."""
    rows = await connection.execute(
        select(user_tokens.c.name, user_tokens.c.sealed).where(user_tokens.c.user_id == account_id)
    )
    found = {}
    for name, sealed in rows:
        try:
            found[name] = (
                await sealing.open_(connection, seal, sealed, place=_place(account_id, name))
            ).decode("utf-8")
        except Unreadable as error:
            log.warning("user_token_unreadable", account_id=account_id, name=name, reason=str(error))
    return found


async def save_token(
    connection: AsyncConnection, account_id: int, name: str, value: str, seal: Seal, now: str
) -> None:
    """Keep the value in place of the former one."""
    sealed = await sealing.close(connection, seal, value.encode("utf-8"), place=_place(account_id, name))
    replace = (
        update(user_tokens)
        .where(user_tokens.c.user_id == account_id, user_tokens.c.name == name)
        .values(sealed=sealed, updated_at=now)
    )
    if (await connection.execute(replace)).rowcount:
        return
    try:
        async with connection.begin_nested():
            await connection.execute(
                insert(user_tokens).values(user_id=account_id, name=name, sealed=sealed, updated_at=now)
            )
    except IntegrityError:  # another request was quicker; the later one stays
        await connection.execute(replace)


async def delete_token(connection: AsyncConnection, account_id: int, name: str) -> bool:
    """Forget the value; whether there was one."""
    done = await connection.execute(
        delete(user_tokens).where(user_tokens.c.user_id == account_id, user_tokens.c.name == name)
    )
    return bool(done.rowcount)


def _place(account_id: int, name: str) -> str:
    return sealing.place_of(user_tokens, user_id=account_id, name=name)
