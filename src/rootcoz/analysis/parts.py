"""What the pipeline works with, apart from the pipeline: whoever hands it in need not load all that it uses."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from rootcoz.domain.analysis import (
    AnalysisProgress,
    JenkinsOrder,
    ProgressPhase,
    RepositoryOrder,
    StoredAnalysis,
)
from rootcoz.domain.budget import NO_BUDGETS, Budgets
from rootcoz.domain.errors import NoSuchAnalysis
from rootcoz.domain.job_metadata import JobMetadata
from rootcoz.domain.notification import AnalysisNews, Event, ReopenedNews
from rootcoz.domain.review import DecisionReuse
from rootcoz.kit.sealed import Seal
from rootcoz.providers.base import Provider
from rootcoz.store import analyses as analyses_store
from rootcoz.store.engine import Connection, Database

if TYPE_CHECKING:  # a server is up sooner without them
    from rootcoz.analysis.enrich import Desk
    from rootcoz.sources.jenkins.client import JenkinsAccess
    from rootcoz.trackers.base import IssueStates

    Desks = tuple[Mapping[ProgressPhase, Desk], tuple[str, ...]]

Work = Callable[[], Awaitable[None]]
Step = Callable[[str, Work], Awaitable[None]]
"""Runs a named piece of work; the durable engine records that it is done and skips it then."""


class Audience(Protocol):
    """Who watches analyses; nothing here ever waits for them: `features.events.EventHub`."""

    def tell(self, progress: AnalysisProgress) -> None:
        """The analysis got somewhere."""
        ...

    def forget(self, job_id: str) -> None:
        """Nothing more will come from the analysis in this process."""
        ...


class Newsroom(Protocol):
    """Has the outside told, later and in other hands: `features.notifications.Notifications`."""

    def wants(self, event: Event, job_name: str) -> bool:
        """Whether such news of the job may concern anybody."""
        ...

    async def announce(self, connection: Connection, news: AnalysisNews) -> None:
        """The analysis is over, in the transaction that says so; its rows of history are there."""
        ...

    async def announce_reopened(self, connection: Connection, news: ReopenedNews) -> None:
        """A failure came again although its issue is closed. Told once for an analysis and an issue."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the pipeline works with, handed in by `wiring`."""

    database: Database
    provider_named: Callable[[str], Provider]
    server_gate: asyncio.Semaphore
    """Bounds the questions of the whole server."""
    workspaces: Path
    """Folder below which each analysis has its own."""
    scratch: Path
    """Folder for the private folders of programs."""
    public_base_url: str
    """For the link in enriched documents; empty when the server does not know its address."""
    seal: Seal
    """Opens the credentials that came with a request."""
    jenkins_access: "Callable[[JenkinsOrder, Mapping[str, str]], JenkinsAccess]"
    """How to reach the order's server, given the credentials that came with the request."""
    repository_tokens: Callable[[Sequence[RepositoryOrder], Mapping[str, str]], Mapping[str, str]]
    """Tokens by the repository's name, given the credentials that came with the request."""
    desks: "Callable[[StoredAnalysis, Mapping[str, str]], Desks]"
    """The trackers to be searched for an analysis, and sentences about those that cannot be."""
    audience: Audience
    issue_states: "Callable[[StoredAnalysis, Mapping[str, str]], Sequence[IssueStates]]" = (
        lambda _analysis, _secrets: ()
    )
    """Who can say how issues stand, likewise."""
    budgets: Budgets = NO_BUDGETS
    reuse_decisions: DecisionReuse = DecisionReuse.SUGGEST
    metadata_for: Callable[[str], JobMetadata | None] = lambda _job_name: None
    """What the rules say of a job by its name; may read a file."""
    newsroom: Newsroom | None = None
    """None where nobody is told."""

    async def is_final(self, job_id: str) -> bool:
        """Whether nothing more will happen to the analysis: it is over, or gone."""
        async with self.database.read() as connection:
            status = await analyses_store.analysis_status(connection, job_id)
        return status is None or status.is_final


async def take_up(job_id: str, parts: Parts) -> str:
    """Become the one who works on the analysis: the token to work with. What others still write is refused from now on.

    Raises NotFound.
    """
    run = uuid.uuid4().hex
    async with parts.database.write() as connection:
        if not await analyses_store.take(connection, job_id, run):
            raise NoSuchAnalysis(job_id)
    return run
