"""The only place that picks adapters and hands them in."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from rootcoz.analysis.parts import Newsroom, Parts
from rootcoz.domain.analysis import JenkinsOrder, RepositoryOrder, StoredAnalysis
from rootcoz.domain.budget import Budget, Budgets
from rootcoz.domain.draft import DraftOrder, SearchOrder, Tracker
from rootcoz.domain.errors import DataDirectoryInUse, InvalidInput, NotConfigured, NotOffered
from rootcoz.features.accounts import Accounts
from rootcoz.features.ai_models import ModelCatalogue
from rootcoz.features.audit import Audit
from rootcoz.features.deliveries import Deliveries
from rootcoz.features.events import EventHub
from rootcoz.features.history import History
from rootcoz.features.issues import Issues
from rootcoz.features.job_metadata.metadata import JobMetadataBook, MetadataRules
from rootcoz.features.key_ring import KeyRing
from rootcoz.features.link_states import CommentLinks, CommentTrackers
from rootcoz.features.mentions import Mentions
from rootcoz.features.notifications import Notifications
from rootcoz.features.presence import Presence
from rootcoz.features.results import Results
from rootcoz.features.review import Reviews
from rootcoz.features.sign_in import SignIn
from rootcoz.features.token_usage import TokenUsage
from rootcoz.features.vapid_keys import VapidKeyring
from rootcoz.features.web_push import WebPush
from rootcoz.kit.addresses import networks
from rootcoz.kit.file_lock import FileLock, LockHeld
from rootcoz.kit.sealed import Seal
from rootcoz.notify.push_endpoint import check_endpoint
from rootcoz.outlets import channels_of, configured_vapid_keys, push_sender, senders_of
from rootcoz.providers.base import Access, Provider
from rootcoz.providers.registry import PROVIDERS, ProviderConfig
from rootcoz.settings import AuthMode, Settings, SettingsError
from rootcoz.store.engine import APP_FILE, Database
from rootcoz.store.sealing import KeyLost, open_ring
from rootcoz.store.search import TextIndex
from rootcoz.workspace.addresses import repositories_of_setting

if TYPE_CHECKING:
    from rootcoz.analysis.comment_intent import CommentIntents
    from rootcoz.analysis.drafting import Choice
    from rootcoz.analysis.feedback import FeedbackDesk, Filing
    from rootcoz.analysis.issue_drafts import IssueDraft, IssueDrafts
    from rootcoz.analysis.issue_prompt import PromptParts, RepositoryFiles
    from rootcoz.analysis.parts import Desks
    from rootcoz.features.openid import OpenIdSignIn
    from rootcoz.features.report_portal import ReportPortal
    from rootcoz.features.tracker_access import TrackerAccess
    from rootcoz.sources.jenkins.client import JenkinsAccess
    from rootcoz.trackers.base import IssueStates

KEY_FILE = "encryption.key"
"""Where the key for saved credentials lies in the data directory, unless the settings hold it."""
OPENID_CALLBACK = "/api/auth/oidc/callback"
"""Where an identity provider sends browsers back to."""

# A server is to answer about a second after its start, and an analysis uses far more than that: what the start does
# not need is imported by the functions that hand it in, or by `warm_up` once the server is up (PLC0415 is why).


class Engine(Protocol):
    """What the faces need of the durable engine: `worker.engine.AnalysisEngine`."""

    async def start(self, job_id: str) -> None:
        """Begin the analysis in the background; harmless when it has begun already."""
        ...

    async def wait(self, job_id: str) -> None:
        """Return when the analysis is final or deleted."""
        ...

    def send_away(self) -> None:
        """Let nobody wait any longer: the server stops. Those who do get ServerStopping."""
        ...

    async def cancel(self, job_id: str) -> None:
        """Stop the analysis if it runs; its row is the caller's business."""
        ...

    def abort(self, job_id: str) -> None:
        """Stop an analysis that the store says is aborted; what was answered becomes its result."""
        ...


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The locked folder with all data."""

    path: Path
    database: Database
    lock: FileLock
    seal: Seal
    """Of everything secret in the database."""
    database_address: str = field(default="", repr=False)
    """Of PostgreSQL; empty when the database is a file in here."""

    @property
    def spool(self) -> Path:
        """Request bodies on their way in; emptied at each start."""
        return self.path / "spool"

    @property
    def scratch(self) -> Path:
        """Private folders of the programs that run; emptied at each start, since a kill leaves them."""
        return scratch_below(self.path)

    @property
    def workspaces(self) -> Path:
        """What providers may look at while they are asked."""
        return self.path / "workspaces"


def scratch_below(data_dir: Path) -> Path:
    """Where the private folders of programs lie in a data directory."""
    return data_dir / "scratch"


@dataclass(frozen=True, slots=True)
class Services:
    """What the faces work with."""

    settings: Settings
    directory: DataDirectory
    database: Database
    engine: Engine
    results: Results
    reviews: Reviews
    comment_links: CommentLinks
    comment_intents: "Callable[[], CommentIntents]"
    """Made when it is first wanted."""
    issues: Issues
    trackers: "Callable[[], TrackerAccess]"
    """Made when it is first wanted."""
    history: History
    text_index: TextIndex
    events: EventHub
    providers: "ProviderShelf"
    ai_models: ModelCatalogue
    accounts: Accounts
    sign_in: SignIn
    openid: "OpenIdSignIn | None"
    presence: Presence
    audit: Audit
    token_usage: TokenUsage
    job_metadata: JobMetadataBook
    report_portal: "Callable[[], ReportPortal]"
    """Pushes results; made when it is first wanted."""
    mentions: Mentions
    web_push: WebPush
    notifications: Notifications
    deliveries: Deliveries
    drafts: "DraftShelf"


class ProviderShelf:
    """The providers of this server, each made once, when it is first wanted."""

    def __init__(self, settings: Settings) -> None:
        self._config = _provider_config(settings)
        self._made: dict[str, Provider] = {}

    def named(self, name: str) -> Provider:
        """The provider. Raises NotConfigured for a name this server does not know."""
        if name not in self._made:
            make = PROVIDERS.get(name)
            if make is None:
                known = ", ".join(sorted(PROVIDERS))
                raise NotConfigured(f"Provider {name!r} is not available on this server; it has: {known}.")
            self._made[name] = make(self._config)
        return self._made[name]


class DraftShelf:
    """What drafts issues and feedback. It is loaded and made when the first draft is wanted."""

    def __init__(self, settings: Settings, directory: DataDirectory, parts: Parts) -> None:
        self._settings = settings
        self._directory = directory
        self._parts = parts

    @cached_property
    def issues(self) -> "IssueDrafts":
        """Drafts of issues about failures."""
        from rootcoz.analysis.issue_drafts import DraftParts, IssueDrafts  # noqa: PLC0415

        return IssueDrafts(
            DraftParts(
                database=self._directory.database,
                choice=self._choice,
                server_gate=self._parts.server_gate,
                budgets=self._parts.budgets,
                public_base_url=self._settings.public_base_url,
            )
        )

    @cached_property
    def feedback(self) -> "FeedbackDesk":
        """Drafts and files feedback about the product."""
        from rootcoz.analysis.feedback import FeedbackDesk, FeedbackParts  # noqa: PLC0415

        return FeedbackDesk(
            FeedbackParts(
                database=self._directory.database,
                choice=self._choice,
                server_gate=self._parts.server_gate,
                budgets=self._parts.budgets,
                filing=partial(_feedback_filing, self._settings),
            )
        )

    @cached_property
    def prompts(self) -> "PromptParts":
        """What reads the prompt files of repositories: `analysis.issue_prompt`."""
        from rootcoz.analysis.issue_prompt import PromptParts  # noqa: PLC0415

        return PromptParts(
            database=self._directory.database,
            seal=self._directory.seal,
            files=partial(_repository_files, self._settings),
            tokens=self._parts.repository_tokens,
            workspaces=self._directory.workspaces,
            scratch=self._directory.scratch,
        )

    @cached_property
    def _choice(self) -> "Choice":
        from rootcoz.analysis.drafting import Choice  # noqa: PLC0415

        return Choice(
            provider_named=self._parts.provider_named,
            default_provider=self._settings.ai_provider,
            default_model=self._settings.ai_model,
            timeout_s=self._settings.ai_cli_timeout * 60.0,
        )

    async def issue_prompt(self, job_id: str) -> str:
        """The prompt file for issues in the tests repository of the analysis; empty for whatever reason."""
        from rootcoz.analysis.issue_prompt import issue_prompt  # noqa: PLC0415

        return await issue_prompt(job_id, self.prompts)

    def check_github_repository(self, url: str) -> None:
        """Raise NotConfigured for an address that is no repository of a GitHub that this server knows."""
        from rootcoz.desks import check_github_repository  # noqa: PLC0415

        check_github_repository(self._settings, url)

    async def issue(self, job_id: str, order: DraftOrder, search: SearchOrder) -> "IssueDraft":
        """A draft of an issue about one failure of the analysis. Raises as `analysis.issue_case.load_case`."""
        from rootcoz.desks import github_draft_desk, jira_draft_desk  # noqa: PLC0415

        make_desk = github_draft_desk if order.tracker is Tracker.GITHUB else jira_draft_desk
        return await self.issues.draft(job_id, order, partial(make_desk, self._settings, search))


def _feedback_filing(settings: Settings) -> "Filing":
    """The repository that takes feedback. Raises NotOffered."""
    from rootcoz.trackers.connection import Offer, github_filings  # noqa: PLC0415
    from rootcoz.trackers.github import GitHubIssues  # noqa: PLC0415

    if settings.enable_github_issues is False:
        raise NotOffered(
            "This server takes no feedback: GitHub issues are switched off (ENABLE_GITHUB_ISSUES)."
        )
    if settings.github_token is None:
        raise NotOffered("This server takes no feedback: set GITHUB_TOKEN to a token that may file issues.")
    offer = Offer("GITHUB_TOKEN", _plain(settings.github_token))
    try:
        connection, *_ = github_filings(
            settings.github_api_url, settings.feedback_repo_url, [offer], proxy=settings.tracker_proxy
        )
    except NotConfigured as error:
        raise NotOffered(f"This server takes no feedback; check FEEDBACK_REPO_URL. {error}") from error
    return GitHubIssues(connection)


def _repository_files(settings: Settings, url: str, token: str, github_token: str) -> "RepositoryFiles":
    """The files of a repository on GitHub. Raises NotConfigured for one that is elsewhere."""
    from rootcoz.trackers.connection import GitHubAccess, github_connection  # noqa: PLC0415
    from rootcoz.trackers.github import GitHubFiles  # noqa: PLC0415

    server = GitHubAccess(settings.github_api_url, _plain(settings.github_token))
    connection = github_connection(server, url, token=token or github_token, proxy=settings.tracker_proxy)
    return GitHubFiles(connection)


def _provider_config(settings: Settings) -> ProviderConfig:
    return ProviderConfig(
        command=settings.ai_command,
        command_env=settings.ai_command_env,
        cli_env=settings.ai_cli_env,
        claude=_access(settings.anthropic_api_key, settings.anthropic_base_url, settings.claude_binary),
        gemini=_access(settings.gemini_api_key, settings.google_gemini_base_url, settings.gemini_binary),
        cursor=_access(settings.cursor_api_key, "", settings.cursor_binary),
        openai=_access(settings.openai_api_key, settings.openai_base_url, ""),
        scratch=scratch_below(settings.data_dir),
        triage_patterns=settings.triage_patterns_file,
    )


def _access(key: SecretStr | None, base_url: str, binary: str) -> Access:
    return Access(key.get_secret_value() if key else "", base_url, binary)


def check_default_provider(settings: Settings) -> None:
    """Raise SettingsError when the provider that is asked by default cannot be asked."""
    if settings.ai_provider:
        try:
            provider = ProviderShelf(settings).named(settings.ai_provider)
            provider.check(settings.ai_model)
        except NotConfigured as error:
            raise SettingsError(f"AI_PROVIDER={settings.ai_provider}: {error}") from error
        if provider.needs_model and not settings.ai_model:
            raise SettingsError(f"AI_PROVIDER={settings.ai_provider} needs a model: set AI_MODEL.")


@asynccontextmanager
async def open_data_directory(settings: Settings) -> AsyncIterator[DataDirectory]:
    """Make, lock and open the data directory, and the database. Raises DataDirectoryInUse and SettingsError."""
    path = settings.data_dir
    address = _plain(settings.database_url)
    _check_encryption_key(settings)
    with locked_data_directory(settings) as lock:
        for name in () if address else (APP_FILE, "engine.sqlite3"):
            _make_private(path / name)
        database = await Database.open(path, address)
        try:
            seal = _seal(settings, path)
            try:
                async with database.write() as connection:
                    await open_ring(connection, seal)
            except KeyLost as lost:
                raise key_lost(settings, lost) from None
            yield DataDirectory(path, database, lock, seal, address)
        finally:
            await database.close()


@contextmanager
def locked_data_directory(settings: Settings) -> Iterator[FileLock]:
    """Make the data directory and have it for this process alone. Raises DataDirectoryInUse and SettingsError."""
    path = settings.data_dir
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(path / "rootcoz.lock")
        lock.acquire()
    except LockHeld as held:
        raise _in_use(path, held) from None
    except OSError as error:
        raise SettingsError(f"ROOTCOZ_DATA_DIR: {path} cannot be used: {error.strerror or error}") from error
    with lock:
        yield lock


@asynccontextmanager
async def open_key_ring(settings: Settings) -> AsyncIterator[KeyRing]:
    """The keys of a database that servers may be working on. Raises SettingsError and DataDirectoryInUse."""
    address = _plain(settings.database_url)
    _check_encryption_key(settings)
    if not address and not (settings.data_dir / APP_FILE).is_file():
        raise SettingsError(f"There is no data in {settings.data_dir}: name its folder with --data-dir.")
    lock = FileLock(settings.data_dir / "keys.lock")
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock.acquire()
    except LockHeld:
        raise SettingsError(f"Another rootcoz keys works on {settings.data_dir}; wait for it.") from None
    with lock:
        database = await Database.open(settings.data_dir, address)
        try:
            yield KeyRing(database, _seal(settings, settings.data_dir))
        finally:
            await database.close()


def key_lost(settings: Settings, lost: KeyLost) -> SettingsError:
    """What somebody is told whose key does not open what is stored."""
    what = (
        "ROOTCOZ_ENCRYPTION_KEY is"
        if settings.encryption_key is not None
        else f"The key in {settings.data_dir / KEY_FILE} is"
    )
    changed = f", since {lost.rotated_at}" if lost.rotated_at else ""
    return SettingsError(
        f"{what} not the one that the saved credentials are sealed with: they need the key {lost.key_id}{changed}. Put "
        "that key back. If it is lost for good, rootcoz keys abandon deletes what nobody can open any more."
    )


def _check_encryption_key(settings: Settings) -> None:
    if settings.database_url is not None and settings.encryption_key is None:
        raise SettingsError(
            "ROOTCOZ_ENCRYPTION_KEY is needed with DATABASE_URL: every server on that database must have the same "
            "key, so it cannot lie in one data directory."
        )


def load_analysis() -> None:
    """Import what every analysis uses; takes a quarter of a second the first time, and may be called in any thread."""
    for module in (
        "rootcoz.analysis.pipeline",
        "rootcoz.analysis.partial",
        "rootcoz.desks",
        "rootcoz.analysis.issue_drafts",
    ):
        import_module(module)


def warm_up(services: Services) -> None:
    """Import what the first analysis would have to wait for. For a thread of a server that is up."""
    load_analysis()
    for name in PROVIDERS:
        services.providers.named(name)


@dataclass(frozen=True, slots=True)
class Outbox:
    """Who is told what, and who tells it."""

    notifications: Notifications
    deliveries: Deliveries
    web_push: WebPush


def make_outbox(settings: Settings, directory: DataDirectory) -> Outbox:
    """What tells the outside. Raises SettingsError."""
    channels = channels_of(settings)
    keyring = VapidKeyring(
        directory.database, directory.seal, directory.path, configured_vapid_keys(settings)
    )
    deliveries = Deliveries(
        directory.database,
        senders_of(settings, channels),
        push_sender(settings, keyring.keys),
    )
    return Outbox(
        notifications=Notifications(
            directory.database, channels, settings.public_base_url, deliveries.send_now
        ),
        deliveries=deliveries,
        web_push=WebPush(
            directory.database,
            keyring.public_key if settings.enable_web_push else None,
            partial(check_endpoint, allowed=networks(settings.push_allowed_networks)),
            settings.public_base_url,
        ),
    )


def make_parts(
    settings: Settings, directory: DataDirectory, events: EventHub, newsroom: Newsroom | None = None
) -> Parts:
    """What the pipeline works with."""
    return Parts(
        database=directory.database,
        provider_named=ProviderShelf(settings).named,
        server_gate=asyncio.Semaphore(settings.server_max_concurrent_ai_calls),
        workspaces=directory.workspaces,
        scratch=directory.scratch,
        public_base_url=settings.public_base_url,
        seal=directory.seal,
        jenkins_access=partial(_jenkins_access, settings),
        repository_tokens=partial(_repository_tokens, settings),
        desks=partial(_tracker_desks, settings),
        issue_states=partial(_issue_states, settings),
        audience=events,
        budgets=Budgets(
            per_analysis=Budget(settings.ai_budget_per_analysis_usd, settings.ai_budget_per_analysis_tokens),
            per_day=_budget_per_day(settings),
        ),
        reuse_decisions=settings.reuse_decisions,
        metadata_for=MetadataRules(settings.metadata_rules_file).metadata_for,
        newsroom=newsroom,
    )


def _budget_per_day(settings: Settings) -> Budget:
    return Budget(settings.ai_budget_per_day_usd, settings.ai_budget_per_day_tokens)


def _repository_tokens(
    settings: Settings, orders: Sequence[RepositoryOrder], secrets: Mapping[str, str]
) -> dict[str, str]:
    """The request's own token for a repository, or the server's where it may go."""
    configured = {spec.name: spec.token for spec in repositories_of_setting(settings.additional_repos)}
    tokens = {}
    for order in orders:
        sent = "tests_repo_token" if order.is_tests else f"additional_repos.{order.name}.token"
        server = ""
        if order.credential_setting == "TESTS_REPO_TOKEN":
            server = _plain(settings.tests_repo_token)
        elif order.credential_setting == "ADDITIONAL_REPOS":
            server = configured.get(order.name) or ""
        tokens[order.name] = secrets.get(sent) or server
    return tokens


def _tracker_desks(settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str]) -> "Desks":
    from rootcoz.desks import tracker_desks  # noqa: PLC0415

    return tracker_desks(settings, analysis, secrets)


def _link_trackers(
    settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str], saved: Mapping[str, str]
) -> CommentTrackers:
    from rootcoz.desks import LinkTrackers  # noqa: PLC0415

    return LinkTrackers(settings, analysis, secrets, saved)


def _comment_intents(
    settings: Settings, database: Database, shelf: ProviderShelf, parts: Parts
) -> "CommentIntents":
    from rootcoz.analysis.comment_intent import Asked, CommentIntents  # noqa: PLC0415

    return CommentIntents(
        database,
        shelf.named,
        Asked(settings.ai_provider, settings.ai_model),
        parts.server_gate,
        _budget_per_day(settings),
    )


def _tracker_access(settings: Settings) -> "TrackerAccess":
    from rootcoz.desks import tracker_access  # noqa: PLC0415

    return tracker_access(settings)


def _issue_states(
    settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str]
) -> "Sequence[IssueStates]":
    from rootcoz.desks import issue_states  # noqa: PLC0415

    return issue_states(settings, analysis, secrets)


async def _partial_result(database: Database, analysis: StoredAnalysis) -> bytes:
    from rootcoz.analysis.partial import partial_result  # noqa: PLC0415

    return await partial_result(database, analysis)


def _jenkins_access(settings: Settings, order: JenkinsOrder, secrets: Mapping[str, str]) -> "JenkinsAccess":
    """The request's own credentials, or the server's where they may go; else nobody's."""
    from rootcoz.sources.jenkins.client import JenkinsAccess  # noqa: PLC0415

    user, password = secrets.get("jenkins_user", ""), secrets.get("jenkins_password", "")
    if order.uses_server_credentials:
        user = user or _plain(settings.jenkins_user)
        password = password or _plain(settings.jenkins_password)
    return JenkinsAccess(
        url=order.url, user=user, password=password, ssl_verify=order.ssl_verify, timeout_s=order.timeout_s
    )


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def make_services(
    settings: Settings,
    directory: DataDirectory,
    engine: Engine,
    events: EventHub,
    outbox: Outbox,
    parts: Parts,
) -> Services:
    """What the faces work with. Raises SettingsError."""
    shelf = ProviderShelf(settings)
    _check_peers(settings, shelf)
    _check_triage_patterns(settings)
    text_index = TextIndex(directory.database)
    sign_in = SignIn(directory.database, directory.seal, _plain(settings.admin_key) or None)
    return Services(
        settings=settings,
        directory=directory,
        database=directory.database,
        engine=engine,
        results=Results(directory.database, _partial_result),
        comment_links=CommentLinks(directory.database, directory.seal, partial(_link_trackers, settings)),
        comment_intents=cache(partial(_comment_intents, settings, directory.database, shelf, parts)),
        issues=Issues(directory.database),
        trackers=cache(partial(_tracker_access, settings)),
        reviews=Reviews(directory.database, outbox.web_push.announce_mention),
        history=History(directory.database, text_index),
        text_index=text_index,
        events=events,
        providers=shelf,
        ai_models=ModelCatalogue(PROVIDERS.keys(), shelf.named),
        job_metadata=JobMetadataBook(directory.database, _metadata_rules(settings)),
        accounts=Accounts(directory.database, directory.seal),
        sign_in=sign_in,
        openid=_openid(settings, directory, sign_in),
        presence=Presence(directory.database),
        audit=Audit(directory.database),
        token_usage=TokenUsage(directory.database),
        report_portal=cache(partial(_report_portal, settings, directory.database)),
        mentions=Mentions(directory.database),
        web_push=outbox.web_push,
        notifications=outbox.notifications,
        deliveries=outbox.deliveries,
        drafts=DraftShelf(settings, directory, parts),
    )


