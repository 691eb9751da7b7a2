"""Where the keys of Web Push come from, and what is said without them."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.in_process import running_api

from rootcoz.kit.vapid import new_vapid_keys
from rootcoz.settings import SettingsError

BOB = {"Cookie": "rootcoz_username=bob"}
SUBSCRIPTION = {"endpoint": "https://8.8.8.8/push/abc", "p256dh_key": "p", "auth_key": "a"}


async def replies(folder: Path, **settings: object) -> list[tuple[int, str]]:
    """What a server with these settings says of its key, and to a subscription."""
    # The durable engine of an earlier server has put its own threads into the loop, and they ended with it.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
    async with running_api(folder, short_lived=True, **settings) as api:
        found = [
            await api.get("/api/notifications/vapid-public-key"),
            await api.post("/api/notifications/subscribe", json=SUBSCRIPTION, headers=BOB),
        ]
    return [(reply.status_code, str(next(iter(reply.json().values())))) for reply in found]


async def test_keys_of_the_settings_count(tmp_path: Path) -> None:
    keys = new_vapid_keys()
    found = await replies(tmp_path, vapid_public_key=keys.public, vapid_private_key=keys.private)

    assert found == [(200, keys.public), (200, "subscribed")]
    assert not (tmp_path / "vapid_keys.json").exists()


async def test_made_keys_outlive_the_server(tmp_path: Path) -> None:
    first, second = [await replies(tmp_path) for _ in range(2)]

    assert first == second


async def test_servers_on_one_database_have_the_same_keys(postgres_url: str, tmp_path: Path) -> None:
    shared = {"database_url": postgres_url, "ROOTCOZ_ENCRYPTION_KEY": "the same everywhere"}
    found = [await replies(tmp_path / name, **shared) for name in ("one", "two")]
    with pytest.raises(SettingsError, match="ROOTCOZ_ENCRYPTION_KEY is not the one"):
        await replies(tmp_path / "two", **{**shared, "ROOTCOZ_ENCRYPTION_KEY": "another"})

    assert found[0] == found[1]
    assert found[0][0][0] == 200
    assert not (tmp_path / "one" / "vapid_keys.json").exists()


async def test_without_web_push_there_is_nothing_to_subscribe_to(tmp_path: Path) -> None:
    found = await replies(tmp_path, enable_web_push=False)

    assert [status for status, _ in found] == [404, 404]
    assert "ENABLE_WEB_PUSH" in found[0][1]


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"public_key": 1, "private_key": null}'])
async def test_damaged_keys_are_told_and_left_as_they_are(tmp_path: Path, content: str) -> None:
    (tmp_path / "vapid_keys.json").write_text(content)
    found = await replies(tmp_path)

    assert [status for status, _ in found] == [503, 503]
    assert "damaged" in found[0][1]
    assert (tmp_path / "vapid_keys.json").read_text() == content


@pytest.mark.parametrize(
    "settings",
    [
        {"vapid_public_key": new_vapid_keys().public},
        {"vapid_private_key": new_vapid_keys().private},
        {"vapid_public_key": new_vapid_keys().public, "vapid_private_key": new_vapid_keys().private},
    ],
)
async def test_half_a_pair_stops_the_start(tmp_path: Path, settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match="VAPID_PUBLIC_KEY and VAPID_PRIVATE_KEY"):
        await replies(tmp_path, **settings)
