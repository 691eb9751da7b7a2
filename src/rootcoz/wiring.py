"""The only place that picks adapters and hands them in."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from rootcoz.analysis.comment_intent import Asked, CommentIntents
from rootcoz.analysis.parts import Newsroom, Parts
from rootcoz.domain.analysis import JenkinsOrder, RepositoryOrder, StoredAnalysis
from rootcoz.domain.budget import Budget, Budgets
from rootcoz.domain.errors import DataDirectoryInUse, InvalidInput, NotConfigured
from rootcoz.features.accounts import Accounts
from rootcoz.features.ai_models import ModelCatalogue
from rootcoz.features.audit import Audit
from rootcoz.features.deliveries import Deliveries
from rootcoz.features.events import EventHub
from rootcoz.features.history import History
from rootcoz.features.issues import Issues
from rootcoz.features.job_metadata.metadata import JobMetadataBook, MetadataRules
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
from rootcoz.store.search import TextIndex
from rootcoz.workspace.addresses import repositories_of_setting

if TYPE_CHECKING:
    from rootcoz.analysis.parts import Desks
    from rootcoz.features.report_portal import ReportPortal
    from rootcoz.features.tracker_access import TrackerAccess
    from rootcoz.sources.jenkins.client import JenkinsAccess
    from rootcoz.trackers.base import IssueStates

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
    comment_intents: CommentIntents
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
    if address and settings.encryption_key is None:
        raise SettingsError(
            "ROOTCOZ_ENCRYPTION_KEY is needed with DATABASE_URL: every server on that database must have the same "
            "key, so it cannot lie in one data directory."
        )
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(path / "rootcoz.lock")
        lock.acquire()
    except LockHeld as held:
        raise _in_use(path, held) from None
    except OSError as error:
        raise SettingsError(f"ROOTCOZ_DATA_DIR: {path} cannot be used: {error.strerror or error}") from error
    with lock:
        for name in () if address else (APP_FILE, "engine.sqlite3"):
            _make_private(path / name)
        database = await Database.open(path, address)
        try:
            yield DataDirectory(path, database, lock, _seal(settings, path), address)
        finally:
            await database.close()


def load_analysis() -> None:
    """Import what every analysis uses; takes a quarter of a second the first time, and may be called in any thread."""
    for module in ("rootcoz.analysis.pipeline", "rootcoz.analysis.partial", "rootcoz.desks"):
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
    server_gate: asyncio.Semaphore,
) -> Services:
    """What the faces work with; `server_gate` bounds the questions of the whole server. Raises SettingsError."""
    shelf = ProviderShelf(settings)
    _check_peers(settings, shelf)
    _check_triage_patterns(settings)
    text_index = TextIndex(directory.database)
    return Services(
        settings=settings,
        directory=directory,
        database=directory.database,
        engine=engine,
        results=Results(directory.database, _partial_result),
        comment_links=CommentLinks(directory.database, directory.seal, partial(_link_trackers, settings)),
        comment_intents=CommentIntents(
            directory.database,
            shelf.named,
            Asked(settings.ai_provider, settings.ai_model),
            server_gate,
            _budget_per_day(settings),
        ),
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
        sign_in=SignIn(directory.database, directory.seal, _plain(settings.admin_key) or None),
        presence=Presence(directory.database),
        audit=Audit(directory.database),
        token_usage=TokenUsage(directory.database),
        report_portal=cache(partial(_report_portal, settings, directory.database)),
        mentions=Mentions(directory.database),
        web_push=outbox.web_push,
        notifications=outbox.notifications,
        deliveries=outbox.deliveries,
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
    if not await services.accounts.has_usable_admin():
        raise SettingsError(
            "AUTH_MODE=required, but nobody could enter: ADMIN_KEY is not set, and no administrator with a valid key "
            f"is stored in {services.directory.path}. Set ADMIN_KEY to a secret of at least 16 characters and start "
            "again."
        )


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
    if settings.encryption_key is not None:
        return Seal(settings.encryption_key.get_secret_value())
    return Seal.from_file(path / "encryption.key")


def _in_use(path: Path, held: LockHeld) -> DataDirectoryInUse:
    pid, url = held.note.get("pid"), held.note.get("server_url")
    who = f"process {pid}" if pid else "another process"
    where = f", which serves at {url}" if url else ""
    return DataDirectoryInUse(
        f"The data directory {path} is in use by {who}{where}. Stop it, or choose another with --data-dir.",
        server_url=url if isinstance(url, str) else None,
        pid=pid if isinstance(pid, int) else None,
    )
