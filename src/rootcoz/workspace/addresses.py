"""Where a repository is: its URL, ref and credential, read from what people write in settings and requests."""

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from rootcoz.domain.errors import InvalidInput

DEFAULT_USERNAME = "x-access-token"
"""User name that goes with a token when none is given. GitHub, GitLab and Gitea look at the token alone."""
MAX_ADDRESS_CHARS = 2_000
MAX_REF_CHARS = 250
RESERVED_NAMES = frozenset({"build-artifacts"})
"""Names of folders that a workspace has besides repositories."""

_SCP_FORM = re.compile(r"(?:[^\s/@:]+@)?[^\s/@:]+:(?!\d+/)[^\s]*")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]{2,60}\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}))(?::(\d{1,5}))?")
_PATH_CHARS = frozenset(string.ascii_letters + string.digits + "/-._~%!$&'()*+,;=:")
"""Without `@`: it would rather be a credential with a `/` in it than a path."""
_BAD_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|$)|[/.]$|^[/.-]|^@$")
_DEFAULT_PORTS = {"http": "80", "https": "443"}


@dataclass(frozen=True, slots=True)
class RepositoryAddress:
    """What one written address says."""

    url: str
    """http or https, without credentials, ref, query or trailing slash."""
    ref: str | None
    """Branch, tag, full ref name or commit; None means the default branch."""
    token: str | None = field(default=None, repr=False)
    """Password or token that stood in the address."""
    username: str | None = None
    """User name that stood in the address beside a password."""


@dataclass(frozen=True, slots=True)
class RepositorySpec:
    """A repository to clone. Make it with `repository`, which checks everything."""

    name: str
    """Name of its folder in the workspace, unique there."""
    url: str
    """As `RepositoryAddress.url`."""
    ref: str | None = None
    token: str | None = field(default=None, repr=False)
    username: str = DEFAULT_USERNAME


def repository(
    name: str, address: str, *, ref: str | None = None, token: str | None = None, username: str | None = None
) -> RepositorySpec:
    """Specification from what a request or a setting says; blank strings count as absent.

    `ref`, `token` and `username` win over what the address holds. Raises InvalidInput; its message never repeats
    the address, which may hold a credential.
    """
    parsed = parse_repository_url(address)
    user = username or parsed.username or DEFAULT_USERNAME
    if ":" in user or not user.isprintable():
        raise InvalidInput(
            "The user name for a repository must not contain a colon or characters that do not print."
        )
    return RepositorySpec(
        name=checked_name(name),
        url=parsed.url,
        ref=checked_ref(ref.strip()) if ref and ref.strip() else parsed.ref,
        token=(token or "").strip() or parsed.token,
        username=user,
    )


def repositories_of_setting(text: str) -> tuple[RepositorySpec, ...]:
    """Specifications from `name:url[:ref][@token]`, separated by commas, as ADDITIONAL_REPOS has them.

    What follows the last `@` of a URL's path is the token, so a ref with an `@` in it needs a token, or a bare
    `@`, behind it. Raises InvalidInput, also for a name that comes twice.
    """
    specs = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, colon, address = entry.partition(":")
        scheme, separator, rest = address.partition("://")
        host, slash, path = rest.partition("/")
        if not colon or not separator:
            raise InvalidInput(
                "Each of the additional repositories is written name:https://host/owner/repo[:ref][@token]."
            )
        path, at, token = path.rpartition("@") if "@" in path else (path, "", "")
        specs.append(repository(name, f"{scheme}{separator}{host}{slash}{path}", token=token if at else None))
    check_unique_names(specs)
    return tuple(specs)


def check_unique_names(specs: Iterable[RepositorySpec]) -> None:
    """Raise InvalidInput when two would have one folder, also where case does not count."""
    seen: set[str] = set()
    for spec in specs:
        if spec.name.casefold() in seen:
            raise InvalidInput(f"Two repositories have the name `{spec.name}`; each needs one of its own.")
        seen.add(spec.name.casefold())


def checked_name(name: str) -> str:
    """The name without white space around it, if it can be a folder's; raises InvalidInput otherwise."""
    name = name.strip()
    if not name or name.startswith((".", "-")) or any(bad in name for bad in ("/", "\\", "..")):
        raise InvalidInput(
            "A repository's name must not be blank, begin with `.` or `-`, or contain `/`, `\\` or `..`."
        )
    if not name.isprintable() or len(name.encode(errors="replace")) > 100:  # noqa: PLR2004 - bytes, of 255
        raise InvalidInput("A repository's name has at most 100 bytes, all of them printable.")
    if name.casefold() in RESERVED_NAMES:
        raise InvalidInput(f"A repository must not be named `{name}`; the workspace needs that name.")
    return name


