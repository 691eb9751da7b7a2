"""Finding what a text names in the trackers: links to GitHub and Jira, and Jira's keys.

A key is looked for outside of addresses only, and is none when it is the name of a standard or a version: `UTF-8`,
`ISO-8859-1` and `OCP-4.18` are written like one.
"""

import re
from collections.abc import Callable, Iterator
from urllib.parse import SplitResult, urlsplit

from rootcoz.domain.link import Link, LinkKind

SCANNED_CHARS = 50_000
"""Of a text; nobody names an issue behind them."""

_URL = re.compile(r"https?://[^\s<>\"'`\\^{|}]+", re.IGNORECASE)
_GITHUB_PATH = re.compile(
    r"/([A-Za-z0-9][\w-]{0,98})/([\w.-]{1,100})/(pull|issues)/([1-9]\d{0,9})(?!\w)", re.ASCII
)
_KEY_TEXT = r"([A-Z][A-Z0-9_]{1,60})-([1-9]\d{0,9})"
_JIRA_PATH = re.compile(rf"(.*?)/browse/{_KEY_TEXT}(?!\w)", re.ASCII)
_JIRA_KEY = re.compile(rf"(?<![\w.-]){_KEY_TEXT}(?!\w|[.-]\d)", re.ASCII)
"""https://support.atlassian.com/jira-software-cloud/docs/what-is-an-issue/ for what a key looks like. One character
before the dash is too few; what goes on with a dot or a dash and a digit is a version or a standard."""

_ENCODINGS = "ANSI ASCII BASE BIG CP EBCDIC EUC GB GBK IBM ISO JIS KOI LATIN UCS UTF WINDOWS"
_CRYPTOGRAPHY = (
    "AES BLAKE CHACHA CRC DES ECDSA ED EDDSA ES HMAC HS MD PBKDF PKCS PS RIPEMD RS RSA SECP SHA SSL TLS XXH"
)
_STANDARDS = (
    "BSI CVE CWE DIN DSA ECMA EN FIPS GHSA GLSA GOST IEC IEEE IETF ITU JEP JSR NIST PEP POSIX RFC "
    "RHBA RHEA RHSA USN"
)
_MACHINES = "AMD ARM ARMV FLOAT FP HTTP HTTPS INT IP IPV PCIE RISC SMTP UINT USB WIFI X"
_COUNTED = "COVID ERRNO EXIT GMT GPT SIG SIGNAL UTC"
_NO_PROJECTS = frozenset(f"{_ENCODINGS} {_CRYPTOGRAPHY} {_STANDARDS} {_MACHINES} {_COUNTED}".split())
"""What stands before a number in ordinary technical writing, with or without digits at its end (`SHA3-256`, `X86-64`).
A project of such a name is found by links to it."""


def find_links(text: str, *, is_github: Callable[[str], bool], known_project: str = "") -> tuple[Link, ...]:
    """What the text names, each once, in the order in which it first comes.

    `is_github` says of a host, in lower case, whether it is a GitHub. Keys of `known_project` are taken whatever its
    name is.
    """
    text = text[:SCANNED_CHARS]
    found: dict[Link, None] = {}
    plain_from = 0
    for url in _URL.finditer(text):
        found.update(dict.fromkeys(_keys(text[plain_from : url.start()], known_project)))
        plain_from = url.end()
        if link := _linked(url[0], is_github):
            found[link] = None
    found.update(dict.fromkeys(_keys(text[plain_from:], known_project)))
    return _without_doubles(tuple(found))


def _keys(text: str, known_project: str) -> Iterator[Link]:
    for match in _JIRA_KEY.finditer(text):
        project = match[1]
        if project == known_project or not _is_no_project(project):
            yield Link(LinkKind.JIRA, match[0])


def _is_no_project(project: str) -> bool:
    return project in _NO_PROJECTS or project.rstrip("0123456789") in _NO_PROJECTS


def _linked(url: str, is_github: Callable[[str], bool]) -> Link | None:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        plain = parts.username is None and parts.port is None
    except ValueError:
        return None
    if not host:
        return None
    if plain and is_github(host):
        return _on_github(parts, host)
    return None if parts.username is not None else _in_jira(parts)


def _on_github(parts: SplitResult, host: str) -> Link | None:
    match = _GITHUB_PATH.match(parts.path)
    if match is None or match[2] in {".", ".."}:
        return None
    kind = LinkKind.GITHUB_PR if match[3] == "pull" else LinkKind.GITHUB_ISSUE
    return Link(kind, f"{match[1]}/{match[2]}#{match[4]}", host.removeprefix("www."))


def _in_jira(parts: SplitResult) -> Link | None:
    match = _JIRA_PATH.match(parts.path)
    if match is None:
        return None
    return Link(
        LinkKind.JIRA, f"{match[2]}-{match[3]}", f"{parts.scheme.lower()}://{parts.netloc.lower()}{match[1]}"
    )


def _without_doubles(links: tuple[Link, ...]) -> tuple[Link, ...]:
    """A key that is linked somewhere in the text is not one that stands alone as well."""
    linked = {link.key for link in links if link.site}
    return tuple(link for link in links if link.site or link.key not in linked)
