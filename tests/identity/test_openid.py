"""What is accepted of a provider: one that lies, on loopback, with tokens made here."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import Key, RSAKey

from rootcoz.domain.errors import NotSignedIn, OutsideError, Refused, Unavailable
from rootcoz.identity.base import Challenge
from rootcoz.identity.openid import FRESH_S, OpenIdAccess, OpenIdProvider

CLIENT = "rootcoz"
CHALLENGE = Challenge("a state", "a nonce", "a verifier")
KEY = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
OTHER = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


class Liar:
    """A provider that answers whatever it is told to."""

    def __init__(self) -> None:
        self.url = ""
        self.description: dict[str, Any] = {}
        self.token = ""
        self.keys: list[Any] = [KEY.as_dict(private=False)]
        self.token_reply: tuple[int, object] | None = None
        self.userinfo: object = {}
        self.asked: list[str] = []
        self.form: dict[str, list[str]] = {}

    def claims(self, **changes: object) -> dict[str, Any]:
        now = int(time.time())
        kept = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "7",
            "nonce": CHALLENGE.nonce,
            "iat": now,
            "exp": now + 60,
            "preferred_username": "alice",
            **changes,
        }
        return {name: value for name, value in kept.items() if value is not None}

    def signs(
        self, key: Key = KEY, algorithm: str = "RS256", key_id: str | None = "one", **changes: object
    ) -> None:
        header = {"alg": algorithm} if key_id is None else {"alg": algorithm, "kid": key_id}
        self.token = jwt.encode(header, self.claims(**changes), key, algorithms=[algorithm])

    def answer(self, path: str) -> tuple[int, object]:
        self.asked.append(path)
        match path:
            case "/.well-known/openid-configuration":
                return 200, {
                    "issuer": self.url,
                    "authorization_endpoint": f"{self.url}/auth?tenant=a",
                    "token_endpoint": f"{self.url}/token",
                    "jwks_uri": f"{self.url}/jwks",
                    "userinfo_endpoint": f"{self.url}/me",
                    **self.description,
                }
            case "/token":
                return self.token_reply or (200, {"id_token": self.token, "access_token": "t"})
            case "/jwks":
                return 200, {"keys": self.keys}
            case _:
                return 200, self.userinfo


@pytest.fixture
def liar() -> Iterator[Liar]:
    told = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = told.answer(urlsplit(self.path).path)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            told.form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            told.form["authorization"] = [self.headers.get("authorization", "")]
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead_s


def provider_at(liar: Liar, clock: Clock | None = None, **access: Any) -> OpenIdProvider:  # noqa: ANN401 - fields
    fields = {"client_secret": "s/+", "wanted_claims": ("preferred_username",), **access}
    return OpenIdProvider(
        OpenIdAccess(liar.url, CLIENT, "https://us.test/callback", **fields), clock or Clock()
    )


async def test_a_right_token_says_who_it_is(liar: Liar) -> None:
    liar.signs()
    person = await provider_at(liar).person("a code", CHALLENGE)

    assert (person.issuer, person.subject, person.claims["preferred_username"]) == (liar.url, "7", "alice")
    assert liar.form["code_verifier"] == ["a verifier"]
    assert liar.form["authorization"] == ["Basic " + base64.b64encode(b"rootcoz:s%2F%2B").decode()]
    assert "/me" not in liar.asked


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": "https://evil.test"}, "issued by somebody else"),
        ({"iss": None}, "issued by somebody else"),
        ({"aud": "another"}, "meant for another"),
        ({"aud": None}, "meant for another"),
        ({"aud": [CLIENT, "another"]}, "given to another"),
        ({"azp": "another"}, "given to another"),
        ({"nonce": "another"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"nonce": 7}, "another sign-in"),
        ({"exp": 1}, "expired"),
        ({"exp": None}, "expired"),
        ({"exp": "soon"}, "expired"),
        ({"exp": True}, "expired"),
        ({"iat": 4_000_000_000}, "future"),
        ({"iat": None}, "future"),
        ({"sub": None}, "whom it is about"),
        ({"sub": ""}, "whom it is about"),
        ({"sub": 7}, "whom it is about"),
        ({"sub": "x" * 256}, "whom it is about"),
    ],
)
async def test_a_token_that_is_not_for_this_sign_in_is_refused(
    liar: Liar, changes: dict[str, Any], reason: str
) -> None:
    liar.signs(**changes)

    with pytest.raises(Refused, match=reason):
        await provider_at(liar).person("a code", CHALLENGE)


async def test_a_token_for_several_programs_counts_when_it_was_given_to_us(liar: Liar) -> None:
    liar.signs(aud=["another", CLIENT], azp=CLIENT)

    assert (await provider_at(liar).person("a code", CHALLENGE)).subject == "7"


async def test_a_token_without_the_name_of_a_key_is_held_against_all_keys(liar: Liar) -> None:
    liar.keys = [{"kty": "new-fangled"}, "nonsense", OTHER.as_dict(private=False), KEY.as_dict(private=False)]
    liar.signs(key_id=None)

    assert (await provider_at(liar).person("a code", CHALLENGE)).subject == "7"


def unsigned(liar: Liar) -> str:
    parts = (json.dumps(one).encode() for one in ({"alg": "none"}, liar.claims()))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


async def test_a_token_that_nobody_signed_is_refused(liar: Liar) -> None:
    liar.token = unsigned(liar)
    liar.description = {"id_token_signing_alg_values_supported": ["none", "RS256"]}

    with pytest.raises(Refused, match="none, which is not accepted"):
        await provider_at(liar).person("a code", CHALLENGE)


@pytest.mark.parametrize("secret", [KEY.as_pem(private=False), b"s/+"])
async def test_a_token_signed_with_what_others_know_is_refused(liar: Liar, secret: bytes) -> None:
    liar.description = {"id_token_signing_alg_values_supported": ["HS256", "RS256"]}
    header, claims = (
        base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=")
        for one in ({"alg": "HS256", "kid": "one"}, liar.claims())
    )
    mac = base64.urlsafe_b64encode(hmac.digest(secret, header + b"." + claims, hashlib.sha256)).rstrip(b"=")
    liar.token = b".".join((header, claims, mac)).decode()

    with pytest.raises(Refused, match="HS256, which is not accepted"):
        await provider_at(liar).person("a code", CHALLENGE)


async def test_a_key_of_the_same_name_is_not_the_same_key(liar: Liar) -> None:
    liar.signs(OTHER)

    with pytest.raises(Refused, match="none of the provider's keys"):
        await provider_at(liar).person("a code", CHALLENGE)
    assert liar.asked.count("/jwks") == 2


async def test_keys_are_asked_for_once_and_again_when_they_have_changed_or_are_old(liar: Liar) -> None:
    clock = Clock()
    provider = provider_at(liar, clock)
    liar.signs()
    await provider.person("a code", CHALLENGE)
    await provider.person("a code", CHALLENGE)
    once = liar.asked.count("/jwks")
    liar.keys = [OTHER.as_dict(private=False)]
    liar.signs(OTHER)
    await provider.person("a code", CHALLENGE)
    changed = liar.asked.count("/jwks")
    clock.ahead_s = FRESH_S + 1
    liar.signs(OTHER, exp=int(time.time() + 2 * FRESH_S))
    await provider.person("a code", CHALLENGE)

    assert (once, changed, liar.asked.count("/jwks")) == (1, 2, 3)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "x" * 200_000])
async def test_what_is_no_token_is_refused(liar: Liar, token: str) -> None:
    liar.token = token

    with pytest.raises(Refused, match="token cannot be accepted"):
        await provider_at(liar).person("a code", CHALLENGE)


async def test_what_the_token_lacks_is_asked_for_and_must_be_about_the_same_person(liar: Liar) -> None:
    liar.signs(preferred_username=None, groups=["a"])
    liar.userinfo = {"sub": "7", "preferred_username": "alice", "groups": ["b"]}
    person = await provider_at(liar).person("a code", CHALLENGE)
    liar.userinfo = {"sub": "8", "preferred_username": "boss"}

    with pytest.raises(Refused, match="somebody else"):
        await provider_at(liar).person("a code", CHALLENGE)
    assert person.claims["preferred_username"] == "alice"
    assert person.claims["groups"] == ["a"]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ((400, {"error": "invalid_grant"}), NotSignedIn),
        ((401, {"error": "invalid_client"}), Refused),
        ((400, {"error": ["odd"]}), Refused),
        ((400, b"<html>"), Refused),
        ((302, b""), Refused),
        ((500, b""), Unavailable),
        ((200, b"<html>"), Refused),
        ((200, {"access_token": "t"}), Refused),
        ((200, b"[" * 100_000), Refused),
        ((200, b"x" * 2_000_000), Unavailable),
    ],
)
async def test_a_reply_that_is_none_is_told_in_a_sentence(
    liar: Liar, reply: tuple[int, object], kind: type[Exception]
) -> None:
    liar.token_reply = reply

    with pytest.raises(kind) as told:
        await provider_at(liar).person("a code", CHALLENGE)
    assert str(told.value).endswith(".")
    assert "s/+" not in str(told.value)


@pytest.mark.parametrize(
    "description",
    [
        {"issuer": "https://evil.test"},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": "ftp://x/"},
        {"jwks_uri": "https://"},
        {"jwks_uri": "http://[oops"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "gopher://x"},
        {"jwks_uri": None},
    ],
)
async def test_a_description_that_leads_elsewhere_is_refused(
    liar: Liar, description: dict[str, object]
) -> None:
    liar.description = description

    with pytest.raises(OutsideError):
        await provider_at(liar).authorization_url(CHALLENGE)
    assert liar.asked == ["/.well-known/openid-configuration"]


async def test_the_way_there_keeps_what_the_provider_s_address_says(liar: Liar) -> None:
    address = await provider_at(liar).authorization_url(CHALLENGE)

    assert address.startswith(f"{liar.url}/auth?tenant=a&response_type=code&")
    assert "a+verifier" not in address


async def test_a_provider_that_is_not_there_is_told_in_a_sentence() -> None:
    access = OpenIdAccess("http://127.0.0.1:1", CLIENT, "https://us.test/callback")

    with pytest.raises(Unavailable, match="cannot be reached"):
        await OpenIdProvider(access).authorization_url(CHALLENGE)
