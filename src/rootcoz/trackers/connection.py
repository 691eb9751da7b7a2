"""Which tracker a request speaks to, and with which credential.

The rule behind all of it: a credential of the server is sent to the address it was configured for and to no other.
A request that names another address brings a credential of its own, whole; halves are never mixed.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from rootcoz.domain.errors import NotConfigured

GITHUB_API = "https://api.github.com"
GITHUB_HOSTS = frozenset({"github.com", "www.github.com", "ssh.github.com"})
MAX_MATCHES = 5
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class CloudLogin:
    """Jira Cloud: an account and its API token, sent as Basic."""

    email: str
    api_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PersonalToken:
    """Jira Data Center: a personal access token, sent as Bearer."""

    token: str = field(repr=False)


JiraCredential = CloudLogin | PersonalToken


@dataclass(frozen=True, slots=True)
class JiraConnection:
    """A Jira project and the right to read it."""

    url: str
    """Without a trailing slash; may have a path (`https://example.com/jira`)."""
    credential: JiraCredential
    project_key: str
    verify_tls: bool = True
    max_results: int = MAX_MATCHES
    proxy: str = field(default="", repr=False)
    """May hold a login."""
    credential_name: str = ""
    """What people know the credential by; empty: by the settings that hold it."""


@dataclass(frozen=True, slots=True)
class GitHubConnection:
    """A repository and, unless it is public, the right to read it."""

    api_url: str
    """Without a trailing slash: `https://api.github.com`, `https://github.example.com/api/v3`."""
    repository: str
    """`owner/name`."""
    token: str = field(default="", repr=False)
    """Empty: ask as anybody."""
    proxy: str = field(default="", repr=False)
    credential_name: str = ""
    """As in JiraConnection."""


@dataclass(frozen=True, slots=True)
class JiraAccess:
    """What the server's settings say about Jira, or what one request says: None is "not said"."""

    enabled: bool | None = None
    url: str | None = None
    email: str | None = None
    api_token: str | None = field(default=None, repr=False)
    pat: str | None = field(default=None, repr=False)
    project_key: str | None = None
    ssl_verify: bool | None = None
    max_results: int | None = None


@dataclass(frozen=True, slots=True)
class GitHubAccess:
    """What the server's settings say about GitHub."""

    api_url: str = GITHUB_API
    token: str = field(default="", repr=False)


@contextmanager
def _told(outcome: str) -> Iterator[None]:
    """Say in front of a reason what came of it."""
    try:
        yield
    except NotConfigured as error:
        raise NotConfigured(f"{outcome}: {error}") from None


@_told("Jira was not searched")
def jira_connection(
    server: JiraAccess, request: JiraAccess | None = None, *, proxy: str = "", needs_project: bool = True
) -> JiraConnection | None:
    """The Jira that a request gets; None when nobody asked for one. Without `needs_project` it may have no project.

    Asked for is Jira when it is enabled, or, without a word about that, when a URL is set. Raises NotConfigured
    with a sentence for the user when it was asked for and something is missing, or when the server's credential
    would go to an address it was not configured for.
    """
    asked = request or JiraAccess()
    enabled = server.enabled if asked.enabled is None else asked.enabled
    if enabled is None:
        enabled = bool(asked.url or server.url)
    if not enabled:
        return None
    address = asked.url or server.url
    if not address:
        raise NotConfigured("there is no address; set JIRA_URL.")
    url = _checked_url(address, "JIRA_URL" if not asked.url else "jira_url")
    credential = _credential(asked, "jira_email with jira_api_token, or jira_pat")
    verify_tls = server.ssl_verify is not False if asked.ssl_verify is None else asked.ssl_verify
    if credential is None:
        if asked.url and (not server.url or url != _checked_url(server.url, "JIRA_URL")):
            raise NotConfigured(
                "a request with its own jira_url needs its own credential, jira_email with "
                "jira_api_token, or jira_pat. The server's is only sent to the server's Jira."
            )
        if not verify_tls and server.ssl_verify is not False:
            raise NotConfigured(
                "a request that switches off jira_ssl_verify needs its own credential, "
                "since nothing would prove that the server's goes to the right place."
            )
        credential = _credential(server, "JIRA_EMAIL with JIRA_API_TOKEN, or JIRA_PAT")
    if credential is None:
        raise NotConfigured(
            "there is no credential; set JIRA_EMAIL and JIRA_API_TOKEN (Jira Cloud) or "
            "JIRA_PAT (Data Center)."
        )
    return JiraConnection(
        url=url,
        credential=credential,
        project_key=_project_key(asked.project_key or server.project_key or "") if needs_project else "",
        verify_tls=verify_tls,
        max_results=asked.max_results or server.max_results or MAX_MATCHES,
        proxy=proxy,
    )


