"""One OpenID provider, asked as https://openid.net/specs/openid-connect-core-1_0.html says: the code flow.

What the browser brings is a code that is worth nothing by itself: it is exchanged over a connection of our own, with
the secret of this sign-in (PKCE, RFC 7636), for a token that the provider has signed.
"""

import asyncio
import base64
import hashlib
import hmac
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import httpx2
from joserfc.jwk import Key
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rootcoz.domain.errors import NotSignedIn, Refused, Unavailable
from rootcoz.identity.base import Challenge, Person
from rootcoz.identity.signing_keys import ALGORITHMS, BadToken, UnknownKey, signed_claims, signing_keys
from rootcoz.kit.http_bounds import bounded_client

SOURCE = "identity provider"
LIMIT_S = 15.0
"""Seconds that one request to the provider may take."""
FRESH_S = 3600.0
"""Seconds after which the provider's description and keys are fetched again: a key may have been withdrawn."""
LEEWAY_S = 60
"""Seconds by which the provider's clock and ours may differ."""
LONGEST_SUBJECT = 255
"""Characters of a subject: section 2 of the specification."""
_REPLY_BYTES = 1_000_000
_SAID = 200
_OK = 200
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class OpenIdAccess:
    """The provider of the settings, and who we are there."""

    issuer: str
    client_id: str
    redirect_uri: str
    client_secret: str = field(default="", repr=False)
    """Empty: a public client, which PKCE alone protects."""
    scopes: str = "openid profile email"
    wanted_claims: tuple[str, ...] = ()
    """Those that are asked for separately if the token lacks them."""


class _Description(BaseModel):
    """https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderMetadata: the fields used here."""

    model_config = ConfigDict(extra="ignore")

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None = None
    id_token_signing_alg_values_supported: list[str] = Field(default=["RS256"])
    token_endpoint_auth_methods_supported: list[str] = Field(default=["client_secret_basic"])
    authorization_response_iss_parameter_supported: bool = False


class _Tokens(BaseModel):
    model_config = ConfigDict(extra="ignore")

    id_token: str
    access_token: str = ""


class _KeySet(BaseModel):
    model_config = ConfigDict(extra="ignore")

    keys: list[Any]


Body = TypeVar("Body", bound=BaseModel)


