"""The only place that picks adapters and hands them in."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pydantic import SecretStr

from rootcoz.analysis.comment_intent import Asked, CommentIntents
from rootcoz.analysis.parts import Parts
from rootcoz.domain.analysis import JenkinsOrder, RepositoryOrder, StoredAnalysis
from rootcoz.domain.budget import Budget, Budgets
from rootcoz.domain.draft import DraftOrder, SearchOrder, Tracker
from rootcoz.domain.errors import DataDirectoryInUse, InvalidInput, NotConfigured, NotOffered
from rootcoz.features.accounts import Accounts
from rootcoz.features.ai_models import ModelCatalogue
from rootcoz.features.audit import Audit
from rootcoz.features.events import EventHub
from rootcoz.features.history import History
from rootcoz.features.issues import Issues
from rootcoz.features.job_metadata.metadata import JobMetadataBook, MetadataRules
from rootcoz.features.link_states import CommentLinks, CommentTrackers
from rootcoz.features.presence import Presence
from rootcoz.features.results import Results
from rootcoz.features.review import Reviews
from rootcoz.features.sign_in import SignIn
from rootcoz.features.token_usage import TokenUsage
from rootcoz.kit.file_lock import FileLock, LockHeld
from rootcoz.kit.sealed import Seal
from rootcoz.providers.base import Access, Provider
from rootcoz.providers.registry import PROVIDERS, ProviderConfig
from rootcoz.settings import AuthMode, Settings, SettingsError
from rootcoz.store.engine import APP_FILE, Database
from rootcoz.store.search import TextIndex
from rootcoz.workspace.addresses import repositories_of_setting

if TYPE_CHECKING:
    from rootcoz.analysis.drafting import Choice
    from rootcoz.analysis.feedback import FeedbackDesk, Filing
    from rootcoz.analysis.issue_drafts import IssueDraft, IssueDrafts
    from rootcoz.analysis.issue_prompt import PromptParts, RepositoryFiles
    from rootcoz.analysis.parts import Desks
    from rootcoz.features.tracker_access import TrackerAccess
    from rootcoz.sources.jenkins.client import JenkinsAccess

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
    issues: Issues
    trackers: "Callable[[], TrackerAccess]"
    """Made when it is first wanted."""
    comment_links: CommentLinks
    comment_intents: CommentIntents
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


def make_parts(settings: Settings, directory: DataDirectory, events: EventHub) -> Parts:
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
        audience=events,
        budgets=Budgets(
            per_analysis=Budget(settings.ai_budget_per_analysis_usd, settings.ai_budget_per_analysis_tokens),
            per_day=_budget_per_day(settings),
        ),
        reuse_decisions=settings.reuse_decisions,
        metadata_for=MetadataRules(settings.metadata_rules_file).metadata_for,
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


def _tracker_access(settings: Settings) -> "TrackerAccess":
    from rootcoz.desks import tracker_access  # noqa: PLC0415

    return tracker_access(settings)


def _link_trackers(
    settings: Settings, analysis: StoredAnalysis, secrets: Mapping[str, str], saved: Mapping[str, str]
) -> CommentTrackers:
    from rootcoz.desks import LinkTrackers  # noqa: PLC0415

    return LinkTrackers(settings, analysis, secrets, saved)


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
    settings: Settings, directory: DataDirectory, engine: Engine, events: EventHub, parts: Parts
) -> Services:
    """What the faces work with. Raises SettingsError."""
    shelf = ProviderShelf(settings)
    _check_peers(settings, shelf)
    text_index = TextIndex(directory.database)
    return Services(
        settings=settings,
        directory=directory,
        database=directory.database,
        engine=engine,
        results=Results(directory.database, _partial_result),
        reviews=Reviews(directory.database),
        issues=Issues(directory.database),
        trackers=cache(partial(_tracker_access, settings)),
        comment_links=CommentLinks(directory.database, directory.seal, partial(_link_trackers, settings)),
        comment_intents=CommentIntents(
            directory.database,
            shelf.named,
            Asked(settings.ai_provider, settings.ai_model),
            parts.server_gate,
            _budget_per_day(settings),
        ),
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
        drafts=DraftShelf(settings, directory, parts),
    )


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
