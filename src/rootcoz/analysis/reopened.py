"""The closed loop: failures that come again although the issue they are linked to is closed.

Linked is what was filed for a failure with the same error signature in an earlier analysis, what a person named in a
comment on one, and what a tracker's search held for surely the same problem then. How such an issue stands is asked at
the tracker now; trouble there never fails an analysis and becomes a sentence for the user.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rootcoz.domain.errors import OutsideError
from rootcoz.domain.failure import ErrorSignature, FailureGroup
from rootcoz.domain.issue import IssueState, LinkedBy, LinkedIssue, ReopenedIssue
from rootcoz.store import linked_issues as store
from rootcoz.store.engine import Connection
from rootcoz.trackers.base import IssueStates

SURE_MATCH = 0.7
"""Score from which on an issue that was found is taken for the failure's own."""
MAX_ASKED = 40
"""Issues of one analysis that are asked about, those of the biggest groups first."""
AT_ONCE = 4
TIME_LIMIT_S = 60.0

Links = Mapping[int, Sequence[LinkedIssue]]
"""By group number; those that were filed first, then comments, then matches, each the newest first."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """What was found."""

    issues: dict[int, list[ReopenedIssue]]
    """By group number; groups without any are absent."""
    notes: tuple[str, ...] = ()
    """Sentences for the user about issues whose state is not known."""


async def find_links(
    connection: Connection, groups: Sequence[FailureGroup], states: Sequence[IssueStates], *, but: int
) -> Links:
    """Issues that earlier analyses link to these failures; `but` is the row id of the present one."""
    signatures = {group.signature for group in groups}
    filed = await store.filed_issues(connection, signatures, but=but)
    remarks = await store.comments_on(connection, signatures, but=but)
    matches = await store.earlier_matches(connection, signatures, but=but)
    by_signature: defaultdict[ErrorSignature, dict[str, LinkedIssue]] = defaultdict(dict)
    named: defaultdict[str, dict[str, LinkedIssue]] = defaultdict(dict)
    for link in filed:
        by_signature[link.signature].setdefault(link.url, LinkedIssue(link.url, LinkedBy.FILED, link.job_id))
    for remark in remarks:
        for url in (url for tracker in states for url in tracker.named_in(remark.text)):
            named[remark.signature].setdefault(url, LinkedIssue(url, LinkedBy.COMMENT, remark.job_id))
    found: dict[int, Sequence[LinkedIssue]] = {}
    for match in matches:
        if match.issue.score >= SURE_MATCH:
            by_signature[match.signature].setdefault(
                match.issue.url, LinkedIssue(match.issue.url, LinkedBy.MATCH, match.job_id)
            )
    for group in groups:
        links = {**named[group.signature.value], **by_signature[group.signature]}
        if links:
            order = list(LinkedBy)
            found[group.number] = sorted(links.values(), key=lambda link: order.index(link.linked_by))
    return found


async def find_reopened(
    groups: Sequence[FailureGroup], links: Links, states: Sequence[IssueStates]
) -> Reopened:
    """Those of the linked issues that are closed."""
    asked: dict[str, IssueStates] = {}
    for group in sorted(groups, key=lambda group: (-len(group.members), group.number)):
        for link in links.get(group.number, ()):
            tracker = next((tracker for tracker in states if tracker.knows(link.url)), None)
            if tracker is not None and link.url not in asked:
                asked[link.url] = tracker
    wanted = list(asked.items())[:MAX_ASKED]
    known, troubles = await _ask(wanted)
    notes = [f"{len(asked) - len(wanted)} linked issues were not looked at."] * (len(asked) > len(wanted))
    if missing := len(wanted) - len(known):
        said = " ".join(dict.fromkeys(troubles)) or "It took too long."
        what = "1 linked issue is" if missing == 1 else f"{missing} linked issues are"
        notes.append(f"Whether {what} closed is not known. {said}")
    issues = {
        number: closed
        for number, of_group in links.items()
        if (closed := [_reopened(link, known[link.url]) for link in of_group if _is_closed(link, known)])
    }
    return Reopened(issues, tuple(notes))


async def _ask(wanted: Iterable[tuple[str, IssueStates]]) -> tuple[dict[str, IssueState], list[str]]:
    """How the issues stand, by address, and what went wrong."""
    known: dict[str, IssueState] = {}
    troubles: list[str] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask(url: str, tracker: IssueStates) -> None:
        async with gate:
            try:
                known[url] = await tracker.state(url)
            except OutsideError as error:
                troubles.append(str(error))

    try:
        async with asyncio.timeout(TIME_LIMIT_S), asyncio.TaskGroup() as tasks:
            for url, tracker in wanted:
                tasks.create_task(ask(url, tracker))
    except TimeoutError:
        pass  # What is known by now is used; the rest is told.
    return known, troubles


def _is_closed(link: LinkedIssue, known: Mapping[str, IssueState]) -> bool:
    state = known.get(link.url)
    return state is not None and state.is_closed


def _reopened(link: LinkedIssue, state: IssueState) -> ReopenedIssue:
    found = ReopenedIssue(
        key=state.key,
        url=link.url,
        title=state.title,
        status=state.status,
        linked_by=link.linked_by,
        job_id=link.job_id,
    )
    return replace(found, title="") if link.linked_by is LinkedBy.COMMENT else found