class OpenIdProvider:
    """Asks the provider of the settings. Errors are NotSignedIn, Unavailable and Refused."""

    def __init__(self, access: OpenIdAccess, clock: Callable[[], float] = time.time) -> None:
        self._access = access
        self._clock = clock
        self._description: tuple[float, _Description] | None = None
        self._keys: tuple[float, Sequence[tuple[Mapping[str, object], Key]]] | None = None
        self._fetching = asyncio.Lock()

    async def authorization_url(self, challenge: Challenge) -> str:
        """Where the browser is to go."""
        description = await self._described()
        digest = hashlib.sha256(challenge.verifier.encode("ascii")).digest()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._access.client_id,
                "redirect_uri": self._access.redirect_uri,
                "scope": self._access.scopes,
                "state": challenge.state,
                "nonce": challenge.nonce,
                "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii"),
                "code_challenge_method": "S256",
            }
        )
        address = description.authorization_endpoint
        return f"{address}{'&' if urlsplit(address).query else '?'}{query}"

    async def person(self, code: str, challenge: Challenge, *, said_issuer: str | None = None) -> Person:
        """Whom the code stands for. `said_issuer`: the parameter `iss` that came with it (RFC 9207)."""
        description = await self._described()
        if said_issuer is None:
            if description.authorization_response_iss_parameter_supported:
                raise NotSignedIn("The reply does not say which identity provider it comes from.")
        elif said_issuer != description.issuer:
            raise NotSignedIn("The reply comes from another identity provider than the one that was asked.")
        async with self._client() as client:
            tokens = await self._exchange(client, description, code, challenge)
            claims = await self._checked(client, description, tokens.id_token, challenge.nonce)
            subject = str(claims["sub"])
            missing = [name for name in self._access.wanted_claims if name not in claims]
            if missing and description.userinfo_endpoint and tokens.access_token:
                more = await self._more_claims(client, description.userinfo_endpoint, tokens.access_token)
                if more.get("sub") != subject:
                    raise Refused("The identity provider spoke of somebody else.", source=SOURCE)
                claims = more | claims
        return Person(description.issuer, subject, claims)

    # --- what the provider says of itself --------------------------------------------------------

    async def _described(self) -> _Description:
        """The provider's description, fetched when it is first wanted."""
        async with self._fetching:
            if self._description is None or self._clock() - self._description[0] > FRESH_S:
                async with self._client() as client:
                    found = await self._fetch(
                        client, f"{self._access.issuer}/.well-known/openid-configuration", _Description
                    )
                self._check_description(found)
                self._description = (self._clock(), found)
            return self._description[1]

    def _check_description(self, found: _Description) -> None:
        """The document must be of whom we asked, and must not lead to where everybody can read along."""
        if found.issuer.rstrip("/") != self._access.issuer:
            raise Refused(
                f"The identity provider calls itself {_printable(found.issuer)}, not {self._access.issuer}: set "
                "OIDC_ISSUER to the name it gives itself.",
                source=SOURCE,
            )
        scheme = urlsplit(self._access.issuer).scheme
        for address in (
            found.authorization_endpoint,
            found.token_endpoint,
            found.jwks_uri,
            found.userinfo_endpoint or found.jwks_uri,
        ):
            try:
                parts = urlsplit(address)
            except ValueError:
                parts = urlsplit("")
            if not parts.hostname or parts.scheme not in {"https", scheme}:
                raise Refused(
                    f"The identity provider names an address that is not safe: {_printable(address)}.",
                    source=SOURCE,
                )

    async def _signers(
        self, client: httpx2.AsyncClient, description: _Description, *, anew: bool
    ) -> Sequence[tuple[Mapping[str, object], Key]]:
        if anew or self._keys is None or self._clock() - self._keys[0] > FRESH_S:
            found = await self._fetch(client, description.jwks_uri, _KeySet)
            self._keys = (self._clock(), signing_keys(found.keys))
        return self._keys[1]

    # --- tokens ----------------------------------------------------------------------------------

    async def _exchange(
        self, client: httpx2.AsyncClient, description: _Description, code: str, challenge: Challenge
    ) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._access.redirect_uri,
            "code_verifier": challenge.verifier,
        }
        headers = {"accept": "application/json"}
        secret, client_id = self._access.client_secret, self._access.client_id
        if secret and "client_secret_basic" in description.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode("ascii")  # RFC 6749, section 2.3.1
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode('ascii')}"
        else:
            form["client_id"] = client_id
            if secret:
                form["client_secret"] = secret
        reply = await self._send(
            client, client.build_request("POST", description.token_endpoint, data=form, headers=headers)
        )
        if reply.status_code != _OK:
            raise self._token_refusal(reply)
        return _read(reply, _Tokens)

    def _token_refusal(self, reply: httpx2.Response) -> Exception:
        """https://datatracker.ietf.org/doc/html/rfc6749#section-5.2."""
        if reply.status_code >= _SERVER_ERROR:
            return _trouble(reply)
        try:
            body = reply.json()
        except ValueError:
            body = None
        error = _printable(body.get("error")) if isinstance(body, dict) else ""
        if error == "invalid_grant":
            return NotSignedIn("The identity provider did not accept the sign-in any more; begin again.")
        if error in {"invalid_client", "unauthorized_client"}:
            return Refused(
                f"The identity provider does not know this server ({error}): check OIDC_CLIENT_ID and "
                "OIDC_CLIENT_SECRET.",
                source=SOURCE,
            )
        return Refused(
            f"The identity provider refused the sign-in (HTTP {reply.status_code}{f', {error}' if error else ''}).",
            source=SOURCE,
        )

    async def _checked(
        self, client: httpx2.AsyncClient, description: _Description, token: str, nonce: str
    ) -> dict[str, object]:
        """The claims of the identity token, as section 3.1.3.7 of the specification has them checked."""
        algorithms = [one for one in ALGORITHMS if one in description.id_token_signing_alg_values_supported]
        try:
            try:
                claims = signed_claims(
                    token, await self._signers(client, description, anew=False), algorithms
                )
            except UnknownKey:  # it signs with a new key since we asked
                claims = signed_claims(token, await self._signers(client, description, anew=True), algorithms)
        except UnknownKey:
            raise _bad_token("its signature was made with none of the provider's keys") from None
        except BadToken as error:
            raise _bad_token(str(error)) from None
        fault = self._fault(claims, description.issuer, nonce)
        if fault:
            raise _bad_token(fault)
        return claims

    def _fault(self, claims: Mapping[str, object], issuer: str, nonce: str) -> str:
        """What is wrong with the claims; empty if nothing is."""
        audience, party = claims.get("aud"), claims.get("azp")
        audiences = audience if isinstance(audience, list) else [audience]
        now, said_nonce, subject = self._clock(), claims.get("nonce"), claims.get("sub")
        expires, issued = claims.get("exp"), claims.get("iat")
        faults = (
            (claims.get("iss") != issuer, "it was issued by somebody else"),
            (self._access.client_id not in audiences, "it is meant for another program"),
            (
                party != self._access.client_id if party is not None else len(audiences) > 1,
                "it was given to another program",
            ),
            (not _is_number(expires) or expires <= now - LEEWAY_S, "it has expired"),
            (
                not _is_number(issued) or issued > now + LEEWAY_S,
                "it comes from the future: check the clocks",
            ),
            (
                not isinstance(said_nonce, str)
                or not hmac.compare_digest(said_nonce.encode(), nonce.encode()),
                "it belongs to another sign-in",
            ),
            (
                not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT,
                "it does not say whom it is about",
            ),
        )
        return next((text for wrong, text in faults if wrong), "")

    async def _more_claims(self, client: httpx2.AsyncClient, address: str, token: str) -> dict[str, object]:
        reply = await self._send(
            client,
            client.build_request(
                "GET", address, headers={"authorization": f"Bearer {token}", "accept": "application/json"}
            ),
        )
        if reply.status_code >= _SERVER_ERROR:
            raise _trouble(reply)
        try:
            body = reply.json()
        except ValueError:
            body = None
        if reply.status_code != _OK or not isinstance(body, dict):
            raise Refused(
                f"The identity provider did not say more about the user (HTTP {reply.status_code}).",
                source=SOURCE,
            )
        return body

    # --- sending ---------------------------------------------------------------------------------

    def _client(self) -> httpx2.AsyncClient:
        verify = ssl.create_default_context() if self._access.issuer.startswith("https:") else True
        return bounded_client(timeout_s=LIMIT_S, limit_bytes=_REPLY_BYTES, verify=verify, environment=False)

    async def _send(self, client: httpx2.AsyncClient, request: httpx2.Request) -> httpx2.Response:
        try:
            async with asyncio.timeout(LIMIT_S):
                return await client.send(request)
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise Unavailable(
                f"The identity provider did not answer within {LIMIT_S:g} seconds.",
                source=SOURCE,
                timed_out=True,
            ) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError) as error:
            # Without its cause, which may quote a header.
            raise Unavailable(
                f"The identity provider cannot be reached ({type(error).__name__}).", source=SOURCE
            ) from None

    async def _fetch(self, client: httpx2.AsyncClient, address: str, kind: type[Body]) -> Body:
        reply = await self._send(
            client, client.build_request("GET", address, headers={"accept": "application/json"})
        )
        if reply.status_code >= _SERVER_ERROR:
            raise _trouble(reply)
        if reply.status_code != _OK:
            raise Refused(
                f"The identity provider has nothing at {address} (HTTP {reply.status_code}): check OIDC_ISSUER.",
                source=SOURCE,
            )
        return _read(reply, kind)


def _read(reply: httpx2.Response, kind: type[Body]) -> Body:
    try:
        return kind.model_validate_json(reply.content)
    except (ValidationError, RecursionError):
        # Without its cause, which quotes the reply.
        raise Refused(
            "The identity provider answered with something that is no reply of an OpenID provider: check OIDC_ISSUER.",
            source=SOURCE,
        ) from None


def _trouble(reply: httpx2.Response) -> Unavailable:
    return Unavailable(
        f"The identity provider has trouble of its own (HTTP {reply.status_code}); try again later.",
        source=SOURCE,
    )


def _bad_token(reason: str) -> Refused:
    return Refused(f"The identity provider's token cannot be accepted: {reason}.", source=SOURCE)


def _printable(text: object) -> str:
    return "".join(filter(str.isprintable, str(text or "")))[:_SAID]


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
