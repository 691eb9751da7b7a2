"""From the name of a build to everything that failed in it and below it.

The tree is read level by level: all builds of a level at once, and what each of them says about its children decides
the next level. So the same builds always give the same tree, each build is read once, and loops end.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rootcoz.domain.errors import OutsideError
from rootcoz.domain.failure import STACK_LIMIT, Build, ChildBuild, Failure
from rootcoz.evidence.excerpt import MAX_LINES
from rootcoz.kit.head_tail import shortened
from rootcoz.sources.jenkins.children import (
    ABORTED,
    FAILED,
    ChildRef,
    Children,
    console_children,
    listed_children,
    listing,
)
from rootcoz.sources.jenkins.client import JenkinsClient
from rootcoz.sources.jenkins.console import ChooseLines, Console, ConsoleLine, excerpt_of, telling_lines
from rootcoz.sources.jenkins.names import BuildName, name_of, parse_build_url
from rootcoz.sources.jenkins.replies import BuildReply
from rootcoz.sources.jenkins.test_report import Report

SUCCESS = "SUCCESS"

KeepConsole = Callable[[BuildName, Console], Awaitable[None]]
"""Gets each console that was read, before it is let go of."""


@dataclass(frozen=True, slots=True)
class ReadLimits:
    """How much of a tree of builds is read."""

    depth: int = 3
    """Levels of children; builds below are named and not read."""
    builds: int = 200
    """Child builds that are read in all."""
    parallel: int = 4
    """Builds that are read at once; each may hold some megabytes of console for that time."""
    excerpt_lines: int = MAX_LINES
    """Lines of a console that are kept with a build."""


@dataclass(frozen=True, slots=True)
class JenkinsBuild:
    """A build as it was read, with the failed builds below it."""

    job_name: str
    build_number: int
    url: str
    result: str
    """`FAILURE`, `UNSTABLE`, `ABORTED`, `NOT_BUILT`, `SUCCESS`; empty while it runs, and when it could not be read."""
    failures: tuple[Failure, ...] = ()
    """Its own. Empty when it passed, and when only builds below it failed."""
    console: tuple[ConsoleLine, ...] = ()
    """The lines that say most about why it failed."""
    children: tuple["JenkinsBuild", ...] = ()
    artifacts: tuple[str, ...] = ()
    """Paths of the files it keeps, relative to its artifact folder."""
    notes: tuple[str, ...] = ()
    """Sentences about what was left out or could not be read."""
    passed: bool = False
    """It ended with SUCCESS, and nothing more was read because nobody insisted."""

    def as_build(self) -> Build:
        """In the words of the domain."""
        return Build(
            failures=self.failures,
            job_name=self.job_name,
            build_number=self.build_number,
            notes=self.notes,
            children=tuple(child.as_child() for child in self.children),
        )

    def as_child(self) -> ChildBuild:
        """As part of another build."""
        return ChildBuild(
            job_name=self.job_name,
            build_number=self.build_number,
            url=self.url,
            result=self.result,
            failures=self.failures,
            children=tuple(child.as_child() for child in self.children),
            note=" ".join(self.notes),
        )


async def read_build(
    client: JenkinsClient,
    job_name: str,
    build_number: int,
    limits: ReadLimits | None = None,
    *,
    force: bool = False,
    choose: ChooseLines = telling_lines,
    keep_console: KeepConsole | None = None,
) -> JenkinsBuild:
    """Read the build and the failed ones below it. `force` reads one that passed as well.

    Raises InvalidInput for an impossible name, and Unavailable or Refused when the build itself cannot be read.
    Trouble with anything below it becomes a note.
    """
    reader = _TreeReader(client, limits or ReadLimits(), choose, keep_console)
    return await reader.read(name_of(job_name, build_number), force=force)


@dataclass(slots=True, eq=False)
class _Node:
    """A build while its tree is being read."""

    name: BuildName
    result: str = ""
    duration_s: float = 0.0
    report: Report | None = None
    excerpt: tuple[ConsoleLine, ...] = ()
    artifacts: tuple[str, ...] = ()
    refs: tuple[ChildRef, ...] = ()
    """The children to be read next."""
    notes: list[str] = field(default_factory=list)
    children: list["_Node"] = field(default_factory=list)
    is_read: bool = False
    is_unreadable: bool = False
    is_running: bool = False


class _TreeReader:
    def __init__(
        self, client: JenkinsClient, limits: ReadLimits, choose: ChooseLines, keep_console: KeepConsole | None
    ) -> None:
        self._client = client
        self._limits = limits
        self._choose = choose
        self._keep_console = keep_console
        self._gate = asyncio.Semaphore(limits.parallel)
        self._seen: set[BuildName] = set()
        self._read: set[BuildName] = set()

    async def read(self, name: BuildName, *, force: bool) -> JenkinsBuild:
        reply = await self._client.build(name)
        root = _Node(name)
        self._seen.add(name)
        if reply.result == SUCCESS and not reply.is_running and not force:
            return JenkinsBuild(
                name.job_name,
                name.number,
                self._client.url_of(name),
                SUCCESS,
                artifacts=_artifacts(reply),
                passed=True,
            )
        await self._fill(root, reply, must_have_something=True)
        level = [root]
        for _ in range(self._limits.depth):
            level = await self._read_level(level)
        for node in level:
            self._name_too_deep(node)
        return self._finished(root)

    # --- one level --------------------------------------------------------------------------------

    async def _read_level(self, parents: Sequence[_Node]) -> list[_Node]:
        """Read the children of all parents; those that were read and failed."""
        new = [(parent, node) for parent in parents for node in self._claimed(parent)]
        async with asyncio.TaskGroup() as group:
            for _, node in new:
                group.create_task(self._read_child(node))
        for parent, node in new:
            self._adopt(parent, node)
        return [node for _, node in new if node.is_read or node.is_unreadable]

    def _claimed(self, parent: _Node) -> list[_Node]:
        """The parent's children that nobody has read yet. The others are named with a note."""
        claimed = []
        skipped = 0
        for ref in parent.refs:
            if ref.build in self._seen:
                note = "It stands elsewhere in this analysis too and is shown there only."
                if ref.result is not None:
                    parent.children.append(_Node(ref.build, result=ref.result, notes=[note]))
            elif len(self._seen) > self._limits.builds:
                skipped += 1
            else:
                self._seen.add(ref.build)
                # What the parent knows of the grandchildren counts until the child has told.
                claimed.append(_Node(ref.build, result=ref.result or "", refs=ref.below))
        if skipped:
            parent.notes.append(
                f"{skipped} child builds were not read: one analysis reads {self._limits.builds} at most."
            )
        return claimed

    async def _read_child(self, node: _Node) -> None:
        async with self._gate:
            try:
                reply = await self._client.build(node.name)
                node.is_running = reply.is_running
                node.result = reply.result or ""
                if reply.is_running or reply.result in FAILED or reply.result == ABORTED:
                    await self._fill(node, reply)
            except OutsideError as error:
                node.is_unreadable = True
                node.notes.append(str(error))

    def _adopt(self, parent: _Node, node: _Node) -> None:
        """Put the child into its place, unless it turned out that it did not fail."""
        if node.is_unreadable or node.is_read:
            parent.children.append(node)

    def _name_too_deep(self, node: _Node) -> None:
        note = f"It lies more than {self._limits.depth} levels below the build and was not analysed."
        node.children += [
            _Node(ref.build, result=ref.result, notes=[note])
            for ref in node.refs
            if ref.result is not None and ref.build not in self._seen
        ]

    # --- one build ----------------------------------------------------------------------------------

    async def _fill(self, node: _Node, reply: BuildReply, *, must_have_something: bool = False) -> None:
        """Read the build's report and console, and what it says about its children.

        With `must_have_something` the error of the console is raised when there is no report either.
        """
        node.result = reply.result or ""
        node.duration_s = (reply.duration or 0.0) / 1000
        node.artifacts = _artifacts(reply)
        if reply.is_running:
            node.notes.append("The build was still running; this is what it had until then.")
        report, console = await asyncio.gather(
            self._client.test_report(node.name),
            self._client.console(node.name, follow=not reply.is_running),
            return_exceptions=True,
        )
        node.report = _report_or_note(report, node)
        children = listed_children(reply, node.name, self._client.prefix)
        if isinstance(console, Console):
            children = await self._use_console(node, console, children)
        elif isinstance(console, OutsideError) and not (must_have_something and node.report is None):
            node.notes.append(f"The console could not be read: {console}")
        else:
            raise console
        node.refs = children.refs
        node.notes += children.notes
        node.is_read = True
        self._read.add(node.name)

    async def _use_console(self, node: _Node, console: Console, children: Children) -> Children:
        if console.note:
            node.notes.append(console.note)
        if self._keep_console:
            await self._keep_console(node.name, console)
        node.excerpt = await asyncio.to_thread(excerpt_of, console, self._limits.excerpt_lines, self._choose)
        if children.refs:
            return children
        spoken = await asyncio.to_thread(console_children, console.lines, node.name)
        return Children(spoken.refs, (*children.notes, *spoken.notes))

    # --- the finished tree ------------------------------------------------------------------------------

    def _finished(self, node: _Node) -> JenkinsBuild:
        own: list[Failure] = list(node.report.failures) if node.report else []
        reported: dict[BuildName, tuple[Failure, ...]] = {}
        lost = {child.name for child in node.children if child.is_unreadable}
        for part in node.report.children if node.report else ():
            build = parse_build_url(part.url, prefix=self._client.prefix)
            if build in lost:
                reported[build] = (*reported.get(build, ()), *part.failures)
            elif build not in self._read:  # Those that were read have the same failures themselves.
                own += part.failures
        self._drop_unknown(node, reported)
        children = tuple(self._finished_child(child, reported.get(child.name, ())) for child in node.children)
        if not own and node.is_read and all(child.is_unreadable for child in node.children):
            # Nothing else says why it failed, not even a child that could be read.
            own = [] if any(_has_failures(child) for child in children) else [_console_failure(node)]
        return JenkinsBuild(
            job_name=node.name.job_name,
            build_number=node.name.number,
            url=self._client.url_of(node.name),
            result=node.result,
            failures=tuple(own),
            console=node.excerpt,
            children=children,
            artifacts=node.artifacts,
            notes=tuple(node.notes),
        )

    def _drop_unknown(self, node: _Node, reported: Mapping[BuildName, tuple[Failure, ...]]) -> None:
        """Instead of children that cannot be read and of which nothing says that they failed: a note."""
        unknown = [
            child
            for child in node.children
            if child.is_unreadable and not child.result and not child.children and child.name not in reported
        ]
        if unknown:
            node.children = [child for child in node.children if child not in unknown]
            names = listing(child.name for child in unknown)
            node.notes.append(
                f"Child builds that may have failed could not be read: {names}. {unknown[0].notes[0]}"
            )

    def _finished_child(self, node: _Node, reported: tuple[Failure, ...]) -> JenkinsBuild:
        """The child; one that could not be read has what its parent's report says about it."""
        if node.is_unreadable and reported:
            node.report = Report(failures=reported)
            node.notes.append("Its failures are those that its parent reports.")
        return self._finished(node)


