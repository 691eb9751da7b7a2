"""Web Push and the operator's channels, over HTTP and out again."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeVar

import pytest
import pytest_asyncio
from tests.support.in_process import ADMIN, Api, running_api
from tests.support.push_service import PushService, push_service
from tests.support.tracker_server import Answer, TrackerServer, tracker_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

T = TypeVar("T")
FAILURES = {"failures": [{"test_name": "t.one", "error_message": "ValueError: no"}]}
ALICE, BOB, EVE = ({"Cookie": f"rootcoz_username={name}"} for name in ("alice", "bob", "eve"))
SUBSCRIPTION = {"endpoint": "https://8.8.8.8/push/abc", "p256dh_key": "p", "auth_key": "a"}
KEY = "sixteen characters"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushService]:
    folder = tmp_path_factory.mktemp("push")
    with push_service(folder) as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
        yield running


@pytest.fixture(scope="module")
def receiver() -> Iterator[TrackerServer]:
    with tracker_server() as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(
    tmp_path_factory: pytest.TempPathFactory, receiver: TrackerServer, service: PushService
) -> AsyncIterator[Api]:
    """A server that sends."""
    channels = [
        {"name": "ops", "kind": "webhook", "url": f"{receiver.url}/hook/its-secret", "secret": KEY},
        {"name": "storage", "kind": "slack", "url": f"{receiver.url}/slack", "teams": ["storage"]},
    ]
    async with running_api(
        tmp_path_factory.mktemp("data"),
        short_lived=False,
        notifications=channels,
        push_allowed_networks="127.0.0.0/8, ::1",
        public_base_url="https://rootcoz.example.com",
    ) as api:
        yield api


async def until(look: Callable[[], Awaitable[T]]) -> T:
    """What is found at last."""
    async with asyncio.timeout(30):
        while not (found := await look()):  # noqa: ASYNC110 - as people do
            await asyncio.sleep(0.02)
    return found


async def deliveries(api: Api, query: str = "") -> list[dict[str, Any]]:
    reply = await api.get(f"/api/admin/notifications/deliveries{query}", headers=ADMIN)
    assert reply.status_code == 200, reply.text
    listed: list[dict[str, Any]] = reply.json()["deliveries"]
    return listed


async def about(api: Api, job_id: str) -> list[dict[str, Any]]:
    """The messages about the analysis that were tried."""
    return [one for one in await deliveries(api) if one["job_id"] == job_id and one["attempts"]]


async def ended(api: Api, job_id: str) -> list[dict[str, Any]]:
    """Those of them that came to an end, or failed for now."""
    return [one for one in await about(api, job_id) if one["state"] != "pending" or one["last_error"]]


async def comment(api: Api, text: str, headers: dict[str, str]) -> str:
    job_id = await api.submit(FAILURES)
    await api.finished(job_id)
    body = {"test_name": "t.one", "comment": text}
    reply = await api.post(f"/results/{job_id}/comments", json=body, headers=headers)
    assert reply.status_code == 201, reply.text
    return job_id


# --- Web Push --------------------------------------------------------------------------------------


async def test_a_mentioned_user_s_browsers_are_told_and_the_author_s_are_not(
    api: Api, service: PushService
) -> None:
    key = (await api.get("/api/notifications/vapid-public-key")).json()["vapid_public_key"]
    browsers = {name: await service.browser(key) for name in ("alice", "bob")}
    for headers, browser in ((ALICE, browsers["alice"]), (BOB, browsers["bob"])):
        body = {
            "endpoint": browser.endpoint,
            "p256dh_key": browser.p256dh_key,
            "auth_key": browser.auth_key,
        }
        reply = await api.post("/api/notifications/subscribe", json=body, headers=headers)
        assert (reply.status_code, reply.json()) == (200, {"status": "subscribed"})
    token = "ghp_" + "a1B2" * 9
    job_id = await comment(api, f"@bob and @alice: {token}\n is out", ALICE)
    anonymous = await comment(api, "@bob, guess who", {})
    shown = await until(lambda: service.shown(browsers["bob"]))

    assert [json.loads(one) for one in shown] == [
        {
            "title": "alice mentioned you",
            "body": "@bob and @alice: [secret: github token] is out",
            "url": f"https://rootcoz.example.com/results/{job_id}",
        }
    ]
    assert await service.shown(browsers["alice"]) == []
    assert [one["job_id"] for one in await deliveries(api, "?channel=push")] == [job_id]
    assert (await deliveries(api, "?channel=push"))[0]["title"] == ""
    assert anonymous != job_id
    assert browsers["bob"].hash not in json.dumps(await deliveries(api))


async def test_a_subscription_that_expired_is_forgotten(api: Api, service: PushService) -> None:
    key = (await api.get("/api/notifications/vapid-public-key")).json()["vapid_public_key"]
    browser = await service.browser(key)
    headers = {"Cookie": "rootcoz_username=dora"}
    body = {"endpoint": browser.endpoint, "p256dh_key": browser.p256dh_key, "auth_key": browser.auth_key}
    await api.post("/api/notifications/subscribe", json=body, headers=headers)
    await service.expire(browser)
    job_id = await comment(api, "@dora", ALICE)

    async def forgotten() -> bool:
        return all(one["job_id"] != job_id for one in await deliveries(api, "?channel=push"))

    await until(forgotten)
    reply = await api.post(
        "/api/notifications/unsubscribe", json={"endpoint": browser.endpoint}, headers=headers
    )

    assert reply.status_code == 404


async def test_only_its_owner_unsubscribes(api: Api) -> None:
    subscribed = await api.post("/api/notifications/subscribe", json=SUBSCRIPTION, headers=BOB)
    body = {"endpoint": SUBSCRIPTION["endpoint"]}
    replies = [
        await api.post("/api/notifications/unsubscribe", json=body, headers=headers)
        for headers in (EVE, BOB, BOB)
    ]

    assert subscribed.status_code == 200
    assert [reply.status_code for reply in replies] == [404, 200, 404]
    assert replies[1].json() == {"status": "unsubscribed"}


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": "http://8.8.8.8/push"},
        {"endpoint": "https://user:word@8.8.8.8/push"},
        {"endpoint": "https://"},
        {"endpoint": "https://8.8.8.8/" + "x" * 2048},
        {"endpoint": "https://8.8.8.8/pu sh"},
        {"endpoint": "https://8.8.8.8:99999/"},
        {"p256dh_key": ""},
        {"p256dh_key": "p" * 257},
        {"auth_key": "a" * 257},
        {"auth_key": None},
    ],
)
async def test_what_no_browser_sends_is_refused(api: Api, change: dict[str, object]) -> None:
    reply = await api.post("/api/notifications/subscribe", json={**SUBSCRIPTION, **change}, headers=BOB)

    assert reply.status_code == 422


@pytest.mark.parametrize("host", ["10.0.0.1", "[fe80::1]", "169.254.169.254", "0xa.1"])
async def test_an_endpoint_in_a_private_network_is_refused(api: Api, host: str) -> None:
    body = {**SUBSCRIPTION, "endpoint": f"https://{host}/push"}
    reply = await api.post("/api/notifications/subscribe", json=body, headers=BOB)

    assert reply.status_code == 400
    assert "private address" in reply.json()["detail"]


async def test_who_says_no_name_cannot_subscribe(api: Api) -> None:
    stranger = api.visitor()
    endpoint = {"endpoint": SUBSCRIPTION["endpoint"]}
    replies = [
        await stranger.post("/api/notifications/subscribe", json=SUBSCRIPTION),
        await stranger.post("/api/notifications/unsubscribe", json=endpoint),
    ]

    assert [reply.status_code for reply in replies] == [401, 401]


async def test_the_keys_lie_beside_the_data_for_their_owner_alone(api: Api) -> None:
    first = (await api.get("/api/notifications/vapid-public-key")).json()
    file = api.data_dir / "vapid_keys.json"

    assert json.loads(file.read_text())["public_key"] == first["vapid_public_key"]
    assert file.stat().st_mode & 0o777 == 0o600


# --- the operator's channels -----------------------------------------------------------------------


async def test_a_channel_is_told_of_what_is_new(api: Api, receiver: TrackerServer) -> None:
    receiver.requests.clear()
    body = {"failures": [{"test_name": "t.new", "error_message": "KeyError: brand new"}]}
    first = await api.submit(body)
    (told,) = await until(lambda: ended(api, first))
    again = await api.submit(body)
    await api.finished(again)

    assert told | {"id": "", "created_at": "", "finished_at": ""} == {
        "id": "",
        "channel": "ops",
        "event": "analysis",
        "state": "delivered",
        "title": f"1 new failure group in analysis {first}",
        "job_id": first,
        "attempts": 1,
        "due_at": None,
        "last_error": "",
        "created_at": "",
        "finished_at": "",
    }
    (request,) = [one for one in receiver.requests if first in one.body.decode()]
    assert request.json["link"] == f"https://rootcoz.example.com/results/{first}"
    assert request.json["groups"][0]["test_name"] == "t.new"
    assert not [one for one in await deliveries(api) if one["job_id"] == again]


async def test_a_receiver_in_trouble_is_told_later(api: Api, receiver: TrackerServer) -> None:
    receiver.requests.clear()
    receiver.say(Answer(status=500))
    job_id = await api.submit({"failures": [{"test_name": "t", "error_message": "OSError: the disk is odd"}]})
    await api.finished(job_id)
    found = await until(lambda: ended(api, job_id))
    receiver.say(Answer({}))

    assert (found[0]["state"], found[0]["attempts"]) == ("pending", 1)
    assert found[0]["last_error"].startswith("Channel ops (webhook) has trouble of its own (HTTP 500).")
    assert found[0]["due_at"] > found[0]["created_at"]
    assert "its-secret" not in json.dumps(found)


async def test_channels_are_listed_without_their_secrets(api: Api) -> None:
    reply = await api.get("/api/admin/notifications/channels", headers=ADMIN)

    assert [(one["name"], one["kind"], one["teams"]) for one in reply.json()["channels"]] == [
        ("ops", "webhook", []),
        ("storage", "slack", ["storage"]),
    ]
    assert "its-secret" not in reply.text
    assert KEY not in reply.text


async def test_an_administrator_tries_a_channel(api: Api, receiver: TrackerServer) -> None:
    receiver.requests.clear()
    receiver.say(Answer({}))
    works = await api.post("/api/admin/notifications/test", json={"channel": "storage"}, headers=ADMIN)
    sent = [request.target for request in receiver.requests]
    receiver.say(Answer(b"no_service", status=404))
    fails = await api.post("/api/admin/notifications/test", json={"channel": "storage"}, headers=ADMIN)
    receiver.say(Answer({}))
    lines = (await api.get("/api/admin/audit?action=notification_tested", headers=ADMIN)).json()["entries"]

    assert (works.json()["delivered"], works.json()["detail"], sent) == (True, "", ["/slack"])
    assert fails.json()["delivered"] is False
    assert (
        fails.json()["detail"]
        == "Channel storage (Slack) refused the message (HTTP 404). It said: no_service"
    )
    assert [(line["actor"], line["target"], line["outcome"]) for line in lines[:2]] == [
        ("admin", "storage", "failed"),
        ("admin", "storage", "ok"),
    ]
    states = {one["id"]: one["state"] for one in await deliveries(api, "?channel=storage")}
    assert states[fails.json()["delivery_id"]] == "given_up"


async def test_a_channel_that_is_not_there_cannot_be_tried(api: Api) -> None:
    reply = await api.post("/api/admin/notifications/test", json={"channel": "nobody"}, headers=ADMIN)

    assert reply.status_code == 404
    assert "configured: ops, storage" in reply.json()["detail"]


async def test_messages_are_paged(api: Api) -> None:
    for _ in range(3):
        await api.post("/api/admin/notifications/test", json={"channel": "storage"}, headers=ADMIN)
    ids, before = [], ""
    while True:
        query = f"?limit=2{before}"
        page = (await api.get(f"/api/admin/notifications/deliveries{query}", headers=ADMIN)).json()
        ids += [one["id"] for one in page["deliveries"]]
        if page["next_before"] is None:
            break
        before = f"&before={page['next_before']}"

    assert ids == [one["id"] for one in await deliveries(api, "?limit=200")]
    assert len(ids) == len(set(ids)) > 2
    assert await deliveries(api, "?before=unknown") == []
