"""Which failed builds a build started, by what the server and the console say. Pure: nothing is asked for here."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from rootcoz.sources.jenkins.console import ConsoleLine
from rootcoz.sources.jenkins.names import BuildName, parse_build_url
from rootcoz.sources.jenkins.replies import BuildReply

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


@dataclass(frozen=True, slots=True)
class Children:
    """What is known of a build's children that are worth reading, in order."""

    refs: tuple[ChildRef, ...] = ()
    notes: tuple[str, ...] = ()
    """Sentences about children that cannot or need not be read."""


def listed_children(reply: BuildReply, parent: BuildName, server_url: str) -> Children:
    """The failed children in the build's own data: matrix runs, MultiJob's sub-builds, triggered builds.

    `server_url` is where we reach the server; the server may know itself by another address, which its builds' own
    addresses tell.
    """
    homes = {"", _home(server_url), _home(reply.url or "")}
    prefix = f"{urlsplit(server_url).path.rstrip('/')}/"
    mentioned = list(_mentioned(reply, parent))
    found = []
    for mention in mentioned:
        name = parse_build_url(mention.url, prefix=prefix) or mention.name
        if name is not None and name != parent and _home(mention.url) in homes:
            found.append(ChildRef(name, mention.result))
    strangers = sorted({mention.url for mention in mentioned if _home(mention.url) not in homes})
    if not strangers:
        return selected(found, ())
    return selected(found, [_left_out("Child builds on another server", strangers)])


@dataclass(frozen=True, slots=True)
class _Mention:
    url: str
    name: BuildName | None
    """For want of an address."""
    result: str | None


def _mentioned(reply: BuildReply, parent: BuildName) -> Iterator[_Mention]:
    for run in reply.runs:
        # A configuration that this build left out is listed with the run of an older build.
        if run.number == parent.number:
            yield _Mention(run.url or "", None, run.result)
    latest = {sub.job_name: sub.number for sub in sorted(reply.sub_builds, key=lambda sub: sub.number)}
    for sub in reply.sub_builds:
        if sub.retry and latest[sub.job_name] > sub.number:
            continue  # It was started again; the later build counts.
        name = BuildName(_full_name(sub.job_name), sub.number) if sub.job_name and sub.number > 0 else None
        yield _Mention(sub.url or "", name, sub.result)
    for run in reply.triggered_builds:
        yield _Mention(run.url or "", None, run.result)


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
    return selected(found, ())


def selected(found: Sequence[ChildRef], notes: Iterable[str]) -> Children:
    """Those that failed or may have, each once; the aborted ones only if there are no others."""
    unique = {ref.build: ref for ref in reversed(found)}
    refs = [ref for ref in dict.fromkeys(found) if unique[ref.build] is ref]
    wanted = tuple(ref for ref in refs if ref.result is None or ref.result in FAILED)
    aborted = tuple(ref for ref in refs if ref.result == ABORTED)
    if wanted and aborted:
        return Children(
            wanted, (*notes, _left_out("Aborted child builds", [str(ref.build) for ref in aborted]))
        )
    return Children(wanted or aborted, tuple(notes))


def _full_name(shown: str) -> str:
    """A full name as the console or a plugin shows it, folders set apart by `»`."""
    return "/".join(part for part in _FOLDER_MARK.sub("/", shown.strip()).split("/") if part)


def _home(url: str) -> str:
    """The server of an absolute address; empty for a relative one."""
    try:
        return (urlsplit(url).netloc.rpartition("@")[2]).lower()
    except ValueError:
        return ""


def _left_out(what: str, names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return f"{what} were left out: {', '.join(names[:_NAMED])}{f' and {more} more' if more > 0 else ''}."
