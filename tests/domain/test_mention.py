import time

import pytest

from rootcoz.domain.mention import MENTIONS_LIMIT, spoken_to


def names(text: str) -> list[str]:
    """The shortest name of each mention."""
    return [choices[-1] for choices in spoken_to(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@carol", ["carol"]),
        ("please look, @carol.d", ["carol.d"]),
        ("@carol.d: and @build-bot_2 too", ["carol.d", "build-bot_2"]),
        (
            "Thanks @carol. And @dave, (@erin) [@frank] **@gina** '@hana'!",
            ["carol", "dave", "erin", "frank", "gina", "hana"],
        ),
        ("who knows? @carol... @dave-", ["carol", "dave"]),
        ("@Carol and @CAROL", ["carol"]),
        ("@Jürgen", ["jürgen"]),
        ("line\n@carol\n", ["carol"]),
        ("—@carol", ["carol"]),
        ('she said "@carol"', ["carol"]),
        ("<@carol>", ["carol"]),
        ("@alice@example.com is her name here", ["alice@example.com"]),
    ],
)
def test_a_name_after_an_at_sign_is_spoken_to(text: str, expected: list[str]) -> None:
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "a @ b",
        "write to carol@example.com",
        "first.last+tag@example.com, x_@example.com, y-@example.com",
        '"john"@example.com',
        "git@github.com:o/r.git",
        "https://example.com/@carol/feed",
        r"\@carol",
        "user%@carol",
        "`@carol`",
        "``@carol ` @dave``",
        "`over\n@carol lines`",
        "```\n@carol\n```",
        "```python\n@pytest.fixture\n``\n@dave\n````",
        "~~~\n@carol\n```\n@dave",
        "> ```\n> @carol\n> ```",
        "  ```\n@carol\n  ```",
    ],
)
def test_addresses_and_code_speak_to_nobody(text: str) -> None:
    assert names(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("`code` @carol `more`", ["carol"]),
        ("` @carol", ["carol"]),
        ("`` @carol `", ["carol"]),
        ("a ` b\n\n@carol ` c", ["carol"]),
        (r"\`@carol\`", ["carol"]),
        ("```\ncode\n```\n@carol", ["carol"]),
        ("``` not a fence ``` @carol", ["carol"]),
        ("    ```\n@carol", ["carol"]),
    ],
)
def test_what_only_looks_like_code_is_read(text: str, expected: list[str]) -> None:
    assert names(text) == expected


def test_a_name_may_end_with_punctuation_if_somebody_is_called_so() -> None:
    assert spoken_to("see @carol.-") == [("carol.-", "carol.", "carol")]


def test_a_comment_speaks_to_a_bounded_number_of_people() -> None:
    text = " ".join(f"@user{number}" for number in range(500))

    assert names(text) == [f"user{number}" for number in range(MENTIONS_LIMIT)]


@pytest.mark.parametrize(
    "piece", ["`", "` ``", "@", "@a.", "@a@", "@a.-", "~~~\n", "> ", "```\n", "\\`", "@a@b ", '"@']
)
def test_the_time_grows_with_the_text_whatever_it_is(piece: str) -> None:
    started = time.process_time()
    spoken_to(piece * (300_000 // len(piece)))

    assert time.process_time() - started < 3
