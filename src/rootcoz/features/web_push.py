"""Web Push: which browsers want to be told, and what they are told."""

from collections.abc import Awaitable, Callable

from rootcoz.domain.errors import NotFound
from rootcoz.domain.mention import TEXT_LIMIT, SpokenTo
from rootcoz.domain.notification import PUSH, Announcement, Event
from rootcoz.kit.clock import utc_now
from rootcoz.store import push
from rootcoz.store.deliveries import NewDelivery, add_delivery
from rootcoz.store.engine import Connection, Database


class WebPush:
    """The subscriptions, and what is sent to them."""

    def __init__(
        self,
        database: Database,
        public_key: Callable[[], Awaitable[str]] | None,
        check_endpoint: Callable[[str], Awaitable[None]],
        public_base_url: str,
    ) -> None:
        """`public_key` is None where Web Push is switched off; `check_endpoint` raises InvalidInput."""
        self._database = database
        self._public_key = public_key
        self._check_endpoint = check_endpoint
        self._base_url = public_base_url

    async def public_key(self) -> str:
        """The key that browsers subscribe with. Raises NotFound where there is no Web Push, and KeysUnavailable."""
        if self._public_key is None:
            raise NotFound("Web Push is switched off on this server (ENABLE_WEB_PUSH).")
        return await self._public_key()

    async def subscribe(self, username: str, *, endpoint: str, p256dh_key: str, auth_key: str) -> None:
        """Have the browser told what concerns the user. Raises as `public_key`, and InvalidInput."""
        await self.public_key()
        await self._check_endpoint(endpoint)
        async with self._database.write() as connection:
            await push.add_subscription(
                connection,
                username,
                endpoint=endpoint,
                p256dh_key=p256dh_key,
                auth_key=auth_key,
                now=utc_now(),
            )

    async def unsubscribe(self, username: str, endpoint: str) -> None:
        """Tell the browser nothing more. Raises as `public_key`, and NotFound for one that is not this user's."""
        await self.public_key()
        async with self._database.write() as connection:
            if not await push.remove_subscription(connection, username, endpoint):
                raise NotFound("You have no subscription with this endpoint.")

    async def announce_mention(self, connection: Connection, spoken: SpokenTo) -> None:
        """Have those told that the comment speaks to, in the transaction of the comment."""
        if self._public_key is None:
            return
        subscriptions = await push.subscriptions_of(connection, spoken.names)
        if not subscriptions:
            return
        announcement = self._mention(spoken)
        for subscription in subscriptions:
            new = NewDelivery(
                PUSH,
                announcement,
                once=(spoken.comment_id, subscription.id),
                analysis_id=spoken.analysis_id,
                subscription_id=subscription.id,
                comment_id=spoken.comment_id,
            )
            await add_delivery(connection, new, utc_now())

    def _mention(self, spoken: SpokenTo) -> Announcement:
        from rootcoz.evidence.secrets import redact  # noqa: PLC0415 - a server starts without it

        text = " ".join(redact(spoken.comment).text.split())
        return Announcement(
            event=Event.MENTION,
            title=f"{spoken.author} mentioned you",
            text=text if len(text) <= TEXT_LIMIT else f"{text[: TEXT_LIMIT - 1]}…",
            link=f"{self._base_url}/results/{spoken.job_id}",
            job_id=spoken.job_id,
        )
