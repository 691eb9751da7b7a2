"""Provider `cursor`: Cursor's command-line agent in its asking mode, which only reads.

https://cursor.com/docs/cli/reference/parameters and .../output-format. `--trust` answers the question whether the
workspace may be looked at; `--force`, which lets it run commands, is never given.
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rootcoz.domain.errors import NotConfigured, OutsideError, RateLimited
from rootcoz.kit import process
from rootcoz.providers.base import Access, OfferedModel, Question, Reply, Usage
from rootcoz.providers.command_line import BACKOFF_S, Program, patiently
from rootcoz.providers.prices import with_cost, with_prices
from rootcoz.providers.wording import Vendor, retry_after

WHAT = "Cursor's agent"
KEY = "CURSOR_API_KEY"
SOURCE = "provider cursor"
ANY_PRICE_LIST = ""
"""Cursor sells models of several vendors, under their names."""
ARGUMENTS = ("-p", "--trust", "--mode", "ask", "--output-format", "json")
LISTING_TIMEOUT_S = 20.0

_LISTED_MODEL = re.compile(r"(?m)^\s*(\S{1,200}) - (\S.{0,200}?)\s*$")
_BAD_KEY = re.compile(r"(?i)authentication required|invalid api key|not logged in|unauthori[sz]ed")
_UNKNOWN_MODEL = re.compile(r"(?i)cannot use this model|unknown model|invalid model|model not found")
_RATE_LIMIT = re.compile(r"(?i)rate limit|too many requests|resource_exhausted|\b429\b")
_UNAVAILABLE = re.compile(r"(?i)\[unavailable\]|network|connect|timed out|\b50[234]\b")


class _Tokens(BaseModel):
    model_config = ConfigDict(extra="ignore")

    input_tokens: int | None = Field(default=None, alias="inputTokens")
    output_tokens: int | None = Field(default=None, alias="outputTokens")
    cache_read_tokens: int | None = Field(default=None, alias="cacheReadTokens")
    cache_write_tokens: int | None = Field(default=None, alias="cacheWriteTokens")


class _Result(BaseModel):
    model_config = ConfigDict(extra="ignore")

    is_error: bool = False
    result: str | None = None
    usage: _Tokens | None = None
    """Older releases do not give it."""


class CursorProvider:
    """Made with the vendor's access; `variables` are further names that the program may see."""

    name = "cursor"
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
        self._program = Program(
            what=WHAT,
            source=SOURCE,
            setting="CURSOR_BINARY",
            # Newer installations call it `agent`.
            names=(access.binary,) if access.binary else ("cursor-agent", "agent"),
            variables=variables,
            environment=os.environ if environment is None else environment,
            secrets=(access.api_key,),
            scratch=scratch,
        )

    def check(self, model: str) -> None:  # noqa: ARG002 - only the vendor knows its models
        """Raise NotConfigured when there is no program or no key."""
        self._program.find()
        if not self._access.api_key:
            raise NotConfigured(f"Provider cursor needs a key: set {KEY}.")

    async def ask(self, question: Question) -> Reply:
        """Run the agent once; again, within the time, when it was turned away for a rate limit."""
        return await patiently(
            question, lambda left_s: self._attempt(question, left_s), backoff_s=self._backoff_s
        )

    async def models(self) -> tuple[OfferedModel, ...]:
        """What `--list-models` prints: lines `id - Name`."""
        ended = await self._program.run(
            ["--list-models"],
            prompt="",
            workspace=None,
            extra=self._variables(),
            timeout_s=LISTING_TIMEOUT_S,
        )
        if ended.exit_code != 0:
            raise self._failure(ended, self._vendor(""))
        listed = _LISTED_MODEL.findall(ended.stdout.decode(errors="replace"))
        return await with_prices(tuple(OfferedModel(key, name) for key, name in listed), ANY_PRICE_LIST)

    async def _attempt(self, question: Question, left_s: float) -> Reply:
        vendor = self._vendor(question.model)
        ended = await self._program.run(
            [*ARGUMENTS, f"--model={question.model}"],
            prompt=question.prompt,
            workspace=question.workspace,
            extra=self._variables(),
            timeout_s=left_s,
        )
        if ended.exit_code != 0:
            raise self._failure(ended, vendor)
        try:
            result = _Result.model_validate_json(ended.stdout)
        except ValidationError:
            raise self._program.no_reply(ended) from None
        text = result.result or ""
        if result.is_error:
            raise vendor.refused(f"{WHAT} failed: {self._program.clean(text) or 'it does not say why'}")
        if not text.strip():
            raise vendor.refused(f"{WHAT} ended without an answer.")
        usage = await with_cost(_usage(result.usage), question.model, ANY_PRICE_LIST)
        return Reply(text, usage)

    def _variables(self) -> dict[str, str]:
        return {KEY: self._access.api_key, "NO_COLOR": "1", "LANG": "C.UTF-8"}

    def _failure(self, ended: process.Completed, vendor: Vendor) -> OutsideError:
        """What a failed run means: only standard error tells."""
        said = self._program.last_words(ended)
        if _BAD_KEY.search(said):
            return vendor.refusal(401, said)
        if _UNKNOWN_MODEL.search(said):
            return vendor.unknown_model(said)
        if _RATE_LIMIT.search(said):
            message = f"{WHAT} was turned away for its rate limit; ask again later. It said: {said}"
            return RateLimited(message, source=SOURCE, retry_after_s=retry_after(said))
        if _UNAVAILABLE.search(said):
            return vendor.unavailable(f"{WHAT} could not reach its service. It said: {said}")
        return self._program.no_reply(ended)

    def _vendor(self, model: str) -> Vendor:
        return Vendor(WHAT, SOURCE, KEY, model)


def _usage(tokens: _Tokens | None) -> Usage:
    if tokens is None:
        return Usage()
    return Usage(
        input_tokens=tokens.input_tokens,
        output_tokens=tokens.output_tokens,
        cache_read_tokens=tokens.cache_read_tokens,
        cache_write_tokens=tokens.cache_write_tokens,
    )