def _report_portal(settings: Settings, database: Database) -> "ReportPortal":
    from rootcoz.features.report_portal import ReportPortal  # noqa: PLC0415
    from rootcoz.portal import report_portal_client  # noqa: PLC0415

    return ReportPortal(database, partial(report_portal_client, settings), settings.public_base_url)


async def check_entrance(services: Services) -> None:
    """Raise SettingsError for a server that is closed and has no key that would open it."""
    settings = services.settings
    if settings.auth_mode is AuthMode.OPEN or settings.admin_key is not None or settings.trust_proxy_headers:
        return
    if settings.oidc_issuer:
        return
    if not await services.accounts.has_usable_admin():
        raise SettingsError(
            "AUTH_MODE=required, but nobody could enter: there is neither an ADMIN_KEY nor an identity provider "
            "(OIDC_ISSUER) nor a trusted proxy, and no administrator with a valid key is stored in "
            f"{_where(services.directory)}. Set ADMIN_KEY to a secret of at least 16 characters and start again."
        )


def _where(directory: DataDirectory) -> str:
    return "the database of DATABASE_URL" if directory.database_address else str(directory.path)


def _metadata_rules(settings: Settings) -> MetadataRules:
    rules = MetadataRules(settings.metadata_rules_file)
    try:
        rules.load()
    except InvalidInput as error:
        raise SettingsError(f"METADATA_RULES_FILE: {error}") from error
    return rules


