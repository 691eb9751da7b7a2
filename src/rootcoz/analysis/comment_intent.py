"""Does a comment say that its failure has been dealt with? Quick and cheap: somebody has just written it.

An AI is asked when the request, the server or the analysis names one; the built-in rules answer when nobody does, when
nothing is left to pay with, and when all places for questions are taken.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from rootcoz.analysis.ledger import Ledger
from rootcoz.analysis.turns import Turns
from rootcoz.domain.budget import Budget, Budgets
from rootcoz.domain.errors import BudgetSpent, NotConfigured, OutsideError
from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.evidence.secrets import redact
from rootcoz.prompts.intent import intent_prompt, intent_schema, parse_intent
from rootcoz.prompts.texts import prompt_use
from rootcoz.providers.base import Provider, Question
from rootcoz.providers.builtin import BuiltinProvider
from rootcoz.store.analyses import find_analysis
from rootcoz.store.engine import Database
from rootcoz.triage.comment_intent import READ_CHARS, Intent, read_intent

CALL_TYPE = "comment_intent"
TIMEOUT_S = 120.0
AT_ONCE = 2
"""Comments that AIs read at the same time."""
REMEMBERED = 256
"""Comments whose answer is kept: pages ask again when they are opened again."""
NOT_KNOWN = Intent(suggests_reviewed=False, reason="")
_NO_FAILURE = FailureGroup(0, ErrorSignature("", 0), Failure(""), ())

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is asked."""

    provider: str
    model: str


class CommentIntents:
    """Reads comments."""

    def __init__(
        self,
        database: Database,
        provider_named: Callable[[str], Provider],
        default: Asked,
        server_gate: asyncio.Semaphore,
        per_day: Budget,
    ) -> None:
        """`default`: of the settings, with an empty provider when they name none; `server_gate`: of all questions."""
        self._database = database
        self._provider_named = provider_named
        self._default = default
        self._server_gate = server_gate
        ledger = Ledger(database, None, {}, budgets=Budgets(per_day=per_day))
        self._turns = Turns(ledger, asyncio.Semaphore(AT_ONCE), server_gate)
        self._remembered: OrderedDict[tuple[str, str, str], Intent] = OrderedDict()

    async def read(self, comment: str, *, job_id: str = "", provider: str = "", model: str = "") -> Intent:
        """What the comment says. `provider` and `model` are the request's; empty for what it does not name.

        Raises NotConfigured when who is named cannot be asked. An AI that fails, or answers with what cannot be used,
        suggests nothing.
        """
        if not comment.strip():
            return NOT_KNOWN
        chosen = await self._chosen(job_id, Asked(provider, model))
        ai = self._provider_named(chosen.provider)
        if ai.costs_nothing:
            return read_intent(comment)
        key = (comment, chosen.provider, chosen.model)
        if (known := self._remembered.get(key)) is not None:
            self._remembered.move_to_end(key)
            return known
        return await self._asked(key, ai)

    async def _asked(self, key: tuple[str, str, str], ai: Provider) -> Intent:
        """What the AI says, which is remembered; what the rules say when it may not be asked now."""
        comment, _, model = key
        if self._server_gate.locked():
            return read_intent(comment)
        try:
            intent = await self._ask(ai, model, comment)
        except BudgetSpent as error:
            log.info("comment_intent_by_rules", reason=str(error))
            return read_intent(comment)
        except OutsideError as error:
            log.info("comment_intent_not_known", source=error.source, reason=str(error))
            return NOT_KNOWN
        self._remembered[key] = intent
        while len(self._remembered) > REMEMBERED:
            self._remembered.popitem(last=False)
        return intent

    async def _chosen(self, job_id: str, asked: Asked) -> Asked:
        """The request's word, else the server's, else the analysis's; a model goes with the provider it belongs to."""
        of_job = await self._of_analysis(job_id) if job_id else None
        named = asked.provider or self._default.provider
        if not named and of_job is not None and self._can_be_asked(of_job):
            return Asked(of_job.provider, asked.model or of_job.model)
        named = named or BuiltinProvider.name
        model = asked.model
        for known in (self._default, of_job):
            if not model and known is not None and known.provider == named:
                model = known.model
        ai = self._provider_named(named)
        if ai.needs_model and not model:
            raise NotConfigured(f"Provider {named!r} needs a model: send ai_model or set AI_MODEL.")
        ai.check(model)
        return Asked(named, model)

    def _can_be_asked(self, asked: Asked) -> bool:
        """An old analysis may have asked somebody whom this server does not know any more: that is nobody's fault."""
        try:
            self._provider_named(asked.provider).check(asked.model)
        except NotConfigured:
            return False
        return True

    async def _of_analysis(self, job_id: str) -> Asked | None:
        async with self._database.read() as connection:
            analysis = await find_analysis(connection, job_id)
        return None if analysis is None else Asked(analysis.options.provider, analysis.options.model)

    async def _ask(self, ai: Provider, model: str, comment: str) -> Intent:
        question = Question(
            group=_NO_FAILURE,
            affected_tests=(),
            job_name="",
            prompt=intent_prompt(redact(comment[:READ_CHARS], emails=True).text),
            workspace=None,  # everything stands in the question
            model=model,
            timeout_s=TIMEOUT_S,
            answer_schema=intent_schema(),
            prompts=(prompt_use("intent"),),
        )
        reply = await self._turns.ask(ai, question, key=CALL_TYPE, call_type=CALL_TYPE)
        read = parse_intent(reply.text)
        if isinstance(read, str):
            log.info("comment_intent_unusable", provider=ai.name, reason=read)
            return NOT_KNOWN
        return Intent(*read)
