"""Every call of an AI, on disk when it returns: what it cost, and what it said, so that nothing is paid twice."""

from collections.abc import Mapping

from rootcoz.domain.analysis import KeptReply, ProviderCall
from rootcoz.domain.budget import NO_BUDGETS, NOTHING_SPENT, Budgets, Spending, spent_by
from rootcoz.kit.clock import utc_day
from rootcoz.providers.base import Reply
from rootcoz.store.analyses import note_new_answers
from rootcoz.store.calls import load_ledger, load_replies, save_call
from rootcoz.store.engine import Database
from rootcoz.store.spending import add_spending, spent_on


class Ledger:
    """The calls of one analysis. A call's key names it within the analysis, the same after a restart."""

    def __init__(
        self,
        database: Database,
        analysis_id: int | None,
        kept: Mapping[str, KeptReply],
        *,
        budgets: Budgets = NO_BUDGETS,
        spent: Spending = NOTHING_SPENT,
    ) -> None:
        """`analysis_id`: None for calls that belong to no analysis; `spent`: on the analysis so far."""
        self._database = database
        self._analysis_id = analysis_id
        self._kept = dict(kept)
        self._budgets = budgets
        self._spent = spent

    @classmethod
    async def open(cls, database: Database, analysis_id: int, budgets: Budgets = NO_BUDGETS) -> "Ledger":
        """The ledger with what was paid for before."""
        async with database.read() as connection:
            kept = await load_replies(connection, analysis_id)
            entries = await load_ledger(connection, analysis_id)
        spent = sum((spent_by(entry.call) for entry in entries), NOTHING_SPENT)
        return cls(database, analysis_id, kept, budgets=budgets, spent=spent)

    def reply(self, key: str) -> Reply | None:
        """What the call said when it was made before; None when it was not, or failed."""
        kept = self._kept.get(key)
        return None if kept is None else Reply(text=kept.text, truncated=kept.truncated)

    def has_replies(self, prefix: str = "") -> bool:
        """Whether some call whose key begins so was made before."""
        return any(key.startswith(prefix) for key in self._kept)

    async def reached_budget(self) -> str:
        """A sentence that says which budget is spent; empty while another call may be paid.

        Calls in flight count when they return. Whoever looks here while holding the gates of a call therefore
        overshoots by no more than the calls that are in flight beside it.
        """
        spent_today = NOTHING_SPENT
        if self._budgets.per_day.is_limited:
            async with self._database.read() as connection:
                spent_today = await spent_on(connection, utc_day())
        return self._budgets.reached(analysis=self._spent, day=spent_today)

    async def record(self, key: str, call: ProviderCall, reply: Reply | None) -> None:
        """Keep the call; `reply` is None when it failed, so that it may be made again."""
        kept = None if reply is None else KeptReply(reply.text, reply.truncated)
        spent = spent_by(call)
        async with self._database.write() as connection:
            await save_call(connection, self._analysis_id, key, call, kept)
            await add_spending(connection, utc_day(), spent)
            if kept is not None and self._analysis_id is not None:
                await note_new_answers(connection, self._analysis_id)
        self._spent += spent
        if kept is not None and self._analysis_id is not None:
            self._kept[key] = kept
