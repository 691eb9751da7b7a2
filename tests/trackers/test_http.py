"""One place speaks HTTP to trackers: every way in which that goes wrong, against a real server."""

import gzip
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from pydantic import BaseModel
from tests.support.tracker_server import Answer, TrackerServer

from rootcoz.domain.errors import OutsideError, RateLimited, Refused, Unavailable
from rootcoz.trackers.http import MAX_REDIRECTS, Endpoint, Limits, TrackerHttp

TOKEN = "s3cr3t-T0ken-of-the-tests"  # noqa: S105 - made up


class Thing(BaseModel):
    name: str


GOOD = Answer({"name": "a"})


def endpoint(url: str, limits: Limits, *, verify_tls: bool = True) -> Endpoint:
    return Endpoint(
        name="Jira",
        source="tracker jira",
        url=url,
        headers={"authorization": f"Bearer {TOKEN}"},
        secrets=(TOKEN,),
        address_setting="JIRA_URL",
        credential_setting="JIRA_PAT",
        verify_tls=verify_tls,
        limits=limits,
    )


async def ask(server: TrackerServer, limits: Limits) -> Thing:
    return await TrackerHttp(endpoint(server.url, limits)).get(Thing, "/thing", params={"q": "x y"})


async def test_a_good_answer_is_read_and_the_credential_went_into_the_header(
    server: TrackerServer, quick: Limits
) -> None:
    server.say(GOOD)

    assert await ask(server, quick) == Thing(name="a")
    assert server.requests[0].headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in server.requests[0].target


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "refused the search (HTTP 400)"),
        (401, "check JIRA_PAT"),
        (403, "lacks a permission"),
        (404, "check JIRA_URL"),
        (410, "check JIRA_URL"),
        (422, "refused the search (HTTP 422)"),
    ],
)
async def test_an_answer_that_says_no_is_not_asked_again(
    server: TrackerServer, quick: Limits, status: int, words: str
) -> None:
    server.say(Answer({"message": f"no, {TOKEN}"}, status=status))
    with pytest.raises(Refused) as caught:
        await ask(server, quick)

    assert words in str(caught.value)
    assert "It said: no, ***" in str(caught.value)
    assert len(server.requests) == 1


async def test_jira_s_own_sentences_are_quoted_and_bounded(server: TrackerServer, quick: Limits) -> None:
    said = {"errorMessages": ["No such\nfield."], "errors": {"jql": "x" * 1000}}
    server.say(Answer(said, status=400))
    with pytest.raises(Refused, match=r"It said: No such field\. xxx") as caught:
        await ask(server, quick)

    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_passing_trouble_is_asked_again(server: TrackerServer, quick: Limits, status: int) -> None:
    server.say(Answer({}, status=status), GOOD)

    assert await ask(server, quick) == Thing(name="a")


async def test_trouble_that_stays_ends_after_the_tries(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({}, status=500))
    with pytest.raises(Unavailable, match="HTTP 500"):
        await ask(server, quick)

    assert len(server.requests) == quick.tries


async def test_retry_after_is_waited_for(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({}, status=429, headers={"Retry-After": "1"}), GOOD)
    started = time.monotonic()
    await ask(server, quick)

    assert time.monotonic() - started >= 1


async def test_a_retry_after_as_a_date_is_understood(server: TrackerServer, quick: Limits) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    server.say(Answer({}, status=429, headers={"Retry-After": later}))
    with pytest.raises(RateLimited) as caught:
        await ask(server, quick)

    assert caught.value.retry_after_s == pytest.approx(600, abs=5)


async def test_a_longer_wait_than_we_have_is_told_at_once(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({}, status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(RateLimited) as caught:
        await ask(server, quick)

    assert caught.value.retry_after_s == 3600
    assert len(server.requests) == 1


async def test_github_s_used_up_quota_is_a_rate_limit_and_no_lack_of_permission(
    server: TrackerServer, quick: Limits
) -> None:
    reset = str(int(time.time()) + 300)
    server.say(Answer({}, status=403, headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset}))
    with pytest.raises(RateLimited) as caught:
        await ask(server, quick)

    assert caught.value.retry_after_s == pytest.approx(300, abs=5)


@pytest.mark.parametrize("value", ["soon", "-5", "1e9", "٣", "Wed, 99 Xxx 2026"])
async def test_a_senseless_retry_after_counts_as_none(
    server: TrackerServer, quick: Limits, value: str
) -> None:
    server.say(Answer({}, status=429, headers={"Retry-After": value.encode().decode("latin-1")}), GOOD)

    assert await ask(server, quick) == Thing(name="a")


async def test_no_answer_in_time_is_unavailable(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({}, delay_s=5))
    with pytest.raises(Unavailable, match="within") as caught:
        await ask(server, quick)

    assert caught.value.timed_out


async def test_a_slow_drip_ends_at_the_time_limit(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({"name": "x" * 500}, drip_s=0.05))
    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        await ask(server, quick)

    assert caught.value.timed_out
    assert time.monotonic() - started < quick.total_s + quick.attempt_s + 1


async def test_a_broken_connection_is_tried_again(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer(reset=True), GOOD)

    assert await ask(server, quick) == Thing(name="a")


async def test_a_connection_that_always_breaks_is_unavailable(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer(reset=True))
    with pytest.raises(Unavailable, match="broke off"):
        await ask(server, quick)


async def test_a_closed_port_is_unavailable(quick: Limits) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(Unavailable, match="did not let us connect"):
            await TrackerHttp(endpoint(f"http://127.0.0.1:{port}", quick)).get(Thing, "/", params={})


@pytest.mark.parametrize(
    "answer",
    [
        Answer(b"<html><body>Sign in</body></html>", content_type="text/html; charset=utf-8"),
        Answer(b"\n <!DOCTYPE html><p>x", content_type="application/json"),
    ],
)
async def test_a_web_page_is_recognised(server: TrackerServer, quick: Limits, answer: Answer) -> None:
    server.say(answer)
    with pytest.raises(Refused, match="a web page instead of data: check that JIRA_URL"):
        await ask(server, quick)


async def test_a_page_in_an_error_is_not_quoted(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer(b"<html>404</html>", status=404, content_type="text/html"))
    with pytest.raises(Refused) as caught:
        await ask(server, quick)

    assert "It said" not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b'{"name": 3}', b"\xff\xfe", b"[" * 50_000])
