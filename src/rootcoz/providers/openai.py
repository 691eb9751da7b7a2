"""Provider `openai`: any service that speaks OpenAI's chat protocol, such as Ollama, vLLM or a gateway.

The model is run as an agent whose only tools list, read and search files of the workspace. The agent library takes
two seconds to import, so that happens with the first question, in a thread.

https://platform.openai.com/docs/api-reference/chat. The client library tries again by itself what was turned away
for a rate limit or overload, and waits for as long as Retry-After says, a minute at most.
"""

import asyncio
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from rootcoz.domain.errors import NotConfigured, OutsideError, Unavailable
from rootcoz.kit.http_bounds import ReplyTooLong, bounded_client
from rootcoz.providers.base import Access, OfferedModel, Question, Reply, Usage
from rootcoz.providers.listing import get_listing
from rootcoz.providers.prices import with_cost, with_prices
from rootcoz.providers.wording import Vendor, without_secrets
from rootcoz.providers.workspace_reader import WorkspaceReader

if TYPE_CHECKING:
    from pydantic_ai.run import AgentRunResult

WHAT = "The OpenAI-compatible service"
KEY = "OPENAI_API_KEY"
SOURCE = "provider openai"
SERVICE = "https://api.openai.com/v1"
ANY_PRICE_LIST = ""
NO_KEY = "none"
"""Sent where a service wants no key: the client library insists on one."""

REQUEST_LIMIT = 40
"""Requests of one question: the agent's steps."""
TOOL_CALL_LIMIT = 120
TOKEN_LIMIT = 2_000_000
"""Tokens of all requests of one question; each repeats what was said before."""
RETRIES = 3
"""Further tries of a single request."""
_BAD_REQUEST = 400


