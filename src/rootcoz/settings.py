"""The environment and files, read once into one checked object.

Precedence: explicit overrides (command-line options), the environment, `.env` and `rootcoz.toml` in the working
directory, `rootcoz.toml` in the user's configuration directory, defaults. Names are the field names, in upper case
in the environment and `.env`; four that other programs might set as well carry the prefix `ROOTCOZ_`.

Files of the working directory are read only where the caller asks for it (`rootcoz serve` does): a command that is
run inside an untrusted checkout must not take its orders from files that lie there.
"""

import difflib
import io
import json
import os
import shlex
import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

import platformdirs
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from rootcoz.channel_settings import (
    ChannelSettings,
    Words,
    check_channels,
    check_webhook_url,
    mail_address,
    parse_channels,
    split_words,
)
from rootcoz.domain.debate import Participant
from rootcoz.domain.errors import InvalidInput, RootcozError
from rootcoz.domain.review import DecisionReuse
from rootcoz.kit.addresses import networks
from rootcoz.kit.loopback import is_loopback
from rootcoz.workspace.addresses import repositories_of_setting, repository

APP = "rootcoz"


class SettingsError(RootcozError):
    """A setting has a wrong value; the message names each one and says what is allowed."""


def _said_as_values(check: Callable[[], object]) -> None:
    """Run the check; what it refuses is refused as a wrong value."""
    try:
        check()
    except InvalidInput as error:
        raise ValueError(str(error)) from error


class AuthMode(StrEnum):
    """Who may read and analyse."""

    OPEN = "open"
    REQUIRED = "required"


def _split_command(value: object) -> object:
    return shlex.split(value) if isinstance(value, str) else value


MAX_PEERS = 20


def _parse_peers(value: object) -> object:
    """`provider:model` for each peer; a model's name may hold colons itself."""
    entries = split_words(value)
    if not isinstance(entries, list | tuple):
        return entries
    if len(entries) > MAX_PEERS:
        raise ValueError(f"must name at most {MAX_PEERS} peers")
    peers = []
    for number, entry in enumerate(entries, start=1):
        provider, _, model = (part.strip() for part in str(entry).partition(":"))
        if not provider or not model:
            raise ValueError(f"peer {number} must be written as provider:model, for example claude:opus")
        peers.append(Participant(provider, model))
    return tuple(peers)


_OWN_FIELDS = frozenset({"project", "summary", "description", "issuetype", "security"})


def _parse_fields(value: object) -> object:
    """A JSON object, as text or, from a file, as a table."""
    if isinstance(value, str):
        if not value.strip():
            return None
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = ""
    fields = value if isinstance(value, dict) else {}
    if value is not None and not fields:
        raise ValueError('must be a JSON object, for example {"customfield_10010": {"value": "CI"}}')
    if own := sorted(_OWN_FIELDS & fields.keys()):
        raise ValueError(f"must not hold {', '.join(own)}: each issue has its own")
    return value


JsonFields = Annotated[dict[str, Any] | None, BeforeValidator(_parse_fields)]
Peers = Annotated[tuple[Participant, ...], BeforeValidator(_parse_peers)]
Channels = Annotated[
    tuple[ChannelSettings, ...], BeforeValidator(parse_channels), AfterValidator(check_channels)
]
Command = Annotated[tuple[str, ...], BeforeValidator(_split_command)]


def _default_data_dir() -> Path:
    return Path(platformdirs.user_data_dir(APP, appauthor=False))