@_told("GitHub was not searched")
def github_connection(
    server: GitHubAccess, repository_url: str, *, token: str = "", proxy: str = ""
) -> GitHubConnection:
    """The GitHub that the repository is on. `token` is the request's own, and goes before the server's.

    Raises NotConfigured for an address that is no repository of github.com or of the server's GitHub: a token is
    sent to neither an unknown host nor to another GitHub than it was configured for.
    """
    host, repository = _repository(repository_url)
    configured = _checked_url(server.api_url or GITHUB_API, "GITHUB_API_URL")
    if _speaks_for(configured, host):
        api_url, own_token = configured, server.token
    elif host in GITHUB_HOSTS:
        api_url, own_token = GITHUB_API, ""
    else:
        raise NotConfigured(
            f"the tests repository is at {host}, which is neither github.com nor the "
            "server of GITHUB_API_URL."
        )
    chosen = token or own_token
    _check_sendable(chosen, "The GitHub token")
    return GitHubConnection(api_url=api_url, repository=repository, token=chosen, proxy=proxy)


# --- filing --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Offer:
    """A credential that may go along when something is filed or looked up for a person."""

    name: str
    """What people know it by: `your saved Jira token`, `JIRA_PAT`."""
    token: str = field(repr=False)
    email: str = field(default="", repr=False)
    """Of the account at Jira Cloud; empty: the token is a personal one of Data Center. GitHub has none."""
    travels: bool = False
    """Whether it may go to another address than the server's: only what came with the request that names it."""


def github_filings(
    api_url: str, repository_url: str, offers: Sequence[Offer], *, proxy: str = ""
) -> list[GitHubConnection]:
    """The repository with each of the credentials that may go there, in their order; at least one.

    Raises NotConfigured when there is none, or for an address that is no repository of a GitHub that is known.
    """
    with _told("No issue was filed in GitHub"):
        host, repository = _repository(repository_url)
        configured = _checked_url(api_url or GITHUB_API, "GITHUB_API_URL")
        known = _speaks_for(configured, host)
        if not known and host not in GITHUB_HOSTS:
            raise NotConfigured(
                f"the repository is at {host}, which is neither github.com nor the server of GITHUB_API_URL."
            )
        usable = [offer for offer in offers if offer.token and (known or offer.travels)]
        if not usable:
            raise NotConfigured(
                f"there is no token for {host}. Send github_token"
                + (", save one of your own, or have GITHUB_TOKEN set." if known else ".")
            )
        for offer in usable:
            _check_sendable(offer.token, _at_start(offer.name))
        return [
            GitHubConnection(
                api_url=configured if known else GITHUB_API,
                repository=repository,
                token=offer.token,
                proxy=proxy,
                credential_name=offer.name,
            )
            for offer in usable
        ]


def github_server(api_url: str, offer: Offer, *, proxy: str = "") -> GitHubConnection:
    """The server's GitHub, for what concerns no repository. Raises NotConfigured."""
    _check_sendable(offer.token, _at_start(offer.name))
    return GitHubConnection(
        api_url=_checked_url(api_url or GITHUB_API, "GITHUB_API_URL"),
        repository="",
        token=offer.token,
        proxy=proxy,
        credential_name=offer.name,
    )


def is_project_key(key: str) -> bool:
    """Whether a project of Jira can have that key."""
    return _PROJECT_KEY.fullmatch(key) is not None


def jira_filings(
    server: JiraAccess, offers: Sequence[Offer], *, project_key: str, proxy: str = ""
) -> list[JiraConnection]:
    """The server's Jira with each of the credentials, in their order; at least one.

    An empty `project_key` is for what concerns no project. Raises NotConfigured when there is no credential or no
    address, or for a project key that is none.
    """
    with _told("Jira was not asked"):
        if not server.url:
            raise NotConfigured("there is no address; set JIRA_URL.")
        url = _checked_url(server.url, "JIRA_URL")
        usable = [offer for offer in offers if offer.token]
        if not usable:
            raise NotConfigured(
                "there is no credential. Send jira_token (for Jira Cloud with jira_email), save one of your own, or "
                "have JIRA_EMAIL and JIRA_API_TOKEN, or JIRA_PAT, set."
            )
        for offer in usable:
            _check_sendable(offer.email + offer.token, _at_start(offer.name))
        key = _project_key(project_key) if project_key else ""
    return [
        JiraConnection(
            url=url,
            credential=CloudLogin(offer.email, offer.token) if offer.email else PersonalToken(offer.token),
            project_key=key,
            verify_tls=server.ssl_verify is not False,
            proxy=proxy,
            credential_name=offer.name,
        )
        for offer in usable
    ]


