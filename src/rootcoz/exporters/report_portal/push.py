"""Pushing what was found into one launch: the plan, and sending it in batches.

Report Portal takes a batch as a whole or not at all. A batch that it refuses is halved until the items that it does not
want stand alone; they are told, the others are in. What is there already is not sent again, so that a push that broke
off goes on where it stopped when it is made once more.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from rootcoz.domain.errors import CredentialRefused, OutsideError, Refused
from rootcoz.domain.finding import Classification
from rootcoz.domain.launch import LaunchRef
from rootcoz.exporters.report_portal.client import (
    BATCH,
    MAX_ITEMS,
    Decision,
    ExternalIssue,
    Item,
    ReportPortalClient,
)
from rootcoz.exporters.report_portal.comment import Remark, block, pushed_classification, with_block
from rootcoz.exporters.report_portal.launch import BuildRef, NoLaunch, find_launch
from rootcoz.exporters.report_portal.names import FailureName, ItemName, Unmatched, match_items

TIME_LIMIT_S = 240.0
"""Seconds after which a push stops; the next one goes on."""
MAX_REFUSALS = 30
"""Refused requests without one that was taken in between, after which the rest is not tried."""
NAME_SHOWN = 300
"""Characters of a name in the report: there may be 30,000."""

DEFECT_GROUPS = {
    Classification.PRODUCT_BUG.value: ("PRODUCT_BUG", "pb001"),
    Classification.CODE_ISSUE.value: ("AUTOMATION_BUG", "ab001"),
    Classification.INFRASTRUCTURE.value: ("SYSTEM_ISSUE", "si001"),
}
"""Report Portal's group of defect types for each classification, and the type that every project has in it."""
_UNDECIDED = "TO_INVESTIGATE"
_GROUP_OF_PREFIX = {
    "pb": "PRODUCT_BUG",
    "ab": "AUTOMATION_BUG",
    "si": "SYSTEM_ISSUE",
    "nd": "NO_DEFECT",
    "ti": _UNDECIDED,
}
"""For defect types that the project's settings do not list."""

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class PortalFinding:
    """What there is to push for a failure; equal for failures that need not be told apart."""

    classification: str
    """Empty when there is no verdict."""
    summary: str = ""
    decided_by: str = ""
    """Who decided it, where a person did: `alice`; `somebody` when nobody was named."""
    issues: tuple[ExternalIssue, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A failure with what was found of it."""

    test_name: str
    finding: PortalFinding


@dataclass(frozen=True, slots=True)
class PushOrder:
    """One push."""

    build: BuildRef
    verdicts: Sequence[Verdict]
    """Of the build's own failures."""
    report_url: str
    below: Sequence[Verdict] = ()
    """Of its child builds' failures: for items that are none of its own. Children may report to its launch or to
    launches of their own."""
    launch: LaunchRef | None = None
    """None: it is looked for."""


@dataclass(slots=True)
class PushReport:
    """What came of it."""

    launch_id: int | None = None
    pushed: int = 0
    """Items that were changed."""
    unchanged: int = 0
    """Items that had it all before."""
    unmatched: list[str] = field(default_factory=list)
    """Items that nothing was pushed for, each with the reason."""
    errors: list[str] = field(default_factory=list)
    """Sentences."""
    missing: list[str] = field(default_factory=list)
    """Names of failures of the analysis that no item of the launch is."""


async def push(client: ReportPortalClient, order: PushOrder) -> PushReport:
    """Bring the launch up to what was found. Report Portal's trouble ends up in the report's errors."""
    report = PushReport()
    if not order.verdicts and not order.below:
        report.errors.append("The build has no failures: there is nothing to push.")
        return report
    run = _Push(client, order, report)
    try:
        async with asyncio.timeout(TIME_LIMIT_S):
            await run.run()
    except (NoLaunch, OutsideError) as error:
        report.errors.append(str(error))
    except TimeoutError:
        report.errors.append(f"The push took longer than {TIME_LIMIT_S:.0f} seconds and was stopped.")
    run.count()
    return report


@dataclass(frozen=True, slots=True)
class _Plan:
    decisions: list[Decision]
    links: list[tuple[Item, tuple[ExternalIssue, ...]]]


class _Push:
    def __init__(self, client: ReportPortalClient, order: PushOrder, report: PushReport) -> None:
        self._client = client
        self._order = order
        self._report = report
        self._plan = _Plan([], [])
        self._changed: set[int] = set()
        self._bad: set[int] = set()
        self._matched: set[int] = set()
        self._refusals = 0

    async def run(self) -> None:
        launch = await find_launch(self._client, self._order.build, self._order.launch)
        self._report.launch_id = launch.id
        items = await self._client.failed_items(launch.id)
        if not items:
            self._report.errors.append(f"The launch {launch} has no failed items.")
            return
        if len(items) == MAX_ITEMS:
            self._report.errors.append(f"Only the first {MAX_ITEMS:,} failed items were looked at.")
        self._plan = await asyncio.to_thread(self._make_plan, items, await self._defect_types())
        for batch in _batches(self._plan.decisions):
            await self._send(batch, self._client.decide, lambda decision: decision.item)
        linked: defaultdict[tuple[ExternalIssue, ...], list[Item]] = defaultdict(list)
        for item, issues in self._plan.links:
            if item.id not in self._bad:
                linked[issues].append(item)
        for issues, of in linked.items():
            for some in _batches(of):
                await self._link(some, issues)

    def count(self) -> None:
        """Add up what was done, also of a push that broke off."""
        planned = {decision.item.id for decision in self._plan.decisions}
        planned |= {item.id for item, _ in self._plan.links}
        self._report.pushed = len(self._changed)
        self._report.unchanged = len(self._matched - planned)
        if left := len(planned - self._changed - self._bad):
            self._report.errors.append(f"{left} items were not updated: push again to go on.")

    # --- the plan --------------------------------------------------------------------------------

    async def _defect_types(self) -> dict[str, tuple[str, ...]]:
        try:
            return await self._client.defect_types()
        except CredentialRefused:
            raise
        except Refused:
            return {}  # Every project has the types that are known without its settings.

    def _make_plan(self, items: Sequence[Item], types: dict[str, tuple[str, ...]]) -> _Plan:
        """May take a second for many items: for a thread."""
        by_id = {item.id: item for item in items}
        found, left = _found(items, self._order.verdicts)
        self._report.missing = list(found.missing)
        if self._order.below:
            unknown = {no.item_id for no in left if no.is_unknown}
            in_children, still_left = _found([by_id[one] for one in sorted(unknown)], self._order.below)
            left = [*(no for no in left if not no.is_unknown), *still_left]
            found.finding_of.update(in_children.finding_of)
            if in_children.finding_of:
                self._report.missing += in_children.missing
        for no in left:
            self._leave(by_id[no.item_id], no.reason)
        plan = _Plan([], [])
        chooser = _DefectTypes(types)
        for item in items:
            if item.id in found.finding_of:
                self._plan_item(plan, item, found.finding_of[item.id], chooser)
        return plan

    def _plan_item(self, plan: _Plan, item: Item, finding: PortalFinding, types: "_DefectTypes") -> None:
        if finding.classification not in DEFECT_GROUPS:
            self._leave(item, "its failure has no verdict")
            return
        defect_type = types.chosen(item, finding)
        if defect_type is None:
            self._leave(
                item,
                f"somebody set the defect type {item.defect_type} in Report Portal, which an analysis does not "
                f"replace by {finding.classification}; override the classification here if it is to be",
            )
            return
        self._matched.add(item.id)
        ours = block(
            Remark(finding.classification, finding.decided_by, finding.summary, self._order.report_url)
        )
        comment = with_block(item.comment, ours)
        if (defect_type, comment) != (item.defect_type, item.comment):
            plan.decisions.append(Decision(item, defect_type, comment))
        new = tuple(issue for issue in finding.issues if (issue.key, issue.url) not in item.linked)
        if new:
            plan.links.append((item, new))

    def _leave(self, item: Item, reason: str) -> None:
        self._report.unmatched.append(f"{_shown(item.name)}: {reason}")

    # --- sending ---------------------------------------------------------------------------------

    async def _link(self, items: Sequence[Item], issues: Sequence[ExternalIssue]) -> None:
        async def link(some: Sequence[Item]) -> None:
            await self._client.link([item.id for item in some], issues)

        await self._send(items, link, lambda item: item)

    async def _send(
        self,
        batch: Sequence[Part],
        send: Callable[[Sequence[Part]], Awaitable[None]],
        item_of: Callable[[Part], Item],
    ) -> None:
        """Send the batch; of one that is refused, halves, down to what is refused alone.

        Raises OutsideError where no other part would be taken either.
        """
        waiting = [batch]
        while waiting:
            part = waiting.pop()
            try:
                await send(part)
            except CredentialRefused:
                raise
            except Refused as error:
                self._refusals += 1
                if len(part) == 1:
                    item = item_of(part[0])
                    self._bad.add(item.id)
                    self._report.errors.append(f"{_shown(item.name)}: {error}")
                else:
                    middle = len(part) // 2
                    waiting += [part[middle:], part[:middle]]
                if self._refusals >= MAX_REFUSALS:
                    raise
            else:
                self._refusals = 0
                self._changed |= {item_of(one).id for one in part}


class _DefectTypes:
    """Which defect type an item gets."""

    def __init__(self, types: dict[str, tuple[str, ...]]) -> None:
        self._types = types
        self._group_of = {locator: group for group, locators in types.items() for locator in locators}

    def chosen(self, item: Item, finding: PortalFinding) -> str | None:
        """The locator; None when a person decided otherwise in Report Portal, whom an analysis does not override.

        A finer type that somebody chose within the same group stays.
        """
        group, usual = DEFECT_GROUPS[finding.classification]
        present = self._group(item.defect_type)
        if present == group:
            return item.defect_type
        before = DEFECT_GROUPS.get(pushed_classification(item.comment), ("", ""))[0]
        is_ours = bool(before) and present == before
        if present not in {"", _UNDECIDED} and not (item.auto_analyzed or is_ours or finding.decided_by):
            return None
        known = self._types.get(group, ())
        return usual if usual in known or not known else known[0]

    def _group(self, locator: str) -> str:
        return self._group_of.get(locator) or _GROUP_OF_PREFIX.get(locator[:2], locator)


@dataclass(frozen=True, slots=True)
class _Found:
    finding_of: dict[int, PortalFinding]
    """By the item's id."""
    missing: Sequence[str]


def _found(items: Sequence[Item], verdicts: Sequence[Verdict]) -> tuple[_Found, Sequence[Unmatched]]:
    """What there is to push for the items, and those that are none of these failures."""
    names = [FailureName(verdict.test_name, verdict.finding) for verdict in verdicts]
    matches = match_items([_name(item) for item in items], names)
    finding_of = {item_id: verdicts[index].finding for item_id, index in matches.failure_of.items()}
    missing = dict.fromkeys(_shown(verdicts[index].test_name) for index in matches.missing)
    return _Found(finding_of, list(missing)), matches.unmatched


def _shown(name: str) -> str:
    return name if len(name) <= NAME_SHOWN else name[: NAME_SHOWN - 1] + "…"


def _name(item: Item) -> ItemName:
    return ItemName(item.id, item.name, item.code_ref, item.path, item.parameters)


def _batches(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    for start in range(0, len(parts), BATCH):
        yield parts[start : start + BATCH]
