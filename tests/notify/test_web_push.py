"""Messages for browsers, through a push service that others wrote."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.announcements import message
from tests.support.certificates import Authority
from tests.support.push_service import PushService, push_service
from tests.support.tracker_server import Answer, TrackerServer, tracker_server

from rootcoz.domain.errors import InvalidInput, OutsideError, RateLimited, Refused, Unavailable
from rootcoz.domain.notification import Announcement, Event, Message, PushSubscription
from rootcoz.kit.addresses import LOOPBACK
from rootcoz.kit.vapid import VapidKeys, new_vapid_keys
from rootcoz.notify.base import SubscriptionGone
from rootcoz.notify.push_endpoint import check_endpoint
from rootcoz.notify.web_push import PushSender

KEYS = new_vapid_keys()
CONTACT = "mailto:ops@example.com"
MENTION = Announcement(
    Event.MENTION, "ann mentioned you", "Look, @bob: \N{PILE OF POO}", link="/results/job-1"
)


async def keys() -> VapidKeys:
    return KEYS


def sender() -> PushSender:
    return PushSender(keys, CONTACT, LOOPBACK)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PushService]:
    folder = tmp_path_factory.mktemp("push")
    with push_service(folder) as running, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(folder / "authority.pem"))
        yield running


def mention(delivery_id: str = "0" * 32) -> Message:
    return replace(message(MENTION), delivery_id=delivery_id)


async def test_a_browser_is_told_what_nobody_between_can_read(service: PushService) -> None:
    browser = await service.browser(KEYS.public)
    await sender().send(mention(), browser.subscription())
    (shown,) = await service.shown(browser)

    assert json.loads(shown) == {
        "title": "ann mentioned you",
        "body": "Look, @bob: \N{PILE OF POO}",
        "url": "/results/job-1",
    }


async def test_an_expired_subscription_is_gone(service: PushService) -> None:
    browser = await service.browser(KEYS.public)
    await service.expire(browser)
    with pytest.raises(SubscriptionGone):
        await sender().send(mention(), browser.subscription())

    assert await service.shown(browser) == []


async def test_a_server_with_other_keys_is_refused(service: PushService) -> None:
    browser = await service.browser(new_vapid_keys().public)
    with pytest.raises(Refused) as raised:
        await sender().send(mention(), browser.subscription())

    assert not isinstance(raised.value, SubscriptionGone)
    assert browser.hash not in str(raised.value)


@pytest.mark.parametrize(
    ("p256dh", "auth"), [("AAAA", "AAAA"), ("", ""), ("!", "?"), ("B" + "A" * 86, "A" * 22), ("BA==", "é")]
)
async def test_keys_that_no_browser_made_are_those_of_nobody(
    service: PushService, p256dh: str, auth: str
) -> None:
    browser = await service.browser(KEYS.public)
    wrong = PushSubscription(1, browser.endpoint, p256dh, auth)
    with pytest.raises(SubscriptionGone, match="keys cannot be used"):
        await sender().send(mention(), wrong)


# --- a service that says what the test wants -------------------------------------------------------


@pytest.fixture
def moody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrackerServer]:
    authority = Authority()
    authority.trusted_by(monkeypatch, tmp_path)
    with tracker_server(TrackerServer(authority.server("localhost"))) as server:
        yield server


@pytest.fixture
async def subscription(service: PushService, moody: TrackerServer) -> PushSubscription:
    browser = await service.browser(KEYS.public)
    return replace(browser.subscription(), endpoint=f"https://localhost:{moody.port}/push/its-secret?q=1")


async def test_the_request_is_as_push_services_want_it(
    moody: TrackerServer, subscription: PushSubscription
) -> None:
    await sender().send(mention("ab" * 16), subscription)
    (request,) = moody.requests
    told = {
        name: request.headers[name] for name in ("host", "content-encoding", "content-type", "ttl", "topic")
    }

    assert request.target == "/push/its-secret?q=1"
    assert told == {
        "host": f"localhost:{moody.port}",
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "ttl": "86400",
        "topic": "ab" * 16,
    }
    assert request.headers["authorization"].startswith("vapid t=")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (404, SubscriptionGone),
        (410, SubscriptionGone),
        (403, Refused),
        (413, Refused),
        (429, RateLimited),
        (502, Unavailable),
    ],
)
async def test_an_answer_says_what_becomes_of_the_subscription(
    moody: TrackerServer, subscription: PushSubscription, status: int, error: type[OutsideError]
) -> None:
    moody.say(Answer(status=status))
    with pytest.raises(OutsideError) as raised:
        await sender().send(mention(), subscription)

    assert type(raised.value) is error
    assert "its-secret" not in str(raised.value)


async def test_a_service_that_nobody_vouches_for_is_told_nothing(
    moody: TrackerServer, subscription: PushSubscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(Unavailable, match="certificate that is not trusted"):
        await sender().send(mention(), subscription)

    assert moody.requests == []


async def test_a_certificate_for_another_name_is_not_taken(
    moody: TrackerServer, subscription: PushSubscription
) -> None:
    there = replace(subscription, endpoint=f"https://127.0.0.1:{moody.port}/push")
    with pytest.raises(Unavailable, match="certificate that is not trusted"):
        await sender().send(mention(), there)


async def test_nothing_is_sent_into_a_private_network(
    moody: TrackerServer, subscription: PushSubscription
) -> None:
    with pytest.raises(Refused, match="private address"):
        await PushSender(keys, CONTACT).send(mention(), subscription)

    assert moody.requests == []


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "169.254.169.254",
        "10.0.0.1",
        "[fe80::1]",
        "0.0.0.0",  # noqa: S104 - nobody listens there
        "100.64.0.1",
        "[64:ff9b::a00:1]",
    ],
)
async def test_an_endpoint_in_a_private_network_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match="PUSH_ALLOWED_NETWORKS"):
        await check_endpoint(f"https://{host}/push")


@pytest.mark.parametrize("host", ["8.8.8.8", "no-such-name.invalid", "[2606:4700::1111]", "a" * 70])
async def test_an_endpoint_elsewhere_is_taken(host: str) -> None:
    await check_endpoint(f"https://{host}/push")


async def test_an_operator_may_allow_a_network() -> None:
    await check_endpoint("https://127.0.0.1/push", LOOPBACK)


async def test_the_message_goes_to_the_address_that_was_looked_at(
    subscription: PushSubscription, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, asked, real = Authority(), [], socket.getaddrinfo
    authority.trusted_by(monkeypatch, tmp_path)

    def rebinding(host: str, port: int, *rest: Any, **options: Any) -> Any:  # noqa: ANN401 - as the original
        if host == "push.rebinding.test":  # allowed when it is looked at, somewhere else ever after
            asked.append(host)
            host = "127.0.0.1" if len(asked) == 1 else "192.0.2.1"
        return real(host, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with tracker_server(TrackerServer(authority.server("push.rebinding.test"))) as server:
        there = replace(subscription, endpoint=f"https://push.rebinding.test:{server.port}/push")
        await sender().send(mention(), there)

    assert [request.headers["host"] for request in server.requests] == [f"push.rebinding.test:{server.port}"]
    assert len(asked) == 1


async def test_a_name_that_leads_nowhere_is_tried_again_later(subscription: PushSubscription) -> None:
    nowhere = replace(subscription, endpoint="https://no-such-name.invalid/push")
    with pytest.raises(Unavailable, match="cannot be resolved"):
        await sender().send(mention(), nowhere)
