"""Cloning a repository into a workspace: shallow, one branch, tag or commit, within limits of time and size."""

import asyncio
import re
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from rootcoz.domain.errors import InvalidInput, OutsideError, Refused
from rootcoz.kit.tree_removal import remove_tree
from rootcoz.workspace.addresses import RepositorySpec, checked_ref, origin_of, parse_repository_url
from rootcoz.workspace.folder import Size, measure
from rootcoz.workspace.git import (
    GitRun,
    failure,
    git_for,
    is_redirected,
    no_repository,
    ref_is_missing,
)

MAX_FILES = 500_000
"""Files a clone may have, git's own included."""

_FULL_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_HASH = re.compile(r"[0-9a-f]{7,63}")
_LISTED_SIZE = re.compile(rb"(?m)^\d+ \w+ [0-9a-f]+ +(\d+|-)\t")
_LISTED_BYTES = 200
"""Bytes of git's listing that one file may take on average; the mean in large repositories is 120."""
_LISTING_LIMIT = 60_000_000
"""Bytes of git's listing that are ever held in memory."""
_LOCATION = re.compile(rb"(?im)<= Recv header: location:[ \t]*(\S+)[ \t\r]*$")
_SERVICE = "/info/refs?service=git-upload-pack"
_WATCH_INTERVAL_S = 0.5
"""Seconds between two looks at a growing clone, at least."""
_WATCH_SHARE = 0.1
"""Share of the time that looking may take; a clone with many files is looked at less often."""


@dataclass(frozen=True, slots=True)
class ClonedRepository:
    """A clone on disk. Its `.git` has no hooks, and a remote without credentials."""

    name: str
    folder: Path
    url: str
    """Where it came from: the given URL, or where the same server said the repository has moved."""
    commit: str
    """Full hash."""
    ref: str | None
    """Branch or tag; None for a bare commit."""
    size: Size
    notes: tuple[str, ...] = ()
    """Sentences on what the user should know."""


async def clone(
    spec: RepositorySpec,
    target_folder: Path,
    *,
    depth: int,
    timeout_s: float,
    max_bytes: int,
    max_files: int = MAX_FILES,
    environment: Mapping[str, str] | None = None,
    scratch: Path | None = None,
) -> ClonedRepository:
    """Clone into `target_folder`, which must be missing or empty; its parents are made.

    The last `depth` commits are fetched, of one branch or tag, or up to one commit. An abbreviated commit, and a
    commit that the server does not give out by itself, cost the whole history. `timeout_s` is for everything.
    No submodules, no large files of LFS; links become small text files with their target. `environment` is
    where PATH, proxies and SSL_CERT_FILE are read (default: this process's), `scratch` is the folder for git's
    private HOME (default: the system's).

    Raises InvalidInput for a URL or ref that `addresses` would not let pass, Unavailable (no answer, no git, no
    time) and Refused (no access, no such repository or ref, an untrusted certificate, a web page instead of a
    repository, over `max_bytes` or `max_files`), and OSError when the target cannot be made or removed. After any
    error, and after a cancellation, the target is gone.
    """
    _check(spec)
    target = _Target(target_folder, max_bytes, max_files)
    await asyncio.to_thread(target.make)
    done = False
    try:
        with git_for(spec, timeout_s=timeout_s, variables=environment, scratch=scratch) as git:
            cloned = await _clone(git, target, depth)
        done = True
        return cloned
    finally:
        if not done:
            await asyncio.to_thread(remove_tree, target_folder)


def _check(spec: RepositorySpec) -> None:
    """Refuse a hand-made specification that could smuggle an option or a credential to git."""
    parsed = parse_repository_url(spec.url)
    if parsed.token or parsed.username or parsed.ref or parsed.url != spec.url:
        raise InvalidInput(f"The URL of repository {spec.name} must hold neither credentials nor a ref.")
    if spec.ref is not None:
        checked_ref(spec.ref)


@dataclass(frozen=True, slots=True)
class _Target:
    folder: Path
    max_bytes: int
    max_files: int

    def make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(self.folder.iterdir()):
            raise InvalidInput(f"The folder for the clone, {self.folder.name}, is not empty.")

    def size(self) -> Size:
        return measure(self.folder, max_bytes=self.max_bytes, max_files=self.max_files)

    def is_too_big(self, total_bytes: int, files: int) -> bool:
        return total_bytes > self.max_bytes or files > self.max_files

    def refusal(self, spec: RepositorySpec) -> Refused:
        return Refused(
            f"Repository {spec.name} from {spec.url} is larger than the limit of {self.max_bytes / 1e6:,.0f} MB and "
            f"{self.max_files:,} files for a clone.",
            source=f"repository {spec.name}",
        )

    async def outgrown(self) -> None:
        """Return once the folder is over its limits."""
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            size = await asyncio.to_thread(self.size)
            if self.is_too_big(size.total_bytes, size.files):
                return
            await asyncio.sleep(max(_WATCH_INTERVAL_S, (loop.time() - began) / _WATCH_SHARE))


