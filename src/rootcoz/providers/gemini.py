"""Provider `gemini`: Google's Gemini CLI, held to reading.

https://geminicli.com/docs/reference/configuration describes the settings and variables. What holds it:

- A settings file of ours in its private HOME: four reading tools, no hooks, no MCP servers, no telemetry. Without the
  file it has no way to sign in and fails. (The system's settings would come before it, but are read only from folders
  that belong to root.)
- The workspace is not trusted (`--skip-trust` answers the question without saying yes), so its settings are not read;
  and no repository is ever the workspace itself, only a folder in it.
- GOOGLE_GEMINI_BASE_URL is always set: unset, a `.env` in the workspace may send the key elsewhere.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rootcoz.domain.errors import NotConfigured, OutsideError
from rootcoz.kit import process
from rootcoz.providers.base import Access, OfferedModel, Question, Reply, Usage
from rootcoz.providers.command_line import BACKOFF_S, Program, patiently
from rootcoz.providers.listing import get_listing
from rootcoz.providers.prices import with_cost, with_prices
from rootcoz.providers.wording import Vendor

WHAT = "Gemini CLI"
KEY = "GEMINI_API_KEY"
SOURCE = "provider gemini"
SERVICE = "https://generativelanguage.googleapis.com"
PRICE_LIST = "google"
VERTEX = "GOOGLE_GENAI_USE_VERTEXAI"
"""The variable that stands for signing in through Vertex AI, if the operator allows it."""
READING_TOOLS = ("read_file", "list_directory", "grep_search", "glob")

ARGUMENTS = ("--output-format", "json", "--skip-trust")
VARIABLES = {
    "GEMINI_CLI_NO_RELAUNCH": "true",  # it would start itself a second time, for four seconds
    "GEMINI_SANDBOX": "false",
    "NO_COLOR": "1",
    "LANG": "C.UTF-8",
}
SETTINGS_FILE = ".gemini/settings.json"
_STATUS_CODES = range(400, 600)
_EXIT_CODES = 256
"""Its exit code is the HTTP status of its service, of which the system keeps the remainder by this."""


class _Problem(BaseModel):
    model_config = ConfigDict(extra="ignore")

    type: str = ""
    message: str = ""
    code: int | str | None = None


class _Tokens(BaseModel):
    """`input` is `prompt` without `cached`; thoughts are billed as output."""

    model_config = ConfigDict(extra="ignore")

    input: int = 0
    candidates: int = 0
    thoughts: int = 0
    cached: int = 0


class _ModelStats(BaseModel):
    model_config = ConfigDict(extra="ignore")

    tokens: _Tokens = _Tokens()


class _Stats(BaseModel):
    model_config = ConfigDict(extra="ignore")

    models: dict[str, _ModelStats] = {}


class _Output(BaseModel):
    """The one object that `--output-format json` prints. It may hold an error although the exit code is 0."""

    model_config = ConfigDict(extra="ignore")

    response: str | None = None
    error: _Problem | None = None
    stats: _Stats = _Stats()


class GeminiProvider:
    """Made with the vendor's access; `variables` are further names that the program may see."""

    name = "gemini"
    needs_model = True
    reads_prompt = True
    costs_nothing = False

    def __init__(
        self,
        access: Access,
        *,
        variables: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
        scratch: Path | None = None,
        backoff_s: Sequence[float] = BACKOFF_S,
    ) -> None:
        self._access = access
        self._backoff_s = backoff_s
        self._service = access.base_url or SERVICE
        self._program = Program(
            what=WHAT,
            source=SOURCE,
            setting="GEMINI_BINARY",
            names=(access.binary or "gemini",),
            variables=variables,
            environment=os.environ if environment is None else environment,
            secrets=(access.api_key,),
            scratch=scratch,
        )

    def check(self, model: str) -> None:  # noqa: ARG002 - only the vendor knows its models
        """Raise NotConfigured when there is no program, no key, or no safe place for the settings file."""
        self._program.find()
        if not self._access.api_key and not self._by_vertex:
            raise NotConfigured(f"Provider gemini needs a key: set {KEY}.")

    async def ask(self, question: Question) -> Reply:
        """Run Gemini CLI once; again, within the time, when it was turned away for a rate limit or overload."""
        return await patiently(
            question, lambda left_s: self._attempt(question, left_s), backoff_s=self._backoff_s
        )

    async def models(self) -> tuple[OfferedModel, ...]:
        """https://ai.google.dev/api/models#method:-models.list."""
        listing = await get_listing(
            _Models,
            f"{self._service}/v1beta/models?pageSize=1000",
            headers={"x-goog-api-key": self._access.api_key},
            vendor=self._vendor(""),
            secret=self._access.api_key,
        )
        offered = (
            OfferedModel(entry.name.removeprefix("models/"), entry.display_name or entry.name)
            for entry in listing.models
            if "generateContent" in entry.methods
        )
        return await with_prices(tuple(offered), PRICE_LIST)

    @property
    def _by_vertex(self) -> bool:
        return not self._access.api_key and self._program.sees({VERTEX})

    async def _attempt(self, question: Question, left_s: float) -> Reply:
        vendor = self._vendor(question.model)
        ended = await self._program.run(
            [*ARGUMENTS, f"--model={question.model}"],
            prompt=question.prompt,
            workspace=question.workspace,
            extra=self._variables(),
            timeout_s=left_s,
            home_files={SETTINGS_FILE: self._settings()},
        )
        stderr = ended.stderr.decode(errors="replace")
        if ended.exit_code != 0:
            raise self._failure(ended, stderr, vendor)
        output = self._output(ended)
        if output.error is not None:
            raise vendor.refused(f"{WHAT} failed: {self._program.clean(output.error.message)}")
        if not (output.response or "").strip():
            raise vendor.refused(f"{WHAT} ended without an answer.")
        usage = await with_cost(_usage(output.stats), question.model, PRICE_LIST)
        return Reply(output.response or "", usage)

    def _variables(self) -> dict[str, str]:
        key = {KEY: self._access.api_key} if self._access.api_key else {}
        return VARIABLES | key | {"GOOGLE_GEMINI_BASE_URL": self._service}

    def _settings(self) -> str:
        return json.dumps(_limits("vertex-ai" if self._by_vertex else "gemini-api-key"), indent=1)

    def _output(self, ended: process.Completed) -> _Output:
        try:
            return _Output.model_validate_json(ended.stdout)
        except ValidationError:
            raise self._program.no_reply(ended) from None

    def _failure(self, ended: process.Completed, stderr: str, vendor: Vendor) -> OutsideError:
        """What a failed run means. Standard output is empty then; standard error has the cause and a stack."""
        said = self._said(stderr)
        if "ModelNotFoundError" in stderr:
            return vendor.unknown_model(said)
        status = (ended.exit_code or 0) + _EXIT_CODES
        if status in _STATUS_CODES:
            return vendor.refusal(status, said)
        return self._program.no_reply(ended) if not said else vendor.refused(f"{WHAT} failed: {said}")

    def _said(self, stderr: str) -> str:
        """The vendor's sentence among what the program complains about."""
        for pattern in _CAUSES:
            if match := pattern.search(stderr):
                return self._program.clean(match[1])
        return ""

    def _vendor(self, model: str) -> Vendor:
        return Vendor(WHAT, SOURCE, KEY, model)


