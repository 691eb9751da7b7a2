from dataclasses import replace

import pytest

from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.domain.finding import Classification, Finding, NoVerdict, NoVerdictReason
from rootcoz.domain.review import PastDecision
from rootcoz.prompts.answer import parse_answer
from rootcoz.providers.base import Provider, Question, Usage
from rootcoz.providers.builtin import BuiltinProvider
from rootcoz.triage import judge

FAILURES = {
    "infrastructure": Failure("t", "OSError: [Errno 28] No space left on device: '/tmp/\ud800\x00x'"),
    "code issue": Failure(
        "shop.tests.test_cart",
        "TypeError: bad",
        "Traceback (most recent call last):\n"
        '  File "tests/test_cart.py", line 3, in test_add\n'
        "    add()\n"
        "TypeError: bad\n",
    ),
    "product bug": Failure(
        "org.acme.CartTest.adds",
        "java.lang.IllegalStateException: closed",
        "java.lang.IllegalStateException: closed\n\tat org.acme.Cart.add(Cart.java:7)\n"
        "\tat org.acme.CartTest.adds(CartTest.java:12)\n",
        class_name="org.acme.CartTest",
    ),
    "abstention": Failure("t", "something is odd"),
    "nothing": Failure("t"),
}


def question(failure: Failure, affected_tests: tuple[str, ...] = ("a", "b, c")) -> Question:
    group = FailureGroup(1, ErrorSignature("0" * 64, 1), failure, (0,))
    return Question(group, affected_tests, job_name="", prompt="", workspace=None, model="", timeout_s=1)


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
async def test_the_reply_is_the_judgement_in_the_common_contract(failure: Failure) -> None:
    if "\x00" in failure.error_message:
        failure = Failure(failure.test_name, failure.error_message.replace("\x00", "").replace("\ud800", ""))

    reply = await BuiltinProvider().ask(question(failure))

    assert parse_answer(reply.text) == judge(failure, ("a", "b, c"))


async def test_the_judgement_of_what_no_database_stores_is_readable_all_the_same() -> None:
    reply = await BuiltinProvider().ask(question(FAILURES["infrastructure"]))

    assert isinstance(parse_answer(reply.text), Finding)


async def test_an_abstention_stays_one() -> None:
    answer = parse_answer((await BuiltinProvider().ask(question(FAILURES["abstention"]))).text)

    assert isinstance(answer, NoVerdict)
    assert answer.reason is NoVerdictReason.ABSTAINED
    assert "something is odd" in answer.details


async def test_a_group_of_twenty_thousand_tests_keeps_them_all() -> None:
    names = tuple(f"shop.test_cart.test_{number}" for number in range(20_000))

    answer = parse_answer((await BuiltinProvider().ask(question(FAILURES["product bug"], names))).text)

    assert isinstance(answer, Finding)
    assert answer.affected_tests == names


async def test_it_costs_nothing_and_needs_nothing() -> None:
    provider: Provider = BuiltinProvider()
    provider.check("")

    assert (provider.name, provider.needs_model, provider.reads_prompt) == ("builtin", False, False)
    assert provider.costs_nothing
    assert (await provider.ask(question(FAILURES["nothing"]))).usage == Usage()


async def test_what_people_decided_of_the_same_failure_is_followed() -> None:
    decision = PastDecision("INFRASTRUCTURE", "carol", "2026-03-02T00:00:00.000Z", "job-2")
    asked = replace(question(FAILURES["product bug"]), decisions=(decision,))
    answer = parse_answer((await BuiltinProvider().ask(asked)).text)

    assert isinstance(answer, Finding)
    assert answer.classification is Classification.INFRASTRUCTURE
    assert answer.rules == ("decided-before",)
    assert "carol set INFRASTRUCTURE for this failure" in answer.details
