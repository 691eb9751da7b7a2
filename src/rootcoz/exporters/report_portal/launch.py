"""Which launch of Report Portal is the one of a build.

A launch is taken for a build's when it carries the build's address, in its description or as an attribute, or when it
has the job's name and an attribute with the build's number. Report Portal's own number of a launch counts launches and
not builds, so it proves nothing by itself: it is used only where a person names the launch by it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from rootcoz.domain.errors import CredentialRefused, Refused
from rootcoz.domain.launch import LaunchRef
from rootcoz.exporters.report_portal.client import Launch, ReportPortalClient

SCANNED = 1_500
"""Newest launches of a project that are looked through when no filter finds the build's."""
NAMESAKES = 600
"""Newest launches of the job's name that are looked through."""
_SHOWN = 5
_BUILD_KEYS = frozenset({"build", "buildid", "buildnumber", "jenkinsbuild", "jenkinsbuildnumber"})
"""Keys of attributes that hold a build's number, in small letters and without separators."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class NoLaunch(Exception):
    """There is no launch that is certainly the one; the message is a sentence that says why and what helps."""


@dataclass(frozen=True, slots=True)
class BuildRef:
    """The build whose launch is wanted."""

    url: str
    """Empty for a build that is on no server."""
    job_name: str
    build_number: int


async def find_launch(client: ReportPortalClient, build: BuildRef, named: LaunchRef | None) -> Launch:
    """The launch. Raises NoLaunch, Unavailable and Refused."""
    if named is not None:
        return _only(await _named(client, named), f"is named so in the project {client.project!r}")
    if not build.url:
        raise NoLaunch(
            "The analysis is not of a Jenkins build, so there is no address to look for: name the launch with "
            "launch_uuid, or with launch_name and launch_number."
        )
    pattern = address_pattern(build.url)
    for candidates in (
        await _described(client, build.url),
        await _called_like(client, build),
        await client.launches({}, most=SCANNED),
    ):
        if carrying := [launch for launch in candidates if _carries(launch, pattern)]:
            return _only(carrying, f"carries the address {build.url}")
        if numbered := [launch for launch in candidates if _is_numbered(launch, build)]:
            return _only(
                numbered, f"is called {build.job_name!r} and has the build number {build.build_number}"
            )
    return _only([], f"carries the address {build.url}")


async def _named(client: ReportPortalClient, named: LaunchRef) -> list[Launch]:
    if named.uuid:
        found = await client.launches({"filter.eq.uuid": named.uuid}, most=NAMESAKES)
        return [launch for launch in found if launch.uuid.casefold() == named.uuid.casefold()]
    filters = {"filter.eq.name": named.name, "filter.eq.number": str(named.number)}
    found = await client.launches(filters, most=NAMESAKES)
    return [launch for launch in found if (launch.name, launch.number) == (named.name, named.number)]


async def _described(client: ReportPortalClient, url: str) -> list[Launch]:
    wanted = url.partition("://")[2].rstrip("/")
    try:
        return await client.launches({"filter.cnt.description": wanted}, most=NAMESAKES)
    except CredentialRefused:
        raise
    except Refused:
        return []  # A version that does not know the filter; the launches are looked through instead.


async def _called_like(client: ReportPortalClient, build: BuildRef) -> list[Launch]:
    found: list[Launch] = []
    for name in _names(build.job_name):
        found += await client.launches({"filter.eq.name": name}, most=NAMESAKES)
    return found


def _names(job_name: str) -> dict[str, None]:
    """What a launch of the job may be called: its full name, or the part behind its folders."""
    return dict.fromkeys(name for name in (job_name, job_name.rpartition("/")[2]) if name)


def _only(found: Sequence[Launch], what: str) -> Launch:
    if not found:
        raise NoLaunch(
            f"No launch {what}. Have the agent put the build's address into the launch's description or an "
            "attribute, or name the launch with launch_uuid, or with launch_name and launch_number."
        )
    unique = {launch.id: launch for launch in found}
    if len(unique) > 1:
        shown = ", ".join(f"{launch} ({launch.uuid})" for launch in list(unique.values())[:_SHOWN])
        raise NoLaunch(
            f"{len(unique)} launches fit, since more than one {what}: {shown}. Name the right one with launch_uuid."
        )
    return found[0]


# --- what a launch tells of its build ------------------------------------------------------------


def address_pattern(url: str) -> re.Pattern[str]:
    """Finds the address of a build in a text that has gone through `unquote`.

    It may go on behind the build (`…/12/console`); `…/12` is not found in `…/123`. Scheme, upper and lower case of the
    host, and a port that goes without saying make no difference.
    """
    parts = urlsplit(url)
    default = _DEFAULT_PORTS.get(parts.scheme)
    port = parts.port or default
    shown_port = rf"(?::{port})?" if port == default else f":{port}"
    host = re.escape(parts.hostname or "")
    path = re.escape(unquote(parts.path).rstrip("/"))
    return re.compile(rf"//(?:[^/\s@]*@)?(?i:{host}){shown_port}{path}(?!\d)")


def _carries(launch: Launch, pattern: re.Pattern[str]) -> bool:
    texts = (launch.description, *(value for _, value in launch.attributes))
    return any(pattern.search(unquote(text)) for text in texts)


def _is_numbered(launch: Launch, build: BuildRef) -> bool:
    if launch.name not in _names(build.job_name):
        return False
    numbers = {value.strip().lstrip("#") for key, value in launch.attributes if _plain(key) in _BUILD_KEYS}
    return str(build.build_number) in numbers


def _plain(key: str) -> str:
    return re.sub(r"[\W_]", "", key).casefold()