def _at_start(text: str) -> str:
    """As it stands at the beginning of a sentence."""
    return text[:1].upper() + text[1:]


# --- Jira ----------------------------------------------------------------------------------------


def _credential(access: JiraAccess, wanted: str) -> JiraCredential | None:
    """The whole credential, None when there is nothing of one. Raises NotConfigured for half of one."""
    if access.email and access.api_token:
        _check_sendable(access.email + access.api_token, "Jira's e-mail address or API token")
        return CloudLogin(access.email, access.api_token)
    if access.pat:
        _check_sendable(access.pat, "Jira's personal access token")
        return PersonalToken(access.pat)
    if access.email or access.api_token:
        raise NotConfigured(f"its credential is incomplete; give {wanted}.")
    return None


_PROJECT_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,254}")


def _project_key(key: str) -> str:
    if not key:
        raise NotConfigured("there is no project; set JIRA_PROJECT_KEY.")
    if not _PROJECT_KEY.fullmatch(key):
        raise NotConfigured("the project key must be a letter followed by letters, digits and underscores.")
    return key.upper()


# --- GitHub --------------------------------------------------------------------------------------

_SCP_LIKE = re.compile(r"[\w.-]+@([\w.-]+):(?!//)(.+)")
_OWNER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


def _repository(url: str) -> tuple[str, str]:
    """Host and `owner/name` of a repository's address; `.git`, a trailing slash and a `:ref` behind it are let be."""
    wrong = NotConfigured(
        "the tests repository's address is none of a GitHub repository, such as "
        "https://github.com/owner/name."
    )
    scp_like = _SCP_LIKE.fullmatch(url.strip())
    if scp_like:
        host, path = scp_like[1].lower(), scp_like[2]
    else:
        try:
            parts = urlsplit(url.strip())
            host, path = (parts.hostname or "").lower(), parts.path.lstrip("/")
        except ValueError:
            raise wrong from None
        if parts.scheme not in {"http", "https", "ssh", "git"}:
            raise wrong
    owner, _, rest = path.partition("/")
    name, colon, _ = rest.partition(":")
    name = name.rstrip("/") if not colon else name
    name = name.removesuffix(".git")
    if not host or not _OWNER.fullmatch(owner) or not _NAME.fullmatch(name) or name in {".", ".."}:
        raise wrong
    return host, f"{owner}/{name}"


def _speaks_for(api_url: str, host: str) -> bool:
    """Whether the API at that address knows the repositories at `host`.

    github.com has its API at api.github.com, an Enterprise Cloud of its own domain likewise, an Enterprise Server
    below /api/v3 of the same host.
    """
    api_host = (urlsplit(api_url).hostname or "").lower()
    known = host if host not in GITHUB_HOSTS else "github.com"
    return api_host in {known, f"api.{known}"}


# --- addresses and credentials -------------------------------------------------------------------


def _checked_url(url: str, name: str) -> str:
    """The address in one spelling. Raises NotConfigured for one that cannot be meant."""
    try:
        parts = urlsplit(url.strip())
        port, host = parts.port, (parts.hostname or "").lower()
    except ValueError:
        port, host, parts = None, "", urlsplit("")
    if (
        parts.scheme not in _DEFAULT_PORTS
        or not host
        or parts.username is not None
        or parts.query
        or parts.fragment
    ):
        raise NotConfigured(
            f"{name} must be an address such as https://example.com, without a login, a query or a fragment."
        )
    shown = f"[{host}]" if ":" in host else host
    at = "" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}"
    return f"{parts.scheme}://{shown}{at}{parts.path.rstrip('/')}"


def _check_sendable(secret: str, what: str) -> None:
    """Refuse what cannot stand in a header: the HTTP library would quote it in its error."""
    if not all(" " < char < "\x7f" for char in secret):
        raise NotConfigured(
            f"{what} holds a space, a line end or another character that no credential has; it may have been "
            "copied with something around it."
        )