def _check_triage_patterns(settings: Settings) -> None:
    """Refuse to start with a file of patterns that cannot be used; loading it takes what a start does not need."""
    if settings.triage_patterns_file is None:
        return
    from rootcoz.providers.pattern_book import read_patterns  # noqa: PLC0415

    try:
        read_patterns(settings.triage_patterns_file)
    except InvalidInput as error:
        raise SettingsError(f"TRIAGE_PATTERNS_FILE: {error}") from error


def _make_private(file: Path) -> None:
    """Have the file, and have it for its owner alone: logs and prompts stand in it. SQLite's others take after it."""
    os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    file.chmod(0o600)


def _check_peers(settings: Settings, shelf: ProviderShelf) -> None:
    """Refuse to start with peers that no server has. What a known one still lacks is said when it is wanted."""
    for peer in settings.peer_ai_configs:
        try:
            shelf.named(peer.provider)
        except NotConfigured as error:
            raise SettingsError(f"PEER_AI_CONFIGS: {error}") from error


def _seal(settings: Settings, path: Path) -> Seal:
    """The key of the settings, or the one that lies beside the data, so that moving the folder moves everything."""
    file = path / KEY_FILE
    if settings.encryption_key is not None:
        return Seal(settings.encryption_key.get_secret_value(), lambda: _former_secrets(file))
    try:
        return Seal.from_file(file)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The key in {file} cannot be read: {error}") from error


