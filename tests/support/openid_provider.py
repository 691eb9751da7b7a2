"""A real OpenID provider (oidc-provider, for Node) on loopback, and a browser that signs in there."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from re import search
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest
from tests.support.in_process import Api
from tests.support.npm_packages import NODE, TESTS, installed

HERE = TESTS / "oidc_provider"
CLIENT_ID = "rootcoz"
CLIENT_SECRET = "a secret of the tests: with / odd + characters"  # noqa: S105 - of a provider made here
BASE = "https://rootcoz.test"
MAX_STEPS = 12
Claims = Mapping[str, Mapping[str, Any]]

PEOPLE: Claims = {"alice": {"preferred_username": "alice"}}


class OpenIdServer:
    """A provider that runs."""

    def __init__(self, url: str, people: Claims) -> None:
        self.url = url
        self._people = dict(people)
        self._client = httpx2.Client(trust_env=False, timeout=30)

    def says(self, login: str, **claims: object) -> None:
        """Have it say that of somebody from now on."""
        self._people[login] = claims
        content = json.dumps(self._people)
        self._client.put(f"{self.url}/control/people", content=content).raise_for_status()

    def takes_other_keys(self) -> None:
        """Have it sign with keys it has just made."""
        self._client.post(f"{self.url}/control/rotate").raise_for_status()

    def breaks_or_heals(self) -> None:
        """Have it answer 503 to everything, or work again."""
        self._client.post(f"{self.url}/control/break").raise_for_status()

    def close(self) -> None:
        self._client.close()


@contextmanager
def openid_server(
    *,
    people: Claims = PEOPLE,
    algorithm: str = "RS256",
    claims_in_token: bool = False,
    client: Mapping[str, Any] | None = None,
    base: str = BASE,
) -> Iterator[OpenIdServer]:
    """A provider at which this server is `rootcoz`. Where it cannot be had, the test is skipped; in CI it fails."""
    packages = _packages()
    ours = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [f"{base}/api/auth/oidc/callback"],
        **(client or {}),
    }
    config = {
        "client": {name: value for name, value in ours.items() if value is not None},
        "people": people,
        "algorithm": algorithm,
        "claims_in_token": claims_in_token,
    }
    with subprocess.Popen(
        [NODE / "bin" / "node", HERE / "server.mjs", packages, json.dumps(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"PATH": os.environ["PATH"]},
    ) as process:
        assert process.stdout is not None
        server = OpenIdServer(process.stdout.readline().strip(), people)
        try:
            yield server
        finally:
            server.close()
            process.kill()


def _packages() -> Path:
    try:
        return installed(HERE.name).parent
    except (OSError, subprocess.SubprocessError) as error:
        missing = f"The package oidc-provider cannot be installed: {error}"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def openid_settings(server: OpenIdServer, **more: object) -> dict[str, object]:
    """Settings of a server that signs people in there."""
    return {
        "public_base_url": BASE,
        "oidc_issuer": server.url,
        "oidc_client_id": CLIENT_ID,
        "oidc_client_secret": CLIENT_SECRET,
        **more,
    }


async def signs_in_there(url: str, login: str, *, cancels: bool = False) -> str:
    """Go through the provider's pages as a person would; the address it sends the browser back to."""
    origin = url.partition("/auth?")[0]
    async with httpx2.AsyncClient(trust_env=False, timeout=30) as browser:
        reply = await browser.get(url)
        for _ in range(MAX_STEPS):
            if reply.is_redirect:
                target = urljoin(str(reply.url), reply.headers["location"])
                if not target.startswith(origin):
                    return target
                reply = await browser.get(target)
            elif cancels:
                found = search(r'href="([^"]*/abort)"', reply.text)
                assert found, reply.text
                reply = await browser.get(urljoin(str(reply.url), unescape(found[1])))
            else:
                form = search(r'<form[^>]*action="([^"]+)"', reply.text)
                assert form, reply.text
                prompt = search(r'name="prompt" value="(\w+)"', reply.text)
                assert prompt, reply.text
                reply = await browser.post(
                    urljoin(str(reply.url), unescape(form[1])),
                    data={"prompt": prompt[1], "login": login, "password": "any"},
                )
    raise AssertionError("the provider does not send the browser back")


async def departs(visitor: Api, **query: Any) -> httpx2.Response:  # noqa: ANN401 - parameters of a query
    """What a browser gets that wants to sign in at the provider."""
    return await visitor.client.get("/api/auth/oidc/login", params=query)


async def arrives(visitor: Api, login: str, **query: Any) -> httpx2.Response:  # noqa: ANN401 - as above
    """What the browser gets in the end."""
    departure = await departs(visitor, **query)
    assert departure.status_code == 303, departure.text
    back = await signs_in_there(departure.headers["location"], login)
    assert back.startswith(f"{BASE}/api/auth/oidc/callback?")
    return await visitor.client.get(back)


async def me(visitor: Api) -> dict[str, Any]:
    """Who the server says that asks."""
    found: dict[str, Any] = (await visitor.get("/api/auth/me")).json()
    return found
