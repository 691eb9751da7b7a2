"""Running git on other people's repositories: what it may do, what it is told, and what its failures mean.

Needs git 2.32 (2021) or newer, which reads configuration from GIT_CONFIG_COUNT and GIT_CONFIG_GLOBAL; an older
one gets no token, since it would not know where to look for it.
"""

import base64
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from rootcoz.domain.errors import OutsideError, Refused, Unavailable
from rootcoz.kit import process
from rootcoz.workspace.addresses import RepositorySpec, origin_of

PROXY_VARIABLES = (
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
)
"""Read by git's HTTP library. They may hold a password; git is the only one that gets to see them."""
QUOTED_CHARS = 300
"""Characters of git's own words that an error message quotes at most."""

_SETTINGS = {
    # Only HTTP, to the given host alone: with redirects followed, git would send the token to where they lead.
    "protocol.allow": "never",
    "protocol.https.allow": "always",
    "protocol.http.allow": "always",
    "http.followRedirects": "false",
    "http.sslVerify": "true",
    "transfer.bundleURI": "false",
    # Nothing runs besides git.
    "credential.helper": "",
    "core.askPass": "",
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.attributesFile": "/dev/null",
    "filter.lfs.process": "",
    "filter.lfs.smudge": "",
    "filter.lfs.required": "false",
    "submodule.recurse": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    # Links become small files that hold their target, so that nothing in the clone leads out of it.
    "core.symlinks": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.autocrlf": "false",
    # Larger files are streamed and never held in memory as a whole.
    "core.bigFileThreshold": "32m",
    "advice.detachedHead": "false",
    "init.defaultBranch": "main",
}


