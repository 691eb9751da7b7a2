"""Servers that are set up for an identity provider in other ways: one application after the other."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.in_process import running_api
from tests.support.openid_provider import (
    BASE,
    OpenIdServer,
    arrives,
    departs,
    openid_server,
    openid_settings,
    signs_in_there,
)

from rootcoz.settings import Settings


@pytest.fixture(scope="module")
def provider() -> Iterator[OpenIdServer]:
    with openid_server() as server:
        yield server


async def test_the_server_s_own_path_is_kept(tmp_path: Path) -> None:
    with openid_server(base=f"{BASE}/ci") as other:
        settings = openid_settings(other, public_base_url=f"{BASE}/ci")
        async with running_api(tmp_path, **settings) as api:
            visitor = api.visitor()
            departure = await departs(visitor, return_to='/results/"><script>')
            back = await signs_in_there(departure.headers["location"], "alice")
            page = await visitor.client.get(back.replace("/ci/", "/"))

    assert f'url={BASE}/ci/results/&quot;&gt;&lt;script&gt;"' in page.text
    assert "<script>" not in page.text


async def test_nobody_gets_a_name_that_a_proxy_has_vouched_for(
    provider: OpenIdServer, tmp_path: Path
) -> None:
    async with running_api(tmp_path, trust_proxy_headers=True) as api:
        await api.visitor(X_Forwarded_User="alice").get("/results")
    asyncio.get_running_loop().set_default_executor(
        ThreadPoolExecutor()
    )  # the first server took its own along
    async with running_api(tmp_path, **openid_settings(provider)) as api:
        page = await arrives(api.visitor(), "alice")

    assert page.status_code == 409


@pytest.mark.parametrize("verified", [True, False, None])
async def test_an_address_is_a_name_only_if_it_is_verified(
    provider: OpenIdServer, tmp_path: Path, verified: object
) -> None:
    provider.says("a", email="a@example.com", email_verified=verified)
    settings = openid_settings(provider, oidc_username_claim="email")
    async with running_api(tmp_path, **settings) as api:
        page = await arrives(api.visitor(), "a")

    assert page.status_code == (200 if verified else 401)


async def test_the_allow_list_holds_for_those_who_sign_in_there(
    provider: OpenIdServer, tmp_path: Path
) -> None:
    failures = {"failures": [{"test_name": "t", "error_message": "ValueError: x"}]}
    provider.says("boss", preferred_username="boss")
    async with running_api(tmp_path, **openid_settings(provider, allowed_users=("boss",))) as api:
        alice, boss = api.visitor(), api.visitor()
        await arrives(alice, "alice")
        await arrives(boss, "boss")
        refused, allowed = await alice.analyze(failures), await boss.analyze(failures)

    assert (refused.status_code, allowed.status_code) == (403, 200)


@pytest.mark.parametrize(
    ("algorithm", "client"),
    [
        ("ES256", {"token_endpoint_auth_method": "client_secret_post"}),
        ("PS256", {}),
        ("RS256", {"token_endpoint_auth_method": "none", "client_secret": None}),
    ],
)
async def test_providers_differ_in_signatures_and_in_how_we_prove_who_we_are(
    tmp_path: Path, algorithm: str, client: dict[str, Any]
) -> None:
    is_public = client.get("token_endpoint_auth_method") == "none"
    with openid_server(algorithm=algorithm, client=client, claims_in_token=True) as provider:
        settings = openid_settings(provider)
        if is_public:
            del settings["oidc_client_secret"]
        async with running_api(tmp_path, **settings) as api:
            page = await arrives(api.visitor(), "alice")

    assert page.status_code == 200, page.text


async def test_a_wrong_secret_is_the_administrator_s_to_put_right(
    provider: OpenIdServer, tmp_path: Path
) -> None:
    settings = openid_settings(provider) | {"oidc_client_secret": "wrong"}
    async with running_api(tmp_path, **settings) as api:
        page = await arrives(api.visitor(Accept="text/html"), "alice")

    assert page.status_code == 502
    assert "OIDC_CLIENT_SECRET" in page.text


async def test_a_closed_server_lets_people_in_by_the_provider_alone(
    provider: OpenIdServer, tmp_path: Path
) -> None:
    settings = openid_settings(provider, auth_mode="required", admin_key=None)
    async with running_api(tmp_path, **settings) as api:
        visitor = api.visitor()
        before = await visitor.get("/results")
        await arrives(visitor, "alice")
        after = await visitor.get("/results")
        methods = await api.get("/api/auth/methods")

    assert (before.status_code, after.status_code) == (401, 200)
    assert methods.json() == {"key": True, "oidc": True, "oidc_login_url": "/api/auth/oidc/login"}


async def test_without_a_provider_the_way_there_says_so(tmp_path: Path) -> None:
    async with running_api(tmp_path) as api:
        there = await api.get("/api/auth/oidc/login")
        back = await api.get("/api/auth/oidc/callback")
        methods = (await api.get("/api/auth/methods")).json()

    assert (there.status_code, back.status_code) == (400, 400)
    assert re.search("OIDC_ISSUER", there.json()["detail"])
    assert not methods["oidc"]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"oidc_issuer": "https://id.example.com", "public_base_url": BASE}, "OIDC_CLIENT_ID"),
        ({"oidc_issuer": "https://id.example.com", "oidc_client_id": "x"}, "PUBLIC_BASE_URL"),
        (
            {"oidc_issuer": "http://id.example.com", "oidc_client_id": "x", "public_base_url": BASE},
            "https://",
        ),
        ({"oidc_client_id": "x"}, "without OIDC_ISSUER"),
        ({"oidc_scopes": "profile"}, "openid"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(settings: dict[str, object], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        Settings.model_validate(settings)