_CAUSES = (
    re.compile(r'"message"\s*:\s*"((?:[^"\\]|\\.){1,2000})"'),
    re.compile(r"(?m)^.{0,400}?\b\w{0,40}Error: (.{1,600})$"),
    re.compile(r"(?m)^(.{0,200}(?:auth|GEMINI_API_KEY|trust).{0,400})$", re.IGNORECASE),
)
"""Where standard error says what went wrong, the most telling first."""


def _limits(login: str) -> dict[str, object]:
    return {
        "security": {"auth": {"selectedType": login}},
        # Rate limits are waited for by us, within the question's time; by itself it goes on for minutes.
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False, "maxAttempts": 1},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "tools": {"core": list(READING_TOOLS)},
        "hooksConfig": {"enabled": False},
        "skills": {"enabled": False},
        "mcp": {"allowed": []},
    }


def _usage(stats: _Stats) -> Usage:
    """Of all models it used for the question, summed up."""
    if not stats.models:
        return Usage()
    tokens = [model.tokens for model in stats.models.values()]
    return Usage(
        input_tokens=sum(one.input for one in tokens),
        output_tokens=sum(one.candidates + one.thoughts for one in tokens),
        cache_read_tokens=sum(one.cached for one in tokens),
    )


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore")

    name: str
    display_name: str = Field(default="", alias="displayName")
    methods: list[str] = Field(default=[], alias="supportedGenerationMethods")


class _Models(BaseModel):
    model_config = ConfigDict(extra="ignore")

    models: list[_Model]