async def test_what_is_no_answer_is_refused_without_quoting_it(
    server: TrackerServer, quick: Limits, body: bytes
) -> None:
    server.say(Answer(body))
    with pytest.raises(Refused, match="no search result"):
        await ask(server, quick)


async def test_a_huge_answer_is_refused(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({"name": "x" * 200_000}))
    with pytest.raises(Refused, match="more than 100,000 bytes"):
        await ask(server, quick)


async def test_a_compressed_answer_is_refused_unread(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer(gzip.compress(b"x" * 1_000_000), headers={"Content-Encoding": "gzip"}))
    with pytest.raises(Refused, match="answered compressed"):
        await ask(server, quick)

    assert server.requests[0].headers["accept-encoding"] == "identity"


async def test_redirects_in_a_circle_end(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({}, status=302, headers={"Location": "/thing"}))
    with pytest.raises(Refused, match="in a circle"):
        await ask(server, quick)

    assert len(server.requests) == MAX_REDIRECTS + 1


async def test_a_redirect_on_the_same_server_is_followed(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({}, status=301, headers={"Location": "/moved"}), GOOD)

    assert await ask(server, quick) == Thing(name="a")
    assert server.requests[1].target == "/moved"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_server_takes_no_credential_there(
    server: TrackerServer, other_server: TrackerServer, quick: Limits, status: int
) -> None:
    server.say(Answer({}, status=status, headers={"Location": other_server.url + "/login"}))
    with pytest.raises(Refused, match="where the credential is not sent"):
        await ask(server, quick)

    assert other_server.requests == []


@pytest.mark.parametrize("location", ["", "http://[bad", "//", "ftp://example.com/", "javascript:alert(1)"])
async def test_a_senseless_redirect_is_refused(server: TrackerServer, quick: Limits, location: str) -> None:
    server.say(Answer({}, status=302, headers={"Location": location}))
    with pytest.raises(Refused, match="redirects"):
        await ask(server, quick)


async def test_a_post_is_not_turned_into_a_get_by_a_redirect(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({}, status=302, headers={"Location": "/login"}))
    with pytest.raises(Refused, match="redirects"):
        await TrackerHttp(endpoint(server.url, quick)).post(Thing, "/x", body={"a": 1})

    assert len(server.requests) == 1


async def test_a_post_keeps_its_body_over_a_redirect(server: TrackerServer, quick: Limits) -> None:
    server.say(Answer({}, status=307, headers={"Location": "/moved"}), GOOD)
    await TrackerHttp(endpoint(server.url, quick)).post(Thing, "/x", body={"a": 1})

    assert [request.json for request in server.requests] == [{"a": 1}] * 2


async def test_proxies_of_the_environment_are_not_used(
    server: TrackerServer, other_server: TrackerServer, quick: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, other_server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.say(GOOD)
    await ask(server, quick)

    assert len(server.requests) == 1
    assert other_server.requests == []


async def test_a_proxy_is_used_when_one_is_configured(server: TrackerServer, quick: Limits) -> None:
    server.say(GOOD)
    at = replace(endpoint("http://jira.example.org", quick), proxy=server.url)

    assert await TrackerHttp(at).get(Thing, "/thing", params={}) == Thing(name="a")
    assert server.requests[0].target == "http://jira.example.org/thing"


async def test_nothing_that_is_logged_holds_the_credential(
    server: TrackerServer, quick: Limits, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.say(Answer({"message": TOKEN}, status=500), Answer({"message": TOKEN}, status=401))
    with pytest.raises(Refused):
        await ask(server, quick)

    assert caplog.text
    assert TOKEN not in caplog.text


async def test_a_header_that_cannot_be_sent_is_not_quoted(server: TrackerServer, quick: Limits) -> None:
    at = Endpoint(
        "Jira", "tracker jira", server.url, {"authorization": f"Bearer {TOKEN}\n"}, (), limits=quick
    )
    with pytest.raises(Refused) as caught:
        await TrackerHttp(at).get(Thing, "/", params={})

    assert TOKEN not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_endpoint_does_not_show_its_credential() -> None:
    assert TOKEN not in repr(endpoint("https://jira.example.org", Limits()))


# --- TLS -----------------------------------------------------------------------------------------


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[str]:
    """A server whose certificate nobody vouches for."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listener = socket.create_server(("127.0.0.1", 0))
    body = b'{"name":"a"}'
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"

    def serve() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            with raw, suppress(OSError), context.wrap_socket(raw, server_side=True) as connection:
                connection.recv(65_536)
                connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


async def test_a_certificate_nobody_vouches_for_is_refused(tls_server: str, quick: Limits) -> None:
    with pytest.raises(OutsideError, match="certificate is not trusted") as caught:
        await TrackerHttp(endpoint(tls_server, quick)).get(Thing, "/", params={})

    assert isinstance(caught.value, Refused)


async def test_the_check_of_certificates_can_be_switched_off(tls_server: str, quick: Limits) -> None:
    http = TrackerHttp(endpoint(tls_server, quick, verify_tls=False))

    assert await http.get(Thing, "/", params={}) == Thing(name="a")