class Settings(BaseModel):
    """Everything that can be set. Times carry their unit in the description."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    # Where the server is and keeps its data
    host: str = Field(
        default="127.0.0.1", validation_alias="ROOTCOZ_HOST", description="Address to listen on."
    )
    port: int = Field(
        default=8000,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("ROOTCOZ_PORT", "PORT"),
        description="Port to listen on; 0 takes a free one. PORT, which many platforms set, is taken too.",
    )
    data_dir: Path = Field(
        default_factory=_default_data_dir,
        validation_alias=AliasChoices("ROOTCOZ_DATA_DIR", "DB_PATH"),
        description="Folder with all data. DB_PATH, the older name, is a file: its folder is taken.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description=(
            "PostgreSQL database of `serve`, as postgresql://USER:PASSWORD@HOST/DATABASE. "
            "Empty: SQLite in the data directory."
        ),
    )
    public_base_url: str = Field(
        default="", description="How browsers reach the server, for links. Empty: links are relative."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="What is logged to standard error."
    )

    # Who is asked
    ai_provider: str = Field(default="", description="Default provider. Empty: builtin.")
    ai_model: str = Field(default="", description="Default model of the provider.")
    ai_cli_timeout: int = Field(default=10, gt=0, le=1440, description="Minutes that one question may take.")
    ai_command: Command = Field(
        default=(), description="Program of provider `command`, with its arguments; read as a shell would."
    )
    ai_command_env: Words = Field(
        default=(),
        description="Environment variables that the program of AI_COMMAND may see, comma separated.",
    )
    ai_cli_env: Words = Field(
        default=(),
        description=(
            "Further environment variables that the command lines of claude, gemini and cursor may see, "
            "comma separated."
        ),
    )
    anthropic_api_key: SecretStr | None = Field(default=None, description="Key for claude.")
    anthropic_base_url: str = Field(
        default="", description="Address of claude's service. Empty: Anthropic's."
    )
    claude_binary: str = Field(default="", description="Claude Code. Empty: `claude` of the PATH.")
    gemini_api_key: SecretStr | None = Field(default=None, description="Key for gemini.")
    google_gemini_base_url: str = Field(
        default="", description="Address of gemini's service. Empty: Google's."
    )
    gemini_binary: str = Field(default="", description="Gemini CLI. Empty: `gemini` of the PATH.")
    cursor_api_key: SecretStr | None = Field(default=None, description="Key for cursor.")
    cursor_binary: str = Field(
        default="", description="Cursor's agent. Empty: `cursor-agent` or `agent` of the PATH."
    )
    openai_api_key: SecretStr | None = Field(
        default=None, description="Key for openai; services of your own may need none."
    )
    openai_base_url: str = Field(
        default="", description="Address of any OpenAI-compatible service, with /v1. Empty: OpenAI's."
    )
    max_concurrent_ai_calls: int = Field(
        default=3, gt=0, le=1000, description="Questions of one analysis that are asked at once."
    )
    server_max_concurrent_ai_calls: int = Field(
        default=8, gt=0, le=1000, description="Questions that the whole server asks at once."
    )

    # What may be spent on them
    ai_budget_per_analysis_usd: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="US dollars that the AI calls of one analysis may cost. Empty: no limit.",
    )
    ai_budget_per_day_usd: float | None = Field(
        default=None,
        gt=0,
        allow_inf_nan=False,
        description="US dollars that all AI calls of a day (UTC) may cost. Empty: no limit.",
    )
    ai_budget_per_analysis_tokens: int | None = Field(
        default=None, gt=0, description="Tokens that the AI calls of one analysis may use. Empty: no limit."
    )
    ai_budget_per_day_tokens: int | None = Field(
        default=None, gt=0, description="Tokens that all AI calls of a day (UTC) may use. Empty: no limit."
    )

    reuse_decisions: DecisionReuse = Field(
        default=DecisionReuse.SUGGEST,
        description=(
            "What becomes of people's decisions when the same failure comes again: off; suggest: they are shown, also "
            "to an AI, and so are those about similar failures; answer: the newest one about the same failure is the "
            "answer and nobody is asked."
        ),
    )

    # Who judges the answers
    peer_ai_configs: Peers = Field(
        default=(),
        description="Peers that judge each answer, as provider:model, comma separated. Empty: no debates.",
    )
    peer_analysis_max_rounds: int = Field(
        default=3, ge=1, le=10, description="Rounds that a debate may take."
    )

    # Where known issues are looked up and new ones are filed
    enable_jira: bool | None = Field(
        default=None, description="Look up product bugs in Jira. Empty: yes, when JIRA_URL is set."
    )
    jira_url: str = Field(default="", description="Address of Jira, with its path if it has one.")
    jira_email: str = Field(default="", description="Account at Jira Cloud.")
    jira_api_token: SecretStr | None = Field(default=None, description="API token of that account.")
    jira_pat: SecretStr | None = Field(
        default=None, description="Personal access token for Jira Data Center, instead of an account."
    )
    jira_project_key: str = Field(
        default="", description="Project whose bugs are looked up, and in which new ones are filed."
    )
    jira_ssl_verify: bool = Field(default=True, description="Check Jira's certificate.")
    jira_max_results: int = Field(
        default=5, gt=0, le=1000, description="Issues of Jira that are shown with one finding, at most."
    )
    enable_jira_issues: bool | None = Field(
        default=None, description="Let people file Jira bugs from a result. Empty: yes, when JIRA_URL is set."
    )
    jira_issue_fields: JsonFields = Field(
        default=None,
        description="Further fields of Jira issues that are filed, as a JSON object by field id.",
    )
    github_api_url: str = Field(
        default="https://api.github.com",
        description="Address of GitHub's API; an Enterprise server has it at https://HOST/api/v3.",
    )
    github_token: SecretStr | None = Field(
        default=None, description="Token for GITHUB_API_URL, and for nothing else."
    )
    enable_github_issues: bool | None = Field(
        default=None, description="Let people file GitHub issues from a result. Empty: yes."
    )
    feedback_repo_url: str = Field(
        default="https://github.com/rootcoz/rootcoz",
        description="GitHub repository in which feedback about rootcoz is filed, with GITHUB_TOKEN.",
    )
    tracker_proxy: str = Field(
        default="",
        description="Proxy for Jira, GitHub and Report Portal. Empty: none; HTTPS_PROXY is not read for them.",
    )

    # Where findings are pushed
    enable_reportportal: bool | None = Field(
        default=None,
        description="Let people push findings into Report Portal. Empty: yes, when REPORTPORTAL_URL is set.",
    )
    reportportal_url: str = Field(
        default="", description="Address of Report Portal, as its pages have it, without /api."
    )
    reportportal_api_token: SecretStr | None = Field(
        default=None, description="API key for that Report Portal, and for nothing else."
    )
    reportportal_project: str = Field(default="", description="Project whose launches get the findings.")
    reportportal_verify_ssl: bool = Field(default=True, description="Check Report Portal's certificate.")

    # Where builds come from
    jenkins_url: str = Field(
        default="",
        description="Jenkins server, with the path below which it serves. Empty: requests name theirs.",
    )
    jenkins_user: SecretStr | None = Field(default=None, description="User of the Jenkins server.")
    jenkins_password: SecretStr | None = Field(
        default=None, description="API token (or password) of that user. Without it requests are anonymous."
    )
    jenkins_ssl_verify: bool = Field(
        default=True, description="Whether the certificate of the Jenkins server must be trusted."
    )
    jenkins_timeout: int = Field(
        default=30, gt=0, le=3600, description="Seconds that a request to Jenkins may take."
    )
    jenkins_artifacts_max_size_mb: int = Field(
        default=500,
        gt=0,
        le=1_000_000,
        description="Megabytes of artifacts that are downloaded for one build.",
    )
    get_job_artifacts: bool = Field(
        default=True, description="Whether a build's artifacts are downloaded for whoever is asked."
    )
    force_analysis: bool = Field(
        default=False, description="Whether builds that passed are analysed as well."
    )
    wait_for_completion: bool = Field(
        default=True, description="Whether an analysis waits until its build has ended."
    )
    poll_interval_minutes: int = Field(
        default=2, gt=0, le=1440, description="Minutes between two looks at a build that is waited for."
    )
    max_wait_minutes: int = Field(
        default=0, ge=0, le=525_600, description="Minutes that a build is waited for. 0: no limit."
    )

    # What an AI may read besides the failures
    tests_repo_url: str = Field(
        default="",
        description="Repository of the tests, with `:ref` at its end if it is not the default branch.",
    )
    tests_repo_token: SecretStr | None = Field(
        default=None, description="Token for that repository, and no other."
    )
    additional_repos: str = Field(
        default="", repr=False, description="Further repositories: `name:url[:ref][@token]`, comma separated."
    )

    # What is known about jobs
    metadata_rules_file: Path | None = Field(
        default=None,
        description="YAML or JSON file with rules that give new jobs a team, tier, version and labels by their name.",
    )
    triage_patterns_file: Path | None = Field(
        default=None,
        description="YAML, JSON or TOML file with your own patterns for the built-in analyser.",
    )

    # Who is told what
    notifications: Channels = Field(
        default=(),
        repr=False,
        description="Channels that are told of analyses; in the environment a JSON array.",
    )
    slack_webhook_url: SecretStr | None = Field(
        default=None, description="Webhook of Slack that is told of new failures in any job."
    )
    alert_email_to: Words = Field(
        default=(), description="Mail addresses that are told of new failures in any job, comma separated."
    )
    smtp_host: str = Field(default="", description="Server that mail is handed in at.")
    smtp_port: int = Field(default=587, gt=0, le=65535, description="Its port.")
    smtp_user: str = Field(default="", description="User at that server. Empty: no login.")
    smtp_password: SecretStr | None = Field(default=None, description="Password of that user.")
    smtp_from: str = Field(default="", description="Address that mail is from.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        default="starttls",
        description="How mail is handed in: `starttls`, `tls` from the beginning, or `none`.",
    )
    notify_proxy: str = Field(
        default="", description="Proxy for webhooks. Empty: none; HTTPS_PROXY is not read for them."
    )
    enable_web_push: bool = Field(
        default=True, description="Let browsers be told when a comment mentions their user."
    )
    vapid_public_key: str = Field(
        default="",
        description="Key that browsers subscribe with. Empty: a pair is made once, beside the data.",
    )
    vapid_private_key: SecretStr | None = Field(default=None, description="The private half of the pair.")
    vapid_claim_email: str = Field(
        default="", description="Mail address that operators of push services may write to."
    )
    push_allowed_networks: Words = Field(
        default=(),
        description="Networks of your own in which push services may be, comma separated. Empty: the internet only.",
    )

    # Who may do what
    auth_mode: AuthMode = Field(
        default=AuthMode.OPEN,
        description="`open`: reads and analyses need no sign-in. `required`: all but /health needs a key.",
    )
    admin_key: SecretStr | None = Field(
        default=None, description="Key of the administrator `admin`; at least 16 characters."
    )
    encryption_key: SecretStr | None = Field(
        default=None,
        validation_alias="ROOTCOZ_ENCRYPTION_KEY",
        description="Seals the credentials that requests bring. Empty: a key file beside the data is made and used.",
    )
    allowed_users: Words = Field(
        default=(), description="User names that may change anything, comma separated. Empty: everybody."
    )
    secure_cookies: bool = Field(
        default=True, description="Browsers send the session's cookie over HTTPS only (and on localhost)."
    )
    trust_proxy_headers: bool = Field(
        default=False,
        description="A proxy that is trusted names the user in X-Forwarded-User, and addresses in X-Forwarded-For.",
    )
    trusted_proxies: Words = Field(
        default=(),
        description="Addresses or networks of those proxies, comma separated. Empty: this machine only.",
    )
    allow_open: bool = Field(
        default=False,
        validation_alias="ROOTCOZ_ALLOW_OPEN",
        description="Yes, listen beyond loopback although AUTH_MODE is `open`.",
    )

    # Signing in at an identity provider
    oidc_issuer: str = Field(
        default="",
        description="Address of an OpenID provider that people sign in at. Empty: none.",
    )
    oidc_client_id: str = Field(default="", description="What this server is called there.")
    oidc_client_secret: SecretStr | None = Field(
        default=None, description="Its secret there. Empty: a public client, protected by PKCE alone."
    )
    oidc_scopes: str = Field(
        default="openid profile email", description="What the provider is asked for, blanks in between."
    )
    oidc_username_claim: str = Field(
        default="preferred_username", description="What the provider calls the user name."
    )
    oidc_groups_claim: str = Field(default="groups", description="What it calls the groups of a user.")
    oidc_admin_groups: Words = Field(
        default=(),
        description="Groups that make administrators, comma separated. Empty: none does.",
    )

    # The command line
    server: str = Field(
        default="",
        validation_alias="ROOTCOZ_SERVER",
        description="Server that `rootcoz analyze` sends reports to. Empty: it works in its own process.",
    )
    api_key: SecretStr | None = Field(
        default=None, validation_alias="ROOTCOZ_API_KEY", description="Key for that server."
    )

    @property
    def pushes_to_reportportal(self) -> bool:
        """Whether all is set that a push needs, the address that it links to included."""
        return self.enable_reportportal is not False and all(
            (
                self.reportportal_url,
                self.reportportal_api_token,
                self.reportportal_project,
                self.public_base_url,
            )
        )

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator(
        "public_base_url",
        "server",
        "anthropic_base_url",
        "google_gemini_base_url",
        "openai_base_url",
        "jira_url",
        "github_api_url",
        "feedback_repo_url",
        "tracker_proxy",
        "reportportal_url",
        "notify_proxy",
        "jenkins_url",
        "oidc_issuer",
    )
    @classmethod
    def _is_http_url(cls, url: str) -> str:
        if url:
            parts = urlsplit(url)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                raise ValueError("must be an address such as https://rootcoz.example.com")
            if parts.username or parts.password:
                raise ValueError("must not hold a user or a password; there are settings for them")
        return url.rstrip("/")

    @field_validator("tests_repo_url")
    @classmethod
    def _is_a_repository(cls, url: str) -> str:
        if url:
            _said_as_values(lambda: repository("tests", url))
        return url

    @field_validator("additional_repos")
    @classmethod
    def _are_repositories(cls, text: str) -> str:
        _said_as_values(lambda: repositories_of_setting(text))
        return text

    @field_validator("slack_webhook_url")
    @classmethod
    def _is_a_webhook(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            check_webhook_url(url.get_secret_value())
        return url

    @field_validator("alert_email_to")
    @classmethod
    def _are_mail_addresses(cls, to: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(mail_address, to))

    @field_validator("smtp_from", "vapid_claim_email")
    @classmethod
    def _is_a_mail_address(cls, address: str) -> str:
        return mail_address(address.removeprefix("mailto:")) if address else ""

    @field_validator("trusted_proxies", "push_allowed_networks")
    @classmethod
    def _are_networks(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        networks(texts)
        return texts

    @field_validator("oidc_scopes")
    @classmethod
    def _asks_who_it_is(cls, scopes: str) -> str:
        if "openid" not in scopes.split():
            raise ValueError("must hold openid")
        return " ".join(scopes.split())

    @model_validator(mode="after")
    def _provider_is_complete(self) -> Self:
        problem = _openid_problem(self)
        if problem:
            raise ValueError(problem)
        return self

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("admin_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        minimum = 16
        if key is not None and len(key.get_secret_value()) < minimum:
            raise ValueError(f"must have at least {minimum} characters")
        return key


def _openid_problem(settings: Settings) -> str:
    """What is missing for signing in at an identity provider; empty if nothing is."""
    if not settings.oidc_issuer:
        return "OIDC_CLIENT_ID is set without OIDC_ISSUER" if settings.oidc_client_id else ""
    if not settings.oidc_client_id:
        return "OIDC_ISSUER needs OIDC_CLIENT_ID, what this server is called there"
    if not settings.public_base_url:
        return "OIDC_ISSUER needs PUBLIC_BASE_URL, the address that browsers come back to"
    parts = urlsplit(settings.oidc_issuer)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        return "OIDC_ISSUER must begin with https://; plain http is for a provider on this machine"
    return ""


def environment_name(field_name: str) -> str:
    """What the field is called in the environment."""
    alias = Settings.model_fields[field_name].validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return alias if isinstance(alias, str) else field_name.upper()


def load_settings(*, project_files: bool = False, **overrides: object) -> Settings:
    """Read the settings. Overrides that are None count as not given.

    `project_files` also reads `.env` and `rootcoz.toml` of the working directory. Raises SettingsError.
    """
    values = _read_toml(Path(platformdirs.user_config_dir(APP, appauthor=False)) / "rootcoz.toml")
    if project_files:
        values |= _without_programs(_read_toml(Path("rootcoz.toml")), "rootcoz.toml")
        values |= _without_programs(_from_environment(_read_dotenv(Path(".env"))), ".env")
    values |= _from_environment(os.environ)
    values |= {_key(name): value for name, value in overrides.items() if value is not None}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError(_explain(error)) from None


_PROGRAMS = ("ai_command", "claude_binary", "gemini_binary", "cursor_binary")
"""Settings that name what is run."""


def _without_programs(values: dict[str, Any], file: str) -> dict[str, Any]:
    """The values of a file in the working directory, which may be anybody's: it must not choose what we run."""
    for name in _PROGRAMS:
        if _key(name) in values:
            raise SettingsError(
                f"{environment_name(name)} is not taken from {file} in the working directory, since it names a program "
                "to run: set it in the environment or in rootcoz.toml of your configuration directory."
            )
    return values


