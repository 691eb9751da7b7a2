import base64
import random
import re
import string
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.evidence.secret_rules import MARK, RULES
from rootcoz.evidence.secrets import Redactor, redact

CORPUS = Path(__file__).parents[1] / "corpus" / "secrets"

_DRAWS = {
    "an": string.ascii_letters + string.digits,
    "hex": "0123456789abcdef",
    "b64": string.ascii_letters + string.digits + "+/",
    "b64u": string.ascii_letters + string.digits + "-_",
    "up": string.ascii_uppercase + string.digits,
    "lo": string.ascii_lowercase + string.digits,
    "dig": string.digits,
}


def chances(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - made-up secrets, the same ones in each run


def corpus_lines(name: str) -> list[str]:
    lines = (CORPUS / name).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


PLANTED = corpus_lines("planted.txt")


def drawn(template: str, chance: random.Random) -> tuple[str, list[str]]:
    """A line of the corpus with its draws made: the line, and the secrets in it."""

    def letters(match: re.Match[str]) -> str:
        return "".join(chance.choices(_DRAWS[match[1]], k=int(match[2])))

    user_and_password = f"ci:{''.join(chance.choices(_DRAWS['an'], k=12))}"
    line = template.replace("{basic}", base64.b64encode(user_and_password.encode()).decode())
    line = re.sub(r"\{(\w+):(\d+)\}", letters, line)
    return line.replace("⟦", "").replace("⟧", ""), re.findall("⟦(.*?)⟧", line)


def private_key(chance: random.Random, *, prefix: str = "") -> list[str]:
    body = ["".join(chance.choices(_DRAWS["b64"], k=64)) for _ in range(6)] + ["Ab3dE5=="]
    return [
        f"{prefix}{line}"
        for line in ["-----BEGIN RSA PRIVATE KEY-----", *body, "-----END RSA PRIVATE KEY-----"]
    ]


def test_the_corpus_of_planted_secrets_is_broad() -> None:
    kinds = {line.split(" | ")[0] for line in PLANTED}

    assert len(PLANTED) >= 150
    assert len(kinds) >= 25


@pytest.mark.parametrize("entry", PLANTED)
def test_no_planted_secret_passes(entry: str) -> None:
    template = entry.split(" | ", 1)[1]
    for seed in range(5):
        line, secrets = drawn(template, chances(seed))
        redacted = redact(line)

        assert secrets
        assert not [secret for secret in secrets if secret in redacted.text]
        assert sum(redacted.counts.values()) >= 1


@pytest.mark.parametrize("entry", PLANTED)
def test_planted_secrets_are_found_within_a_longer_line(entry: str) -> None:
    line, secrets = drawn(entry.split(" | ", 1)[1], chances(7))
    redacted = redact(f"2026-03-01T10:11:12.123Z [worker-7] {line} (attempt 2 of 3)\r\nnext")

    assert not [secret for secret in secrets if secret in redacted.text]
    assert redacted.text.endswith("\nnext")


@pytest.mark.parametrize("line", corpus_lines("clean.txt"))
def test_clean_lines_stay_as_they_are(line: str) -> None:
    assert redact(line).text == line


def test_the_kind_stands_in_the_place_of_the_secret() -> None:
    redacted = redact("DB_PASSWORD=xyzzy42 --token ghp_" + "a1B2" * 9 + " done")

    assert redacted.text == "DB_PASSWORD=[secret: password] --token [secret: github token] done"
    assert redacted.counts == {"password": 1, "github token": 1}


@pytest.mark.parametrize("prefix", ["", "2026-03-01T10:11:12.123Z ", "    ", "+ ", "10:11:12  "])
def test_a_private_key_is_removed_over_all_its_lines(prefix: str) -> None:
    key = private_key(chances(3), prefix=prefix)
    text = "\n".join(["before", *key, "the build goes on"])

    redacted = redact(text)
    lines = redacted.text.split("\n")

    assert len(lines) == len(key) + 2
    assert all(f"{MARK}private key]" in line for line in lines[2:-2])
    assert lines[-1] == "the build goes on"
    assert redacted.counts == {"private key": 1}


def test_a_private_key_that_breaks_off_does_not_swallow_what_follows() -> None:
    rest = ["ERROR: the file is broken", "make: *** [all] Error 1"]
    text = "\n".join([*private_key(chances(4))[:4], *rest])

    assert redact(text).text.split("\n")[-2:] == rest


def test_a_private_key_is_followed_across_batches_of_lines() -> None:
    key = private_key(chances(5))
    redactor = Redactor()
    lines = list(redactor.lines(["x"] * 2_045 + key))

    assert not set(key[1:-1]) & set(lines)


def test_email_addresses_go_only_where_asked() -> None:
    line = "Sending e-mails to: jane.doe@example.com"

    assert redact(line).text == line
    assert redact(line, emails=True).text == "Sending e-mails to: [secret: e-mail address]"


def test_lines_with_line_feeds_keep_them() -> None:
    assert list(Redactor().lines(["password=abc12345\n", "ok\n"])) == [
        "password=[secret: password]\n",
        "ok\n",
    ]


def secrets_and_text() -> st.SearchStrategy[str]:
    planted = st.builds(
        lambda entry, seed: drawn(entry.split(" | ", 1)[1], chances(seed))[0],
        st.sampled_from(PLANTED),
        st.integers(0, 10**6),
    )
    odd = st.text(st.sampled_from("ab1 =:\"'@/-_.;&[]{}<>\\\n\r\tİpasswordtokenkey"), max_size=60)
    return st.lists(st.one_of(planted, odd, st.text(max_size=40)), max_size=8).map("\n".join)


@given(secrets_and_text())
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text).text

    assert redact(once).text == once


@given(secrets_and_text())
def test_the_number_of_lines_is_kept(text: str) -> None:
    assert redact(text).text.count("\n") == text.count("\n")


@given(secrets_and_text())
def test_streaming_gives_what_the_whole_text_gives(text: str) -> None:
    assert "\n".join(Redactor().lines(iter(text.split("\n")))) == redact(text).text


@pytest.mark.parametrize(
    "unit",
    [
        "password=", "a", "=", "token: ", "://", "a://b:", "@", 'key="', "eyJ", "Cookie: a=b; ", "-", "--a-",
        "passpwd", "Authorization: ", "AKIA", " -p ", "curl ", "mysql ", "xoxb-",
        "SG.", '\\"key\\": \\"', "<password>", "a_", ". ",
        "-----BEGIN PRIVATE KEY-----", "login a password ", "x=y; ", "sk-", "eyJaaaaaaaa.eyJaaaaaaaa.", "[secret: ",
    ],
)  # fmt: skip
def test_time_grows_in_line_with_the_length(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        best = float("inf")
        for _ in range(3):
            began = time.process_time()
            redact(text)
            best = min(best, time.process_time() - began)
        return best

    small, large = seconds(8_000), seconds(64_000)

    assert large < 24 * small + 0.05  # linear would be 8 times, quadratic 64


def test_every_rule_says_why() -> None:
    assert all(rule.why and rule.kind and rule.needles for rule in RULES)