class OpenAIProvider:
    """Made with the service's address and key."""

    name = "openai"
    needs_model = True
    reads_prompt = True
    costs_nothing = False

    def __init__(self, access: Access) -> None:
        self._access = access
        self._service = access.base_url or SERVICE
        self._without_schema: set[str] = set()
        """Models whose service has refused to hold them to a schema."""

    def check(self, model: str) -> None:  # noqa: ARG002 - only the service knows its models
        """Raise NotConfigured when there is no key for OpenAI itself; other services may need none."""
        if not self._access.api_key and not self._access.base_url:
            raise NotConfigured(
                f"Provider openai needs a key, or the address of a service that wants none: set {KEY} "
                "or OPENAI_BASE_URL."
            )

    async def ask(self, question: Question) -> Reply:
        """Run the agent to its answer, within the limits on requests, tool calls and tokens."""
        agents = await asyncio.to_thread(_agents)
        vendor = self._vendor(question.model)
        try:
            async with asyncio.timeout(question.timeout_s):
                run = await self._run(question)
        except TimeoutError as error:
            message = f"{WHAT} did not answer within {question.timeout_s:g} seconds."
            raise Unavailable(message, source=SOURCE, timed_out=True) from error
        except agents.errors as error:
            raise self._failure(error, vendor) from error
        text = run.output
        if not text.strip():
            raise vendor.refused(f"{WHAT} ended without an answer.")
        truncated = run.response.finish_reason == "length"
        usage = await with_cost(_usage(run), question.model, ANY_PRICE_LIST)
        return Reply(text, usage, run.response.model_name or question.model, truncated=truncated)

    async def models(self) -> tuple[OfferedModel, ...]:
        """https://platform.openai.com/docs/api-reference/models/list."""
        listing = await get_listing(
            _Models,
            f"{self._service}/models",
            headers={"authorization": f"Bearer {self._access.api_key or NO_KEY}"},
            vendor=self._vendor(""),
            secret=self._access.api_key,
        )
        return await with_prices(
            tuple(OfferedModel(entry.id, entry.id) for entry in listing.data), ANY_PRICE_LIST
        )

    async def _run(self, question: Question) -> "AgentRunResult[str]":
        """Ask with the schema where there is one; a service that does not know schemas is asked without."""
        schema = None if question.model in self._without_schema else question.answer_schema
        if schema is None:
            return await self._run_agent(question, None)
        from pydantic_ai.exceptions import ModelHTTPError  # noqa: PLC0415 - see the module's text

        try:
            return await self._run_agent(question, schema)
        except ModelHTTPError as error:
            if error.status_code != _BAD_REQUEST or not _is_about_the_schema(str(error.body)):
                raise
            self._without_schema.add(question.model)
            return await self._run_agent(question, None)

    async def _run_agent(
        self, question: Question, schema: Mapping[str, object] | None
    ) -> "AgentRunResult[str]":
        from openai import AsyncOpenAI  # noqa: PLC0415 - see the module's text
        from pydantic_ai import Agent, FunctionToolset, UsageLimits  # noqa: PLC0415
        from pydantic_ai.models.openai import OpenAIChatModel, OpenAIChatModelSettings  # noqa: PLC0415
        from pydantic_ai.providers.openai import OpenAIProvider as Service  # noqa: PLC0415

        settings = OpenAIChatModelSettings(timeout=question.timeout_s)
        if schema is not None:
            settings["extra_body"] = {"response_format": _response_format(schema)}
        tools: FunctionToolset[object] = FunctionToolset()
        if question.workspace is not None:
            reader = WorkspaceReader(question.workspace)
            for tool in (reader.list_files, reader.read_file, reader.search):
                tools.add_function(tool)
        async with bounded_client(timeout_s=question.timeout_s) as http:
            client = AsyncOpenAI(
                base_url=self._service,
                api_key=self._access.api_key or NO_KEY,
                max_retries=RETRIES,
                http_client=http,
            )
            agent = Agent(
                OpenAIChatModel(question.model, provider=Service(openai_client=client)),
                output_type=str,
                toolsets=[tools],
                model_settings=settings,
                retries=3,
            )
            limits = UsageLimits(
                request_limit=REQUEST_LIMIT,
                tool_calls_limit=TOOL_CALL_LIMIT,
                total_tokens_limit=TOKEN_LIMIT,
            )
            prompt = question.prompt.encode(errors="replace").decode()  # lone surrogates are no JSON text
            return await agent.run(prompt, usage_limits=limits)

    def _failure(self, error: Exception, vendor: Vendor) -> OutsideError:
        from pydantic_ai import exceptions  # noqa: PLC0415 - see the module's text

        if too_long := _cause(error, ReplyTooLong):
            return vendor.refused(f"{WHAT}'s answer cannot be used. {too_long}")
        match error:
            case exceptions.ModelHTTPError():
                said = self._clean(_message(error.body))
                return vendor.refusal(error.status_code, said, retry_after_s=error.retry_after)
            case exceptions.UsageLimitExceeded():
                return vendor.refused(
                    f"{WHAT} came to no answer within the limits: {self._clean(str(error))}"
                )
            case exceptions.OutputTokenLimitExceeded():
                return vendor.refused(f"{WHAT}'s answer was cut short at the model's limit of output.")
            case exceptions.ModelAPIError():
                return vendor.unavailable(f"{WHAT} cannot be reached: {self._clean(str(error))}")
            case _:
                return vendor.refused(f"{WHAT} answered with something unusable: {self._clean(str(error))}")

    def _clean(self, text: str) -> str:
        return without_secrets(text, [self._access.api_key])

    def _vendor(self, model: str) -> Vendor:
        return Vendor(WHAT, SOURCE, KEY, model)


class _Agents:
    """What of the agent library is needed outside of a run."""

    def __init__(self) -> None:
        import openai  # noqa: PLC0415 - see the module's text
        import pydantic_ai.models.openai  # noqa: F401, PLC0415 - loads what a run needs, in this thread
        from pydantic_ai.exceptions import AgentRunError  # noqa: PLC0415

        self.errors: tuple[type[Exception], ...] = (AgentRunError, openai.OpenAIError)


@cache
def _agents() -> _Agents:
    return _Agents()


def _response_format(schema: Mapping[str, object]) -> dict[str, object]:
    # Not strict: strict schemas may have no optional parts.
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema), "strict": False}}


def _is_about_the_schema(text: str) -> bool:
    return any(word in text.lower() for word in ("response_format", "json_schema", "structured output"))


def _message(body: object) -> str:
    """The service's own sentence: the library hands over what stood at `error`, or the whole body."""
    if isinstance(body, dict):
        inner: Any = body.get("message") or body.get("error") or ""
        return str(inner.get("message", "") if isinstance(inner, dict) else inner)
    return str(body or "")


def _cause(error: BaseException | None, kind: type[Exception]) -> BaseException | None:
    """The error of that kind among those that led to this one."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def _usage(run: "AgentRunResult[str]") -> Usage:
    """Of all requests. Services count what came from the cache among the input; here the two do not overlap."""
    usage = run.usage
    if not usage.input_tokens and not usage.output_tokens:
        return Usage()
    return Usage(
        input_tokens=max(0, usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens),
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )


class _Model(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id: str


class _Models(BaseModel):
    model_config = ConfigDict(extra="ignore")

    data: list[_Model]
