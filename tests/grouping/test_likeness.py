import pytest

from rootcoz.domain.failure import Failure
from rootcoz.grouping.likeness import SUITE, CountedVocabulary, Kind, PlainVocabulary, compare, contradict
from rootcoz.grouping.profile import Profile, read_profile


def profile(message: str, test: str = "com.acme.CartTest.adds", stack: str = "") -> Profile:
    return read_profile(Failure(test, message, stack, class_name=test.rpartition(".")[0]))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("HTTP 500 for /a", "HTTP 404 for /a", True),
        ("HTTP/1.1 502 Bad Gateway", "HTTP/1.1 401 Unauthorized", True),
        ("status expected:<200> but was:<500>", "status expected:<200> but was:<404>", True),
        ("exited with code 1", "exited with code 137", True),
        ("HTTP 500 for /a", "HTTP 500 for /b", False),
        ("HTTP 500 for /a", "no answer from /a", False),
        ("status expected:<200> but was:<500>", "HTTP 500", False),
        ("took 500 ms", "took 404 ms", False),
        ("IOError: disk has no space left", "KeyError: unknown currency in table", True),
        ("IOError: disk has no space left", "IOError: unknown currency in table", False),
        ("AssertionError: basket holds three apples", "IOError: disk has no space left", True),
        ("fatal: cannot reach git server", "IOError: disk has no space left", True),
        ("AssertionError: basket holds three apples", "AssertionError: voucher was taken twice", False),
        ("IOError: disk has no space left", "OSError: disk has no space left", False),
    ],
)
def test_failures_contradict_each_other_by_their_own_words(one: str, other: str, *, expected: bool) -> None:
    assert contradict(profile(one), profile(other)) is expected
    assert contradict(profile(other), profile(one)) is expected


def test_rare_words_speak_louder_than_common_ones() -> None:
    profiles = [
        profile("IOError: disk lost", f"com.acme.C{number}Test.readsBlock{number}") for number in range(40)
    ]
    vocabulary = CountedVocabulary(profiles)

    assert vocabulary.weight(Kind.NAME, "block") < 0.1 < vocabulary.weight(Kind.NAME, "7")
    assert vocabulary.weight(Kind.NAME, "unheard") > vocabulary.weight(Kind.NAME, "7")


def test_a_class_with_very_many_failures_is_a_suite() -> None:
    profiles = [profile(f"IOError: {number}") for number in range(SUITE + 1)]

    assert CountedVocabulary(profiles).is_suite("com.acme.CartTest")
    assert not CountedVocabulary(profiles[1:]).is_suite("com.acme.CartTest")


def test_comparing_is_symmetric_and_a_probability() -> None:
    one, other = profile("IOError: disk lost"), profile("IOError: disk gone", "com.acme.CartTest.removes")
    plain = PlainVocabulary()
    likeness = compare(one, other, plain)

    assert likeness == compare(other, one, plain)
    assert 0.5 < likeness.probability < 1
    assert not likeness.contradicted


def test_checks_that_miss_the_same_are_more_alike_than_those_that_miss_something_else() -> None:
    def missing(word: str, rest: str, test: str) -> Profile:
        return profile(f"Expected: {rest} {word} end\nReceived: {rest} end", test)

    one = missing("discount", "basket one", "com.acme.CartTest.adds")
    same = missing("discount", "invoice three", "com.acme.BillTest.prints")
    other = missing("greeting", "invoice three", "com.acme.BillTest.prints")

    assert compare(one, same, PlainVocabulary()).score > compare(one, other, PlainVocabulary()).score + 1