async def _clone(git: GitRun, target: _Target, depth: int) -> ClonedRepository:
    given = git.spec
    git = await _within_size(_fetch_and_check_out(git, target, depth), given, target)
    found = await git.run("rev-parse", "HEAD", "--symbolic-full-name", "HEAD", cwd=target.folder)
    if found.exit_code != 0:
        raise failure(git.spec, found.stderr)
    commit, _, branch = found.stdout.decode(errors="replace").strip().partition("\n")
    size = await asyncio.to_thread(target.size)
    if target.is_too_big(size.total_bytes, size.files):
        raise target.refusal(given)
    await asyncio.to_thread(remove_tree, target.folder / ".git" / "hooks")
    return ClonedRepository(
        name=given.name,
        folder=target.folder,
        url=git.spec.url,
        commit=commit,
        ref=_ref(given.ref, branch, commit),
        size=size,
        notes=tuple(_notes(given, git.spec)),
    )


def _ref(wanted: str | None, branch: str, commit: str) -> str | None:
    """What is checked out, by name: git knows a branch; a tag leaves it without one, as a commit does."""
    if branch.startswith("refs/heads/"):
        return branch.removeprefix("refs/heads/")
    if wanted is None or commit.startswith(wanted.lower()):
        return None
    return wanted.removeprefix("refs/tags/")


def _notes(given: RepositorySpec, used: RepositorySpec) -> Iterator[str]:
    if given.token and given.url.startswith("http:"):
        yield (
            f"The token for repository {given.name} was sent without encryption, since its URL begins with "
            "http:// and not with https://."
        )
    if used.url != given.url:
        yield f"Repository {given.name} has moved to {used.url}; use that URL."


# --- size ----------------------------------------------------------------------------------------


async def _within_size(work: Coroutine[Any, Any, GitRun], spec: RepositorySpec, target: _Target) -> GitRun:
    """Do the work; end it, and raise Refused, when the target grows over its limits meanwhile."""
    working = asyncio.ensure_future(work)
    watching = asyncio.ensure_future(target.outgrown())
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        watching.result()
        raise target.refusal(spec)
    finally:
        for task in (working, watching):
            task.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


async def _check_content(git: GitRun, target: _Target, commit: str) -> None:
    """Raise Refused when the commit's files would pass the limits, or when there is no commit.

    Before the checkout, since git holds the whole list of files in memory for it: a tree of ten small objects
    that hold each other can name 10^10 files.
    """
    listing_limit = min(target.max_files * _LISTED_BYTES, _LISTING_LIMIT)
    listed = await git.run(
        "ls-tree", "-r", "--long", "--full-tree", commit, cwd=target.folder, max_output_bytes=listing_limit
    )
    if listed.stdout_truncated:
        raise target.refusal(git.spec)
    if listed.exit_code != 0:
        raise no_repository(git.spec)
    sizes = _LISTED_SIZE.findall(listed.stdout)
    if target.is_too_big(sum(int(size) for size in sizes if size != b"-"), len(sizes)):
        raise target.refusal(git.spec)


# --- fetching ------------------------------------------------------------------------------------


async def _fetch_and_check_out(git: GitRun, target: _Target, depth: int) -> GitRun:
    """The git for the URL that worked."""
    fetched = await _fetch(git, target.folder, depth)
    if isinstance(fetched, bytes) and is_redirected(fetched):
        git = git.at(await _new_url(git, target.folder))
        fetched = await _fetch(git, target.folder, depth)
    if isinstance(fetched, bytes):
        raise await _why(git, target.folder, fetched)
    await _check_content(git, target, fetched)
    branch = () if fetched == "HEAD" else ("--detach",)
    complaint = await _try(git, target.folder, ("checkout", "--quiet", "--force", *branch, fetched))
    if complaint is not None:
        raise failure(git.spec, complaint)
    return git


async def _fetch(git: GitRun, folder: Path, depth: int) -> str | bytes:
    """What to check out: HEAD (of a branch or tag), FETCH_HEAD or a hash; as bytes, what git complained about.

    A word like `20240115` may be a tag or the beginning of a commit: names come first, as in git itself.
    """
    ref = _short_name(git.spec.ref)
    if ref is not None and _FULL_HASH.fullmatch(ref.lower()):
        return await _fetch_commit(git, folder, ref.lower(), depth)
    if ref is not None and ref.startswith("refs/"):
        return await _try(git, folder, *_begin(git), _fetching(ref, depth)) or "FETCH_HEAD"
    options = ("--quiet", "--no-checkout", "--single-branch", "--no-tags", "--template=", f"--depth={depth}")
    branch = (f"--branch={ref}",) if ref else ()
    complaint = await _try(git, folder, ("clone", *options, *branch, "--", git.spec.url, "."))
    if complaint and ref and ref_is_missing(complaint) and _SHORT_HASH.fullmatch(ref.lower()):
        return await _try(git, folder, *_begin(git)) or await _fetch_history(git, folder, ref.lower())
    return complaint or "HEAD"


