import time

import pytest

from rootcoz.domain.errors import OutsideError, RateLimited, Refused, Unavailable
from rootcoz.providers.wording import Vendor, last_lines, retry_after, without_secrets

VENDOR = Vendor("Claude Code", "provider claude", "ANTHROPIC_API_KEY", "m-1")


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("TypeError: x is undefined at main.js:12", "TypeError: x is undefined at main.js:12"),
        ("API_KEY=abc next", "API_KEY=*** next"),
        ('{"access_token": "abc", "a": 1}', '{"access_token": "***", "a": 1}'),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("password = hunter2;", "password = ***;"),
        ("GET https://bob:pw@example.org/x", "GET https://***@example.org/x"),
        ("key sk-live-0123456789abcdef was refused", "key *** was refused"),
        ("unauthorizedIsALongReadableWord", "unauthorizedIsALongReadableWord"),
        ("literal longvalue given", "literal *** given"),
    ],
)
def test_what_looks_like_a_secret_is_removed(text: str, clean: str) -> None:
    assert without_secrets(text, ["longvalue", "abc"]) == clean


def test_removing_secrets_from_hostile_text_takes_no_time() -> None:
    began = time.monotonic()

    for text in ("token" * 1_000, "a" * 4_000, "token=" + " " * 4_000, "://" * 1_300):
        without_secrets(text, [])

    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (401, Refused, "check ANTHROPIC_API_KEY"),
        (403, Refused, "check ANTHROPIC_API_KEY"),
        (404, Refused, "no model 'm-1'"),
        (400, Refused, "HTTP 400"),
        (413, Refused, "too large"),
        (429, RateLimited, "rate limit"),
        (503, RateLimited, "overload"),
        (529, RateLimited, "overload"),
        (500, Unavailable, "HTTP 500"),
    ],
)
def test_a_status_becomes_a_sentence(status: int, kind: type[OutsideError], says: str) -> None:
    error = VENDOR.refusal(status, "because")

    assert type(error) is kind
    assert says in str(error)
    assert str(error).endswith("It said: because")


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("Quota exceeded. Please retry in 7.5s.", 7.5),
        ("try again in 12 seconds", 12),
        ("Retry after 3 s", 3),
        ("Try again tomorrow", None),
    ],
)
def test_a_wait_that_is_asked_for_in_words_is_understood(said: str, seconds: float | None) -> None:
    assert retry_after(said) == seconds


def test_the_last_lines_are_printable_and_few() -> None:
    text = b"first\n\n" + b"".join(b"line %d\x1b[0m\n" % number for number in range(9))

    assert last_lines(text).splitlines() == [f"line {number} [0m" for number in range(4, 9)]