def _report_or_note(report: Report | BaseException | None, node: _Node) -> Report | None:
    if isinstance(report, OutsideError):
        node.notes.append(f"The test report could not be read: {report}")
        return None
    if isinstance(report, BaseException):
        raise report
    if report is not None and report.left_out:
        node.notes.append(f"{report.left_out:,} failing tests more than one report may have were left out.")
    return report


def _has_failures(build: JenkinsBuild) -> bool:
    return bool(build.failures) or any(map(_has_failures, build.children))


def _artifacts(reply: BuildReply) -> tuple[str, ...]:
    return tuple(artifact.relative_path for artifact in reply.artifacts)


def _console_failure(node: _Node) -> Failure:
    """The failure of a build without failing tests. The message names no job, so that equal consoles are one group."""
    ended = f"ended with {node.result}" if node.result else "was still running"
    tests = "no test of its report failed" if node.report else "it has no test report"
    console = "its console says why" if node.excerpt else "its console is empty or could not be read"
    return Failure(
        test_name=f"{node.name.job_name}#{node.name.number}",
        error_message=f"The build {ended}, and {tests}; {console}.",
        stack_trace=shortened(_joined(node.excerpt), STACK_LIMIT),
        duration=node.duration_s,
        status=node.result or "FAILED",
    )


def _joined(lines: Sequence[ConsoleLine]) -> str:
    """The lines, with a mark where some between them are missing."""
    pieces = []
    expected = lines[0].number if lines else 0
    for line in lines:
        if line.number != expected:
            pieces.append("[…]")
        pieces.append(line.text)
        expected = line.number + 1
    return "\n".join(pieces)