async def _fetch_commit(git: GitRun, folder: Path, commit: str, depth: int) -> str | bytes:
    complaint = await _try(git, folder, *_begin(git), _fetching(commit, depth))
    if complaint and ref_is_missing(complaint):
        return await _fetch_history(git, folder, commit)
    return complaint or "FETCH_HEAD"


async def _fetch_history(git: GitRun, folder: Path, commit: str) -> str | bytes:
    """Fetch every branch and tag, then look for the commit, which may be abbreviated."""
    everything = ("fetch", "--quiet", "--tags", "--", "origin", "+refs/heads/*:refs/remotes/origin/*")
    if complaint := await _try(git, folder, everything):
        return complaint
    found = await git.run("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}", cwd=folder)
    if found.exit_code != 0:
        raise await _why(git, folder, b"fatal: couldn't find remote ref")
    return found.stdout.decode(errors="replace").strip()


async def _why(git: GitRun, folder: Path, complaint: bytes) -> OutsideError:
    """What the complaint means. A missing ref is looked into: behind a web page, every ref is missing."""
    if ref_is_missing(complaint):
        listed = await git.run("ls-remote", "--quiet", "--", git.spec.url, cwd=folder)
        if listed.exit_code == 0 and not listed.stdout.strip():
            return no_repository(git.spec)
    return failure(git.spec, complaint)


def _begin(git: GitRun) -> tuple[tuple[str, ...], ...]:
    return ("init", "--quiet", "--template="), ("remote", "add", "--", "origin", git.spec.url)


def _fetching(ref: str, depth: int) -> tuple[str, ...]:
    return (
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-recurse-submodules",
        f"--depth={depth}",
        "--",
        "origin",
        ref,
    )


async def _try(git: GitRun, folder: Path, *steps: tuple[str, ...]) -> bytes | None:
    """Run git once a step; the complaint of the first that fails."""
    for step in steps:
        ended = await git.run(*step, cwd=folder)
        if ended.exit_code != 0:
            return ended.stderr or b"fatal: git was ended by somebody else"
    return None


def _short_name(ref: str | None) -> str | None:
    """`main` for `refs/heads/main`, None for the default branch; other full names as they are."""
    if ref is None or ref == "HEAD":
        return None
    return ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


# --- repositories that have moved ----------------------------------------------------------------


async def _new_url(git: GitRun, folder: Path) -> str:
    """Where the server says the repository is now. Raises Refused when that is no repository of the same server.

    Git itself either follows redirects with the token in its hands or not at all, so its own record of the
    server's answer is read (it leaves credentials out of that record).
    """
    await asyncio.to_thread(_clear, folder)
    record = await git.run(
        "ls-remote",
        "--",
        git.spec.url,
        "HEAD",
        cwd=folder,
        extra={"GIT_TRACE_CURL": "1", "GIT_TRACE_CURL_NO_DATA": "1"},
    )
    places = _LOCATION.findall(record.stderr)
    if not places:
        raise failure(git.spec, record.stderr)
    place = urljoin(f"{git.spec.url}{_SERVICE}", places[0].decode(errors="replace"))
    source = f"repository {git.spec.name}"
    start = f"Repository {git.spec.name} from {git.spec.url} could not be cloned"
    if not place.endswith(_SERVICE):
        raise Refused(
            f"{start}: the server answered with a redirect to another page, probably to its login; "
            f"{'check the token' if git.spec.token else 'it may want a token'}.",
            source=source,
        )
    try:
        moved = parse_repository_url(place.removesuffix(_SERVICE))
    except InvalidInput as error:
        raise Refused(
            f"{start}: the server redirects to an address that cannot be used.", source=source
        ) from error
    if moved.ref or moved.token or not _same_server(git.spec.url, moved.url):
        raise Refused(
            f"{start}: it redirects to another server, {origin_of(moved.url)}; give that URL if it is the right one.",
            source=source,
        )
    return moved.url


def _same_server(old: str, new: str) -> bool:
    """The same origin, or its encrypted twin on the usual ports."""
    ours, theirs = origin_of(old), origin_of(new)
    return ours == theirs or (ours.count(":") == 1 and theirs == ours.replace("http:", "https:", 1))


def _clear(folder: Path) -> None:
    for entry in folder.iterdir():
        remove_tree(entry)