def _former_secrets(file: Path) -> list[str]:
    """Who moves from a key file to the setting still has the file."""
    try:
        return [file.read_text(encoding="ascii").strip()]
    except (OSError, UnicodeDecodeError):
        return []


def _openid(settings: Settings, directory: DataDirectory, sign_in: SignIn) -> "OpenIdSignIn | None":
    """Signing in at the identity provider of the settings, if there is one."""
    if not settings.oidc_issuer:
        return None
    from rootcoz.features.openid import OpenIdRules, OpenIdSignIn  # noqa: PLC0415
    from rootcoz.identity.openid import OpenIdAccess, OpenIdProvider  # noqa: PLC0415

    access = OpenIdAccess(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        redirect_uri=f"{settings.public_base_url}{OPENID_CALLBACK}",
        client_secret=_plain(settings.oidc_client_secret),
        scopes=settings.oidc_scopes,
        wanted_claims=(
            settings.oidc_username_claim,
            *((settings.oidc_groups_claim,) if settings.oidc_admin_groups else ()),
        ),
    )
    rules = OpenIdRules(
        settings.oidc_username_claim,
        settings.oidc_groups_claim,
        settings.oidc_admin_groups,
        may_adopt=not settings.trust_proxy_headers,
    )
    return OpenIdSignIn(directory.database, directory.seal, sign_in, OpenIdProvider(access), rules)


def _in_use(path: Path, held: LockHeld) -> DataDirectoryInUse:
    pid, url = held.note.get("pid"), held.note.get("server_url")
    who = f"process {pid}" if pid else "another process"
    where = f", which serves at {url}" if url else ""
    return DataDirectoryInUse(
        f"The data directory {path} is in use by {who}{where}. Stop it, or choose another with --data-dir.",
        server_url=url if isinstance(url, str) else None,
        pid=pid if isinstance(pid, int) else None,
    )