def _key(field_name: str) -> str:
    """The name under which Settings takes the field, so that each source overwrites the same key."""
    return environment_name(field_name) if Settings.model_fields[field_name].validation_alias else field_name


def _from_environment(variables: Mapping[str, str | None]) -> dict[str, str]:
    """The settings among the variables. Blank strings count as unset."""
    found = {}
    for field_name, field in Settings.model_fields.items():
        alias = field.validation_alias
        names = alias.choices if isinstance(alias, AliasChoices) else [environment_name(field_name)]
        for name in names:
            value = variables.get(str(name))
            if value is not None and value.strip():
                found[_key(field_name)] = value if name == names[0] else _older_name(str(name), value)
                break
    return found


def _older_name(name: str, value: str) -> str:
    """What a variable of an older name means for the field of today."""
    return str(Path(value).parent) if name == "DB_PATH" else value


def _read_dotenv(file: Path) -> Mapping[str, str | None]:
    """The file's variables; none if there is no such file."""
    try:
        text = file.read_text(encoding="utf-8")
        for entry in parse_stream(io.StringIO(text)):
            if entry.error:  # it would be skipped, with whatever it was to protect
                raise SettingsError(
                    f"{file} cannot be read: line {entry.original.line} is not NAME=value; is a quote not closed?"
                )
        return dotenv_values(stream=io.StringIO(text), interpolate=False)
    except (
        FileNotFoundError,
        NotADirectoryError,
        IsADirectoryError,
    ):  # a virtual environment may be called so
        return {}
    except UnicodeDecodeError as error:
        raise SettingsError(_not_utf_8(file, error)) from error
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror or error}") from error