def checked_ref(ref: str) -> str:
    """The ref if git could have one of that name (`git help check-ref-format`); raises InvalidInput otherwise."""
    if not ref or len(ref) > MAX_REF_CHARS or _BAD_IN_REF.search(ref) or not ref.isprintable():
        raise InvalidInput(f"`{_shown(ref)}` cannot be a branch, tag or commit of a git repository.")
    return ref


def parse_repository_url(address: str) -> RepositoryAddress:
    """Take `https://user:token@host:8443/owner/repo.git:feature/x` apart.

    The ref is what follows the last colon of the path, so neither a port nor an IPv6 host is taken for one, and
    the ref may contain slashes and `#`; an empty one counts as none. Raises InvalidInput for anything but http
    and https, for scp-like forms (`git@host:owner/repo`), queries and fragments; the message never repeats the
    address.
    """
    text = address.strip()
    if len(text) > MAX_ADDRESS_CHARS or any(not char.isprintable() or char.isspace() for char in text):
        raise InvalidInput(
            f"A repository's URL has at most {MAX_ADDRESS_CHARS} characters, without white space among them."
        )
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in _DEFAULT_PORTS:
        raise InvalidInput(_scheme_complaint(text, scheme if separator else ""))
    authority, path = _split_authority(rest)
    login, at, host = authority.rpartition("@")
    path, ref = _split_ref(path)
    parsed = RepositoryAddress(f"{scheme}://{_checked_host(scheme, host)}{path}", ref)
    return _with_login(parsed, login) if at else parsed


def origin_of(url: str) -> str:
    """`https://host:port` of a checked URL."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _scheme_complaint(text: str, scheme: str) -> str:
    if scheme:
        return "A repository's URL must begin with https:// or http://; no other protocol is used."
    if _SCP_FORM.fullmatch(text):
        return (
            "A repository's URL must begin with https:// or http://. The form `git@host:owner/repo` means SSH, "
            "for which there is no key here; write `https://host/owner/repo` and give a token if one is needed."
        )
    return (
        "A repository's URL must begin with https:// or http://, for example https://host/owner/repo:branch."
    )


def _split_authority(rest: str) -> tuple[str, str]:
    """`user@host:port` and the path with its slash. A query or fragment at once after the host is in the first."""
    authority, slash, path = rest.partition("/")
    return authority, slash + path


def _checked_host(scheme: str, host: str) -> str:
    """Host and port in small letters, the scheme's own port left out."""
    match = _HOST.fullmatch(host)
    if match is None or (match[1] is not None and not 0 < int(match[1]) < 65_536):  # noqa: PLR2004 - TCP's
        raise InvalidInput("A repository's URL names no host, or its host or port is malformed.")
    return host.lower().removesuffix(f":{_DEFAULT_PORTS[scheme]}")


def _split_ref(path: str) -> tuple[str, str | None]:
    path, colon, ref = path.rpartition(":") if ":" in path else (path, "", "")
    if "?" in path or "#" in path or "?" in ref:
        raise InvalidInput("A repository's URL must not have a query or a fragment (`?` or `#`).")
    path = path.rstrip("/")
    if not path or set(path) - _PATH_CHARS or "//" in path or {".", ".."} & set(path.split("/")):
        raise InvalidInput(
            "A repository's URL needs a plain path after the host, as in https://host/owner/repo."
        )
    return path, checked_ref(ref) if colon and ref else None


def _with_login(parsed: RepositoryAddress, login: str) -> RepositoryAddress:
    """Add what stood before the `@`: `token@`, `user:token@`, or `token:x-oauth-basic@` as GitHub once had it."""
    user, _, password = (unquote(part) for part in login.partition(":"))
    if not password or password == "x-oauth-basic":  # noqa: S105 - a fixed word, no password
        return replace(parsed, token=user or None)
    return replace(parsed, token=password, username=user or None)


def _shown(ref: str) -> str:
    text = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in ref[:60])
    return text + ("…" if len(ref) > len(text) else "")
