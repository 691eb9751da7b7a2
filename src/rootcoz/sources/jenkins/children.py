"""Which failed builds a build started, by what the server and the console say. Pure: nothing is asked for here."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rootcoz.sources.jenkins.console import ConsoleLine
from rootcoz.sources.jenkins.names import BuildName, parse_build_url
from rootcoz.sources.jenkins.replies import BuildReply, SubBuildReply

FAILED = frozenset({"FAILURE", "UNSTABLE"})
ABORTED = "ABORTED"
"""Mostly because a sibling failed first: such children are looked at only when nothing else failed."""

_RESULT = r"(?P<result>FAILURE|UNSTABLE|ABORTED)\b"
_CONSOLE_FORMS = tuple(
    re.compile(form)
    for form in (
        # The pipeline's `build` step; behind the name of the parallel branch, and a time, if they are shown.
        rf"(?:^|[\s\]])Build (?P<name>\S.*?) #(?P<number>[0-9]+)(?: \([^)]*\))? completed: {_RESULT}",
        # Parameterized Trigger.
        rf"(?:^|[\]]\s*)(?P<name>\S.*?) #(?P<number>[0-9]+) completed\. Result was {_RESULT}",
        # MultiJob.
        rf"Finished Build : #(?P<number>[0-9]+) of Job : (?P<name>\S.*?) with status : {_RESULT}",
    )
)
_FOLDER_MARK = re.compile(r"\s*»\s*")
_NUMBER_DIGITS = 10
_NAMED = 5
"""Builds that a note names."""


@dataclass(frozen=True, slots=True)
class ChildRef:
    """A build that another one started."""

    build: BuildName
    result: str | None
    """None when it has to be asked for."""
    below: tuple["ChildRef", ...] = ()
    """What the parent says about the child's own children, for want of the child's word."""


@dataclass(frozen=True, slots=True)
class Children:
    """What is known of a build's children that are worth reading, in order."""

    refs: tuple[ChildRef, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences about children that cannot or need not be read."""


def listed_children(reply: BuildReply, parent: BuildName, prefix: str = "/") -> Children:
    """The failed children in the build's own data: matrix runs, MultiJob's sub-builds, triggered builds.

    They are on the parent's server, whatever address it gives them: a server often knows itself by another address
    than the one it is reached at. `prefix` is the path below which it serves.
    """
    # A configuration that this build left out is listed with the run of an older build.
    runs = [run for run in reply.runs if run.number == parent.number]
    named = [
        (parse_build_url(run.url or "", prefix=prefix), run.result)
        for run in (*runs, *reply.triggered_builds)
    ]
    found = [ChildRef(name, result) for name, result in named if name]
    found += _sub_builds(reply.sub_builds, prefix)
    return selected([ref for ref in found if ref.build != parent])


def _sub_builds(subs: Sequence[SubBuildReply], prefix: str) -> Iterator[ChildRef]:
    latest = {sub.job_name: sub.number for sub in sorted(subs, key=lambda sub: sub.number)}
    for sub in subs:
        if sub.retry and latest[sub.job_name] > sub.number:
            continue  # It was started again; the later build counts.
        name = parse_build_url(sub.url or "", prefix=prefix)
        if name is None and sub.job_name and sub.number > 0:
            name = BuildName(_full_name(sub.job_name), sub.number)
        if name is not None:
            below = sub.build.sub_builds if sub.build else ()
            yield ChildRef(name, sub.result, selected(list(_sub_builds(below, prefix))).refs)


def console_children(lines: Iterable[ConsoleLine], parent: BuildName) -> Children:
    """The failed children that the console speaks of."""
    found = []
    for line in lines:
        if "completed" not in line.text and "with status" not in line.text:
            continue
        for form in _CONSOLE_FORMS:
            match = form.search(line.text)
            if match and len(match["number"]) <= _NUMBER_DIGITS:
                name = BuildName(_full_name(match["name"]), int(match["number"]))
                if name != parent:
                    found.append(ChildRef(name, match["result"]))
                break
    return selected(found)


def selected(found: Sequence[ChildRef]) -> Children:
    """Those that failed or may have, each once; the aborted ones only if there are no others."""
    unique = {ref.build: ref for ref in reversed(found)}
    refs = [ref for ref in dict.fromkeys(found) if unique[ref.build] is ref]
    wanted = tuple(ref for ref in refs if ref.result is None or ref.result in FAILED)
    aborted = tuple(ref for ref in refs if ref.result == ABORTED)
    if wanted and aborted:
        return Children(
            wanted, (f"Aborted child builds were left out: {listing(ref.build for ref in aborted)}.",)
        )
    return Children(wanted or aborted)


def listing(builds: Iterable[BuildName]) -> str:
    """Some of the builds by name, and how many more."""
    names = [str(build) for build in builds]
    more = len(names) - _NAMED
    return f"{', '.join(names[:_NAMED])}{f' and {more} more' if more > 0 else ''}"


def _full_name(shown: str) -> str:
    """A full name as the console or a plugin shows it, folders set apart by `»`."""
    return "/".join(part for part in _FOLDER_MARK.sub("/", shown.strip()).split("/") if part)