def _not_utf_8(file: Path, error: UnicodeDecodeError) -> str:
    return f"{file} cannot be read: it is not UTF-8 (byte {error.start}); save it as UTF-8"


def _read_toml(file: Path) -> dict[str, Any]:
    """The file's values by field name. Unknown names are refused: a misspelt setting must not pass unnoticed."""
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except UnicodeDecodeError as error:
        raise SettingsError(_not_utf_8(file, error)) from error
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror or error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{file} cannot be read: {error}") from error
    known = set(Settings.model_fields)
    for name in values:
        if name.lower() not in known:
            near = difflib.get_close_matches(name.lower(), sorted(known), n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(f"{file}: there is no setting {name!r}{hint}")
    return {_key(name.lower()): value for name, value in values.items()}


def _explain(error: ValidationError) -> str:
    """One sentence a wrong value; never the value itself, which may be a secret."""
    sentences = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        said = problem["msg"].removeprefix("Value error, ")
        # What is wrong with several together names them itself.
        name = f"{_shown(str(problem['loc'][0]))}{_within(problem['loc'][1:])}: " if problem["loc"] else ""
        sentences.append(f"{name}{said}")
    return "; ".join(sentences)


def _within(place: tuple[int | str, ...]) -> str:
    """Which part of a setting that has parts: ` (entry 2, url)`."""
    parts = [f"entry {one + 1}" if isinstance(one, int) else one for one in place]
    return f" ({', '.join(parts)})" if parts else ""


def _shown(name: str) -> str:
    """What the user may have called the setting that pydantic calls `name`."""
    for field_name, field in Settings.model_fields.items():
        if name in {field_name, _key(field_name)}:
            alias = field.validation_alias
            names = alias.choices if isinstance(alias, AliasChoices) else [environment_name(field_name)]
            return " or ".join(str(one) for one in names)
    return name.upper()