def environment(
    spec: RepositorySpec, *, private: Path, source: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Everything git gets to see. The token is in a header for the repository's own host, and nowhere else.

    `private` serves as HOME and TMPDIR; `source` is read for the plain variables of `kit.process` and the
    proxies (default: this process's environment).
    """
    settings = list(_SETTINGS.items())
    if spec.token:
        settings.append((f"http.{origin_of(spec.url)}/.extraHeader", f"Authorization: Basic {_basic(spec)}"))
    extra = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_ALLOW_PROTOCOL": "http:https",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",  # failures are recognised by git's English words
        "LANGUAGE": "C",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (name, value) in enumerate(settings):
        extra[f"GIT_CONFIG_KEY_{number}"] = name
        extra[f"GIT_CONFIG_VALUE_{number}"] = value
    made = process.scrubbed_environment(
        (*process.PLAIN_VARIABLES, *PROXY_VARIABLES),
        home=private,
        tmpdir=private,
        extra=extra,
        source=source,
    )
    if "SSL_CERT_FILE" in made:  # what other programs read; git has a name of its own
        made["GIT_SSL_CAINFO"] = made["SSL_CERT_FILE"]
    return made


def _basic(spec: RepositorySpec) -> str:
    return base64.b64encode(f"{spec.username}:{spec.token}".encode()).decode("ascii")


@dataclass(frozen=True, slots=True)
class GitRun:
    """One git after the other for one repository, all before one deadline. Make it with `git_for`."""

    spec: RepositorySpec
    timeout_s: float
    deadline: float
    private: Path
    variables: Mapping[str, str] | None

    @property
    def source(self) -> str:
        """Name of the outside in errors."""
        return f"repository {self.spec.name}"

    def at(self, url: str) -> "GitRun":
        """The same for another URL; the token goes there."""
        return replace(self, spec=replace(self.spec, url=url))

    async def run(
        self,
        *arguments: str,
        cwd: Path,
        extra: Mapping[str, str] | None = None,
        max_output_bytes: int = process.OUTPUT_LIMIT,
    ) -> process.Completed:
        """Run git; how it ended is for the caller to judge.

        Raises Unavailable when git cannot be started or the time for all runs is up.
        """
        try:
            ended = await process.run(
                ["git", *arguments],
                cwd=cwd,
                env={
                    **environment(self.spec, private=self.private, source=self.variables),
                    **(extra or {}),
                },
                timeout_s=max(0.0, self.deadline - time.monotonic()),
                max_output_bytes=max_output_bytes,
                term_grace_s=2.0,
            )
        except process.ProgramMissing as error:
            message = (
                f"Repository {self.spec.name} cannot be cloned: the program `git` is missing on this server; "
                "install it."
            )
            raise Unavailable(message, source=self.source) from error
        except process.ProcessError as error:
            message = (
                f"Repository {self.spec.name} cannot be cloned: `git` could not be run: {error.strerror}."
            )
            raise Unavailable(message, source=self.source) from error
        if ended.timed_out:
            raise Unavailable(
                f"Cloning repository {self.spec.name} from {self.spec.url} did not finish within "
                f"{self.timeout_s:g} seconds.",
                source=self.source,
                timed_out=True,
            )
        return ended


@contextmanager
def git_for(
    spec: RepositorySpec, *, timeout_s: float, variables: Mapping[str, str] | None, scratch: Path | None
) -> Iterator[GitRun]:
    """Git with a private HOME below `scratch` (default: the system's), removed at the end.

    `variables` are as `source` of `environment`. The deadline is `timeout_s` from now.
    """
    try:
        private = tempfile.TemporaryDirectory(prefix="rootcoz-git-", dir=scratch, ignore_cleanup_errors=True)
    except OSError as error:
        message = f"Repository {spec.name} cannot be cloned: no temporary folder: {error.strerror}."
        raise Unavailable(message, source=f"repository {spec.name}") from error
    with private as folder:
        yield GitRun(spec, timeout_s, time.monotonic() + timeout_s, Path(folder), variables)


# --- failures ------------------------------------------------------------------------------------

_REF_MISSING = re.compile(
    r"(?i)remote branch .* not found|couldn't find remote ref|not our ref|want \S+ not valid|unadvertised object"
)
_NO_GIT_SERVER = re.compile(r"(?i)dumb http transport|info/refs not valid|is this a git repository")
_REDIRECTED = re.compile(r"(?i)returned error: 30[12378]")


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a complaint of git's amounts to. The first of `_MEANINGS` that matches is taken."""

    pattern: re.Pattern[str]
    with_token: str
    without_token: str = ""
    """When no token was given; empty: the same."""
    retryable: bool = False
    quotes_git: bool = False


_MEANINGS = (
    _Meaning(
        re.compile(r"(?i)no space left on device|disk quota exceeded"),
        "this server's disk is full",
        retryable=True,
    ),
    _Meaning(
        re.compile(r"(?i)could not read (?:username|password)|authentication failed|returned error: 401"),
        "the server did not accept the token",
        "the server wants a token",
    ),
    _Meaning(
        re.compile(r"(?i)returned error: 403"),
        "the token may not read it",
        "the server forbids it; it may want a token",
    ),
    _Meaning(
        re.compile(r"(?i)repository '.*' not found|returned error: (?:404|410)"),
        "the server has no such repository, or the token may not see it",
        "the server has no such repository, or shows it only to those with a token",
    ),
    _Meaning(
        re.compile(
            r"(?i)could not resolve (?:host|proxy)|failed to connect|couldn't connect|timed out|empty reply|"
            r"connection (?:refused|reset)|early eof|hung up|transfer closed|unexpected disconnect|"
            r"returned error: (?:429|5\d\d)"
        ),
        "the connection failed",
        retryable=True,
        quotes_git=True,
    ),
    _Meaning(
        re.compile(r"(?i)certificate|\bssl|\btls|gnutls"),
        "the server's certificate is not trusted, or encryption failed (SSL_CERT_FILE names a file of trusted "
        "certificates)",
        quotes_git=True,
    ),
    _Meaning(re.compile(""), "git gave up", quotes_git=True),
)


def ref_is_missing(stderr: bytes) -> bool:
    """Whether git failed because the server does not have, or does not give out, what was asked for."""
    return bool(_REF_MISSING.search(stderr.decode(errors="replace")))


def is_redirected(stderr: bytes) -> bool:
    """Whether git failed because the server pointed elsewhere."""
    return bool(_REDIRECTED.search(stderr.decode(errors="replace")))


def failure(spec: RepositorySpec, stderr: bytes) -> OutsideError:
    """The error that git's words amount to, as a sentence without secrets."""
    text = stderr.decode(errors="replace")
    if _REF_MISSING.search(text):
        return missing_ref(spec)
    if _NO_GIT_SERVER.search(text):
        return no_repository(spec)
    meaning = next(meaning for meaning in _MEANINGS if meaning.pattern.search(text))
    reason = meaning.with_token if spec.token else meaning.without_token or meaning.with_token
    quoted = f": {_quoted(spec, text)}" if meaning.quotes_git else ""
    message = f"Repository {spec.name} from {spec.url} could not be cloned: {reason}{quoted}."
    source = f"repository {spec.name}"
    return Unavailable(message, source=source) if meaning.retryable else Refused(message, source=source)


def missing_ref(spec: RepositorySpec) -> Refused:
    """There is no such branch, tag or commit."""
    message = f"Repository {spec.name} at {spec.url} has no branch, tag or commit `{spec.ref}`."
    return Refused(message, source=f"repository {spec.name}")


def no_repository(spec: RepositorySpec) -> Refused:
    """An answer that holds no commit: git takes a web page answered as 200 for an empty repository."""
    hint = "and the token" if spec.token else "and whether a token is needed"
    message = (
        f"Nothing could be cloned of repository {spec.name} from {spec.url}: the repository is empty, or a login "
        f"page or another web page answered in its place. Check the URL {hint}."
    )
    return Refused(message, source=f"repository {spec.name}")


def _quoted(spec: RepositorySpec, text: str) -> str:
    """Git's last complaint, bounded, printable, and without any form of the token."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    complaints = [line for line in lines if line.startswith(("fatal:", "error:"))]
    said = (complaints or lines or ["git gave no reason"])[-1].removeprefix("fatal:").removeprefix("error:")
    for secret in _forms(spec):
        said = said.replace(secret, "***")
    said = re.sub(r"(://)[^\s/@]+@", r"\1***@", said)
    said = "".join(char if char.isprintable() else " " for char in said).strip().rstrip(".")
    return said if len(said) <= QUOTED_CHARS else said[: QUOTED_CHARS - 1] + "…"


def _forms(spec: RepositorySpec) -> list[str]:
    """The shapes in which a server or a proxy may send the token back."""
    return [_basic(spec), spec.token, quote(spec.token, safe="")] if spec.token else []
