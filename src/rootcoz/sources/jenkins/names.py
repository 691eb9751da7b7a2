"""Names of jobs and builds, and the paths under which a server has them.

A job's name is its full name as Jenkins writes it: the names of its folders and its own, joined by slashes. A
branch of a multibranch job is called `repo/feature%2Flogin` when the branch has a slash in its name: Jenkins encodes
it once for the name, and the path encodes it again. A configuration of a matrix job is called `job/axis=value`.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from rootcoz.domain.errors import InvalidInput

_BELOW_ITS_JOB = re.compile(r"[^=,]+=[^=,]*(?:,[^=,]+=[^=,]*)*|[^$]+\$[^$]+")
"""A configuration of a matrix job (`axis=value,axis=value`) or a module of a Maven job (`group$artifact`)."""
_NUMBER = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class BuildName:
    """One run of one job."""

    job_name: str
    """Full name; `name_of` and `parse_build_url` make it free of empty parts."""
    number: int

    def __str__(self) -> str:
        return f"{self.job_name} #{self.number}"

    @property
    def path(self) -> str:
        """Where the build is, below the server's address: `job/folder/job/name/12/`."""
        return f"{job_path(self.job_name)}{self.number}/"


def name_of(job_name: str, build_number: int) -> BuildName:
    """The build a caller asks for. Raises InvalidInput for what cannot be the name of one."""
    parts = [part for part in job_name.strip().split("/") if part]
    if not parts:
        raise InvalidInput("The job name is empty; send the full name of a Jenkins job as job_name.")
    if "://" in job_name:
        raise InvalidInput(
            f"{job_name[:200]!r} is an address, not the full name of a Jenkins job, such as folder/job; send the "
            "server as jenkins_url and the build as build_number."
        )
    if any(part in {".", ".."} for part in parts):
        raise InvalidInput(f"{job_name[:200]!r} is no name of a Jenkins job: it has a part '.' or '..'.")
    if build_number < 1:
        raise InvalidInput(f"Jenkins numbers builds from 1; there is no build {build_number}.")
    return BuildName("/".join(parts), build_number)


def job_path(job_name: str) -> str:
    """The path of a job below the server's address, with a slash at its end."""
    *folders, last = job_name.split("/")
    path = "".join(f"job/{_encoded(folder)}/" for folder in folders)
    # These stand directly below their job. A job of such a name in a folder would be read wrongly; nobody calls
    # jobs so.
    if folders and _BELOW_ITS_JOB.fullmatch(last):
        return f"{path}{_encoded(last)}/"
    return f"{path}job/{_encoded(last)}/"


def _encoded(part: str) -> str:
    return quote(part, safe="=,$!'()*")


def parse_build_url(url: str, *, prefix: str = "/") -> BuildName | None:
    """The build that an address of Jenkins points at; None if it points at something else.

    Takes absolute addresses, paths, and paths relative to the server (`job/x/1/`, as MultiJob has them), with or
    without the server's path `prefix`, with views in between, and with further parts behind the number.
    """
    try:
        path = urlsplit(url).path.removeprefix(prefix)
    except ValueError:
        return None
    parts = [part for part in path.split("/") if part]
    # What stands before the first job is a prefix that we do not know, or views.
    start = parts.index("job") if "job" in parts else len(parts)
    return _parse(parts[start:])


def _parse(parts: list[str]) -> BuildName | None:
    names: list[str] = []
    at = 0
    while at + 1 < len(parts) and parts[at] in {"job", "view"}:
        if parts[at] == "job":
            names.append(unquote(parts[at + 1]))
        at += 2
    if names and at < len(parts) and not _NUMBER.fullmatch(parts[at]):
        # A configuration or a module.
        names.append(unquote(parts[at]))
        at += 1
    if not names or at >= len(parts) or not _NUMBER.fullmatch(parts[at]):
        return None
    if any(not name or name in {".", ".."} or "/" in name for name in names):
        return None
    return BuildName("/".join(names), int(parts[at]))
