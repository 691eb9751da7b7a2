import pytest

from rootcoz.domain.failure import Failure
from rootcoz.grouping.profile import Compared, read_profile

WRAPPED = """com.acme.ApiException: order 5 failed
\tat com.acme.Api.call(Api.java:30)
\tat com.acme.ApiTest.callsBug123(ApiTest.java:12)
\tat org.junit.Runner.run(Runner.java:99)
Caused by: java.sql.SQLException: deadlock found in table stock
\tat org.postgresql.Driver.run(Driver.java:7)
\tat com.acme.db.Store.load(Store.java:41)
\tat com.acme.Api.call(Api.java:28)
\t... 20 more"""


def test_the_root_cause_is_what_counts() -> None:
    profile = read_profile(
        Failure(
            "com.acme.ApiTest.callsBug123",
            "com.acme.ApiException: order 5 failed",
            WRAPPED,
            class_name="com.acme.ApiTest",
        )
    )

    assert profile.exception == "SQLException"
    assert profile.culprit == "com.acme.db.Store.load"
    assert profile.frames == ("com.acme.db.Store.load", "com.acme.Api.call")
    assert profile.owners == {"com.acme.db.Store", "com.acme.Api"}
    assert profile.message == "deadlock found in table stock"
    assert {"deadlock", "stock", "order"} <= profile.words
    assert profile.references == {"bug123", "123"}
    assert profile.package == ("com", "acme")
    assert profile.class_words == {"api"}


def test_a_check_in_a_helper_of_the_test_has_no_culprit() -> None:
    stack = (
        "java.lang.AssertionError: expected:<1> but was:<2>\n"
        "\tat com.acme.ApiTest.check(ApiTest.java:90)\n"
        "\tat com.acme.Visitor.visit(Visitor.java:3)\n"
        "\tat com.acme.ApiTest.calls(ApiTest.java:12)"
    )
    profile = read_profile(
        Failure("com.acme.ApiTest.calls", stack.partition("\n")[0], stack, class_name="com.acme.ApiTest")
    )

    assert profile.is_check
    assert profile.culprit == ""
    assert profile.compared == Compared("1", "2")


@pytest.mark.parametrize(
    ("name", "class_name", "expected"),
    [
        ("com.acme.CartTest.adds[3]", "com.acme.CartTest", ("com.acme.CartTest", "adds")),
        ("tests/test_cart.py::TestCart::test_adds[a.b]", "", ("tests/test_cart.py::TestCart", "test_adds")),
        ("com.acme.CartTest.adds", "", ("com.acme.CartTest", "adds")),
        ("Cart adds 2.5 items", "", ("", "Cart adds 2.5 items")),
        ("adds", "src/cart.test.ts", ("src/cart.test.ts", "adds")),
    ],
)
def test_class_and_name_of_the_test_are_told_apart(
    name: str, class_name: str, expected: tuple[str, str]
) -> None:
    profile = read_profile(Failure(name, class_name=class_name))

    assert (profile.test_class, profile.test) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("expected:<ab[c]d> but was:<ab[x]d>", Compared("c", "x")),
        ("expected:<abc> but was:<abx>", Compared("abc", "abx")),
        ("expect(received).toBe(expected)\n\nExpected: 3\nReceived: 4", Compared("3", "4")),
        ("nothing was expected", None),
    ],
)
def test_expected_and_found_values_are_read(message: str, expected: Compared | None) -> None:
    assert read_profile(Failure("t", message)).compared == expected


def test_what_two_compared_values_do_not_share_is_their_difference() -> None:
    message = "Expected: var total = price * rate;\nResult:   var total = price + 3;"

    assert read_profile(Failure("t", message)).difference == {"-*", "-rate", "++", "+3"}
    assert read_profile(Failure("t", "nothing was expected")).difference == frozenset()


def test_a_file_is_part_of_a_function_where_the_trace_does_not_qualify_it() -> None:
    frame = '  File "/app/prices.py", line 3, in price_of\n    return t[k]'
    stack = f"Traceback (most recent call last):\n{frame}\nKeyError: 1"

    assert (
        read_profile(Failure("tests.test_cart.test_adds", "KeyError: 1", stack)).culprit
        == "price_of (prices.py)"
    )
