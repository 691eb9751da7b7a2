import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootcoz.domain.failure import Failure
from rootcoz.grouping.memory import (
    MEMORY_VERSION,
    MOST_KEYS,
    SURE,
    memory_keys,
    rank,
    rank_remembered,
    remember,
    similarity,
)


def failure(test_class: str, test: str, error: str, *frames: str) -> Failure:
    own = f"{test_class}.{test}({test_class.rpartition('.')[2]}.java:20)"
    stack = "\n\tat ".join((error, *frames, own, "org.junit.Runner.run(Runner.java:1)"))
    return Failure(f"{test_class}.{test}", error, stack, class_name=test_class)


TOTAL = "com.acme.OrderService.total(OrderService.java:88)"
NEW = failure("com.acme.CartTest", "addsGift", "java.lang.NullPointerException: rate", TOTAL)
SAME = failure(
    "com.acme.CartTest", "addsGift", "java.lang.NullPointerException: rate", TOTAL.replace("88", "91")
)
NEAR = failure("com.acme.OfferTest", "takesHalf", "java.lang.NullPointerException: vat", TOTAL)
FAR = failure(
    "org.mail.LetterTest", "stripsMarkup", "java.io.IOException: mailbox full", "org.mail.Box.put(Box.java:3)"
)


def test_the_same_failure_is_as_similar_as_can_be() -> None:
    assert similarity(NEW, SAME) == 1.0


def test_similarity_falls_with_what_two_failures_have_in_common() -> None:
    near, far = similarity(NEW, NEAR), similarity(NEW, FAR)

    assert SURE >= near > 0.3
    assert 0 <= far < 0.1


def test_the_past_is_ranked_with_the_same_failure_first() -> None:
    ranked = rank(NEW, [FAR, NEAR, SAME])

    assert [found.position for found in ranked] == [2, 1, 0]
    assert [found.similarity for found in ranked] == sorted(
        (found.similarity for found in ranked), reverse=True
    )
    assert ranked[0].similarity == 1.0


def test_the_first_places_go_to_past_failures_that_differ() -> None:
    repeated = [
        failure(
            "com.acme.OfferTest", f"takesHalf{number}", f"java.lang.NullPointerException: vat{number}", TOTAL
        )
        for number in range(6)
    ]
    other = failure("com.acme.pay.InvoiceTest", "prints", "java.lang.NullPointerException: sum", TOTAL)
    past = [*repeated, other]
    positions = [found.position for found in rank(NEW, past)]

    assert similarity(NEW, other) < min(similarity(NEW, one) for one in repeated)
    assert positions.index(6) < 5
    assert sorted(positions) == list(range(7))


def test_nothing_in_the_past_gives_nothing() -> None:
    assert rank(NEW, []) == []


def test_failures_that_were_read_before_are_ranked_alike() -> None:
    past = [FAR, NEAR, SAME]

    assert rank_remembered(remember(NEW), [remember(failure) for failure in past]) == rank(NEW, past)


def test_keys_are_short_versioned_and_few() -> None:
    keys = memory_keys(NEW)

    assert 1 < len(keys) == len(set(keys)) <= MOST_KEYS
    assert all(re.fullmatch(r"[0-9]+[a-z]:[0-9a-f]{20,32}", key) for key in keys)
    assert all(key.startswith(str(MEMORY_VERSION)) for key in keys[1:])


def test_the_same_failure_has_the_same_first_key() -> None:
    assert memory_keys(NEW)[0] == memory_keys(SAME)[0] != memory_keys(NEAR)[0]


@pytest.mark.parametrize(
    "past",
    [
        NEAR,
        failure("com.acme.CartTest", "isEmpty", "java.lang.AssertionError: expected:<0> but was:<1>"),
        failure("com.acme.pay.PayTest", "addsGift", "java.lang.AssertionError"),
    ],
    ids=["same culprit", "same class", "same test elsewhere"],
)
def test_what_resembles_shares_a_key(past: Failure) -> None:
    assert not set(memory_keys(NEW)).isdisjoint(memory_keys(past))


def test_what_has_nothing_in_common_shares_no_key() -> None:
    assert set(memory_keys(NEW)).isdisjoint(memory_keys(FAR))


@settings(max_examples=60, deadline=None)
@given(*[st.builds(Failure, st.text(), st.text(), st.text(), class_name=st.text())] * 2)
def test_any_two_failures_can_be_compared(one: Failure, other: Failure) -> None:
    found = similarity(one, other)

    assert 0 <= found <= 1
    assert found == similarity(other, one)
    assert memory_keys(one) == memory_keys(one)
