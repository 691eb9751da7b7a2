"""Provider `claude`: Claude Code, Anthropic's command-line agent, held to reading.

Flags and variables: https://code.claude.com/docs/en/cli-reference and .../settings. What each is for:

- `--tools` leaves three tools to offer at all, and `--permission-mode dontAsk` denies them whatever lies outside the
  working folder. (`--allowedTools` would let them read anywhere.)
- `--setting-sources ""`, `--strict-mcp-config`, `--safe-mode`, `--disable-slash-commands`: nothing that lies in the
  workspace is taken for configuration. Without them a cloned repository's hooks and MCP servers run, and its
  settings send the API key elsewhere.
- `--json-schema` adds `structured_output`, an answer of the asked shape.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from rootcoz.domain.errors import NotConfigured, OutsideError
from rootcoz.kit import process
from rootcoz.providers.base import Access, OfferedModel, Question, Reply, Usage
from rootcoz.providers.command_line import BACKOFF_S, Program, patiently
from rootcoz.providers.listing import get_listing
from rootcoz.providers.prices import with_cost, with_prices
from rootcoz.providers.wording import Vendor

WHAT = "Claude Code"
KEY = "ANTHROPIC_API_KEY"
SOURCE = "provider claude"
SERVICE = "https://api.anthropic.com"
PRICE_LIST = "anthropic"
OTHER_LOGINS = frozenset(
    {"CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_AUTH_TOKEN"}
)
"""Variables that stand for another way to be let in than the key, if the operator allows them."""

ARGUMENTS = (
    *("-p", "--output-format", "json"),
    *("--tools", "Read,Grep,Glob", "--permission-mode", "dontAsk"),
    *("--setting-sources", "", "--strict-mcp-config", "--safe-mode", "--disable-slash-commands"),
    "--no-session-persistence",
)
VARIABLES = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    # By itself it goes on for more than a minute; it honours Retry-After.
    "CLAUDE_CODE_MAX_RETRIES": "2",
    "LANG": "C.UTF-8",
}


class _Tokens(BaseModel):
    model_config = ConfigDict(extra="ignore")

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Result(BaseModel):
    """The one object that `--output-format json` prints. Reports of failure have the same shape."""

    model_config = ConfigDict(extra="ignore")

    is_error: bool = False
    subtype: str = ""
    """`success` says nothing: failed calls have it too."""
    api_error_status: int | None = None
    api_error: str | None = None
    result: str | None = None
    structured_output: dict[str, Any] | None = None
    total_cost_usd: float | None = None
    usage: _Tokens = _Tokens()


class ClaudeProvider:
    """Made with the vendor's access; `variables` are further names that the program may see."""

    name = "claude"
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
            setting="CLAUDE_BINARY",
            names=(access.binary or "claude",),
            variables=variables,
            environment=os.environ if environment is None else environment,
            secrets=(access.api_key,),
            scratch=scratch,
        )

    def check(self, model: str) -> None:  # noqa: ARG002 - only the vendor knows its models
        """Raise NotConfigured when there is no program or no key."""
        self._program.find()
        if not self._access.api_key and not self._program.sees(OTHER_LOGINS):
            raise NotConfigured(f"Provider claude needs a key: set {KEY}.")

    async def ask(self, question: Question) -> Reply:
        """Run Claude Code once; again, within the time, when it was turned away for a rate limit or overload."""
        return await patiently(
            question, lambda left_s: self._attempt(question, left_s), backoff_s=self._backoff_s
        )

    async def models(self) -> tuple[OfferedModel, ...]:
        """https://docs.claude.com/en/api/models-list."""
        listing = await get_listing(
            _Models,
            f"{self._service}/v1/models?limit=1000",
            headers={"x-api-key": self._access.api_key, "anthropic-version": "2023-06-01"},
            vendor=self._vendor(""),
            secret=self._access.api_key,
        )
        return await with_prices(
            tuple(OfferedModel(entry.id, entry.display_name or entry.id) for entry in listing.data),
            PRICE_LIST,
        )

    async def _attempt(self, question: Question, left_s: float) -> Reply:
        arguments = [*ARGUMENTS, f"--model={question.model}"]
        if question.answer_schema is not None:
            arguments += ["--json-schema", json.dumps(question.answer_schema)]
        ended = await self._program.run(
            arguments,
            prompt=question.prompt,
            workspace=question.workspace,
            extra=self._variables(),
            timeout_s=left_s,
        )
        result = self._result(ended)
        if result.is_error or ended.exit_code != 0:
            raise self._failure(result, self._vendor(question.model))
        text = result.result or ""
        if result.structured_output is not None:
            text = json.dumps(result.structured_output, ensure_ascii=False)
        if not text.strip():
            how = "" if result.subtype in {"", "success"} else f" ({result.subtype})"
            raise self._vendor(question.model).refused(f"{WHAT} ended without an answer{how}.")
        tokens = result.usage
        usage = Usage(
            input_tokens=tokens.input_tokens,
            output_tokens=tokens.output_tokens,
            cache_read_tokens=tokens.cache_read_input_tokens,
            cache_write_tokens=tokens.cache_creation_input_tokens,
            cost_usd=result.total_cost_usd,
        )
        return Reply(text, await with_cost(usage, question.model, PRICE_LIST))

    def _variables(self) -> dict[str, str]:
        key = {KEY: self._access.api_key} if self._access.api_key else {}
        return VARIABLES | key | {"ANTHROPIC_BASE_URL": self._service}

    def _result(self, ended: process.Completed) -> _Result:
        try:
            return _Result.model_validate_json(ended.stdout)
        except ValidationError:
            raise self._program.no_reply(ended) from None

    def _failure(self, result: _Result, vendor: Vendor) -> OutsideError:
        said = self._program.clean(result.result or result.api_error or result.subtype)
        if result.api_error_status is not None:
            return vendor.refusal(result.api_error_status, said)
        if result.api_error == "max_output_tokens":
            return vendor.refused(
                f"{WHAT}'s answer was cut short at the model's limit of output. It said: {said}"
            )
        message = f"{WHAT} failed: {said}"
        return (
            vendor.unavailable(message)
            if result.api_error == "connection_failed"
            else vendor.refused(message)
        )

    def _vendor(self, model: str) -> Vendor:
        return Vendor(WHAT, SOURCE, KEY, model)


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str
    display_name: str = ""


class _Models(BaseModel):
    model_config = ConfigDict(extra="ignore")

    data: list[_Model]
