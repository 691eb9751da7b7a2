"""Every call of an AI, on disk when it returns: what it cost, and what it said, so that nothing is paid twice."""

from collections.abc import Mapping

from rootcoz.domain.analysis import KeptReply, ProviderCall
from rootcoz.providers.base import Reply
from rootcoz.store.analyses import note_new_answers
from rootcoz.store.calls import load_replies, save_call
from rootcoz.store.engine import Database


class Ledger:
    """The calls of one analysis. A call's key names it within the analysis, the same after a restart."""

    def __init__(self, database: Database, analysis_id: int, kept: Mapping[str, KeptReply]) -> None:
        self._database = database
        self._analysis_id = analysis_id
        self._kept = dict(kept)

    @classmethod
    async def open(cls, database: Database, analysis_id: int) -> "Ledger":
        """The ledger with what was paid for before."""
        async with database.read() as connection:
            return cls(database, analysis_id, await load_replies(connection, analysis_id))

    def reply(self, key: str) -> Reply | None:
        """What the call said when it was made before; None when it was not, or failed."""
        kept = self._kept.get(key)
        return None if kept is None else Reply(text=kept.text, truncated=kept.truncated)

    async def record(self, key: str, call: ProviderCall, reply: Reply | None) -> None:
        """Keep the call; `reply` is None when it failed, so that it may be made again."""
        kept = None if reply is None else KeptReply(reply.text, reply.truncated)
        async with self._database.write() as connection:
            await save_call(connection, self._analysis_id, key, call, kept)
            if kept is not None:
                await note_new_answers(connection, self._analysis_id)
        if kept is not None:
            self._kept[key] = kept
