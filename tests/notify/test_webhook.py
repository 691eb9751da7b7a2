import hashlib
import hmac
import time

import pytest
from tests.support.announcements import message
from tests.support.tracker_server import Answer, TrackerServer

from rootcoz.domain.errors import OutsideError, RateLimited, Refused, Unavailable
from rootcoz.domain.notification import Channel, ChannelKind
from rootcoz.notify import http
from rootcoz.notify.webhook import WebhookSender

KEY = "sixteen characters"


def sender(receiver: TrackerServer, path: str = "/hook?key=s3cr3t-in-the-query") -> WebhookSender:
    return WebhookSender(Channel("ops", ChannelKind.WEBHOOK, url=receiver.url + path, secret=KEY))


async def test_a_message_is_signed_over_its_time_and_body(receiver: TrackerServer) -> None:
    await sender(receiver).send(message())
    (request,) = receiver.requests
    stamp = request.headers["x-rootcoz-timestamp"]
    expected = hmac.new(KEY.encode(), f"{stamp}.".encode() + request.body, hashlib.sha256).hexdigest()

    assert request.headers["x-rootcoz-signature"] == f"v1={expected}"
    assert abs(int(stamp) - time.time()) < 60
    assert request.headers["x-rootcoz-event"] == request.json["event"] == "analysis"
    assert request.headers["x-rootcoz-delivery"] == request.json["delivery_id"] == message().delivery_id


async def test_programs_get_all_there_is_to_tell(receiver: TrackerServer) -> None:
    await sender(receiver).send(message())

    assert receiver.requests[0].json == {
        "delivery_id": message().delivery_id,
        "created_at": "2026-01-01T00:00:00.000Z",
        "event": "analysis",
        "title": "1 new failure group in nightly #7",
        "text": "2 failures in 1 group: 1 PRODUCT BUG.",
        "link": "https://rootcoz.example.com/results/job-1",
        "job_id": "job-1",
        "job_name": "nightly",
        "build_number": 7,
        "counts": {"PRODUCT BUG": 1},
        "groups": [
            {
                "test_name": "tests.test_login.test_it",
                "failures": 2,
                "classification": "PRODUCT BUG",
                "cause": "The server answers 500.",
            }
        ],
        "more_groups": 3,
        "issue_key": "",
        "issue_url": "",
    }


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(status=302, headers={"location": "/elsewhere"}), Refused),
        (Answer(status=400), Refused),
        (Answer(status=404), Refused),
        (Answer(status=408), RateLimited),
        (Answer(status=429), RateLimited),
        (Answer(status=500), Unavailable),
        (Answer(status=503), RateLimited),
        (Answer(reset=True), Unavailable),
        (Answer(b"x" * (http.REPLY_LIMIT + 1)), Refused),
    ],
)
async def test_an_answer_says_whether_to_try_again(
    receiver: TrackerServer, answer: Answer, error: type[OutsideError]
) -> None:
    receiver.say(answer)
    with pytest.raises(OutsideError) as raised:
        await sender(receiver).send(message())

    assert type(raised.value) is error
    assert len(receiver.requests) == 1


async def test_a_receiver_may_say_when(receiver: TrackerServer) -> None:
    receiver.say(Answer(status=429, headers={"retry-after": "17"}))
    with pytest.raises(RateLimited) as raised:
        await sender(receiver).send(message())

    assert raised.value.retry_after_s == 17


async def test_nobody_listens(receiver: TrackerServer) -> None:
    nobody = sender(receiver)
    receiver.close()
    with pytest.raises(Unavailable, match="cannot be reached"):
        await nobody.send(message())


async def test_a_receiver_that_drips_is_given_up(
    receiver: TrackerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.3)
    receiver.say(Answer(b"x" * 1000, drip_s=0.05))
    with pytest.raises(Unavailable, match="did not answer within") as raised:
        await sender(receiver).send(message())

    assert raised.value.timed_out


async def test_no_error_shows_the_address_or_a_secret(receiver: TrackerServer) -> None:
    path = "/hook/T00/B00/pathsecret?key=s3cr3t-in-the-query"
    said = f"no {receiver.url}{path} and no {path} and no key=s3cr3t-in-the-query and no ghp_{'a1B2' * 9}"
    receiver.say(Answer(said.encode(), status=400))
    with pytest.raises(Refused) as raised:
        await sender(receiver, path).send(message())

    assert str(raised.value).startswith("Channel ops (webhook) refused the message (HTTP 400). It said: no ")
    assert not [word for word in ("pathsecret", "s3cr3t", "a1B2", receiver.url) if word in str(raised.value)]
    assert raised.value.__cause__ is None
    assert "pathsecret" not in repr(sender(receiver, path).__dict__)
