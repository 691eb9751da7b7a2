"""What speaks to a person, and what of it they have read."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from rootcoz.domain.errors import NotSignedIn
from rootcoz.domain.mention import Mention
from rootcoz.kit.clock import utc_now
from rootcoz.store import accounts, mentions
from rootcoz.store.engine import Database


@dataclass(frozen=True, slots=True)
class MentionPage:
    """Some of the mentions of one person."""

    mentions: Sequence[Mention]
    """The newest first."""
    total: int
    """How many there are of the kind that was asked for."""
    unread: int


class Mentions:
    """The mentions of everybody, each for the person spoken to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def check_name(self, username: str, *, proven: bool) -> None:
        """Raise NotSignedIn for who goes by a name without proof although its owner has a key to prove it."""
        if proven:
            return
        async with self._database.read() as connection:
            if await accounts.holds_key(connection, username):
                raise NotSignedIn(
                    "This name has a key: sign in, or send it as 'Authorization: Bearer <key>'."
                )

    async def page(self, username: str, *, offset: int, limit: int, unread_only: bool) -> MentionPage:
        """A page of the person's mentions."""
        async with self._database.read() as connection:
            unread = await mentions.count_mentions(connection, username, unread_only=True)
            every = unread
            if not unread_only:
                every = await mentions.count_mentions(connection, username, unread_only=False)
            shown = await mentions.list_mentions(
                connection, username, offset=offset, limit=limit, unread_only=unread_only
            )
        return MentionPage(shown, every, unread)

    async def unread(self, username: str) -> int:
        """How many the person has not read."""
        async with self._database.read() as connection:
            return await mentions.count_mentions(connection, username, unread_only=True)

    async def mark_read(self, username: str, comment_ids: Collection[int]) -> None:
        """Mark these as read. Ids of comments that do not speak to the person do no harm."""
        async with self._database.write() as connection:
            await mentions.mark_read(connection, username, utc_now(), comment_ids)

    async def mark_all_read(self, username: str) -> int:
        """Mark all as read; how many were not."""
        async with self._database.write() as connection:
            return await mentions.mark_read(connection, username, utc_now())
