import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.client.stub_server import JOB_ID, Answer, StubServer, json_answer

from rootcoz.client.api import Client, Progress
from rootcoz.client.submission import CHUNK_SIZE, ReportFile, SubmitOptions, reports_body
from rootcoz.domain.errors import (
    Conflict,
    InvalidInput,
    InvalidReport,
    NotAllowed,
    NotFound,
    OutsideError,
    Refused,
    RootcozError,
    TooLarge,
    Unavailable,
)
from rootcoz.kit.xml_encoding import decode_xml

DONE = {"job_id": JOB_ID, "status": "completed", "result": {"summary": "fine"}, "from_the_future": 1}


@pytest.fixture
async def client(stub: StubServer) -> AsyncIterator[Client]:
    async with Client(stub.url) as client:
        yield client


def report(tmp_path: Path, content: bytes, name: str = "r.xml") -> ReportFile:
    path = tmp_path / name
    path.write_bytes(content)
    return ReportFile(name, path)


async def test_reports_are_sent_as_they_are_with_the_options_that_were_given(
    stub: StubServer, client: Client, tmp_path: Path
) -> None:
    stub.accepts(DONE)
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?>\r\n<testsuite name="Größe \\ &quot;"/>'
    first = report(tmp_path, latin.encode("latin-1"), 'a "b".xml')
    second = report(tmp_path, b"<testsuite/>", "b.xml")
    options = SubmitOptions(provider="builtin", timeout_minutes=5, prompt="be kind")

    job_id = await client.submit_reports([first, second], options)

    assert job_id == JOB_ID
    assert stub.submitted == {
        "reports": [{"name": 'a "b".xml', "xml": latin}, {"name": "b.xml", "xml": "<testsuite/>"}],
        "ai_provider": "builtin",
        "ai_cli_timeout": 5,
        "raw_prompt": "be kind",
    }
    assert stub.seen[-1].headers["prefer"] == "respond-async"
    assert stub.seen[-1].headers["content-type"] == "application/json"


async def test_failures_are_sent_as_the_caller_wrote_them(stub: StubServer, client: Client) -> None:
    stub.accepts(DONE)
    failures: list[dict[str, Any]] = [
        {"test_name": "a", "error_message": "ü"},
        {"test_name": "b", "anything": [1]},
    ]

    await client.submit_failures(failures)

    assert stub.submitted == {"failures": failures}


async def test_a_server_that_answers_with_the_finished_result_is_understood(
    stub: StubServer, client: Client
) -> None:
    stub.on("POST", "/analyze-failures", json_answer({"status": "completed", "job_id": "x", "failures": []}))

    assert await client.submit_failures([{"test_name": "a"}]) == "x"


async def test_the_key_and_the_name_are_sent_in_their_headers(stub: StubServer) -> None:
    stub.on("GET", "/health", json_answer({"status": "healthy", "version": "1"}))
    async with Client(stub.url, token="rootcoz_abc", username="zoë; admin") as client:  # noqa: S106 - a stub's
        health = await client.health()

    assert health.version == "1"
    assert stub.seen[-1].headers["authorization"] == "Bearer rootcoz_abc"
    assert stub.seen[-1].headers["cookie"] == "rootcoz_username=zo%C3%AB%3B%20admin"


@pytest.mark.parametrize("token", ["a\nb", "schlüssel", "two words"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(token: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Client("http://127.0.0.1:1", token=token)

    assert token not in str(caught.value)


async def test_a_result_keeps_the_bytes_it_came_in(stub: StubServer, client: Client) -> None:
    document = b'{ "status":"completed",  "job_id":"a/b", "new": [1] }'
    stub.on("GET", "/results/a/b", Answer(body=document))

    result = await client.result("a/b")

    assert result.document == document
    assert result.is_final


async def test_the_list_of_results_is_asked_for_with_its_limit(stub: StubServer, client: Client) -> None:
    stub.on("GET", "/results", json_answer([{"job_id": "1", "status": "running"}, {"job_id": "2"}]))

    items = await client.list_results(limit=7)

    assert [item.job_id for item in items] == ["1", "2"]
    assert stub.seen[-1].query == "limit=7"


async def test_delete_asks_for_the_deletion(stub: StubServer, client: Client) -> None:
    stub.on("DELETE", "/results/7", json_answer({"status": "deleted", "job_id": "7"}))

    await client.delete("7")

    assert [(seen.method, seen.path) for seen in stub.seen] == [("DELETE", "/results/7")]


async def test_wait_reports_progress_until_the_analysis_is_final(stub: StubServer, client: Client) -> None:
    partial = {"progress_phase": "analyzing_failures", "groups_total": 3, "groups_answered": 1}
    polls: list[object] = [
        {"job_id": JOB_ID, "status": "pending", "result": None},
        {"job_id": JOB_ID, "status": "running", "result": partial},
    ]
    stub.accepts(DONE, polls=polls)
    seen: list[Progress] = []

    response = await client.wait(JOB_ID, seen.append)

    assert response.status == "completed"
    assert seen == [Progress("pending"), Progress("running", "analyzing_failures", 1, 3)]


async def test_wait_bears_with_a_server_that_is_away_for_a_moment(stub: StubServer, client: Client) -> None:
    away = json_answer({"detail": "Restarting."}, 503)
    stub.on("GET", f"/results/{JOB_ID}", away, away, json_answer(DONE))
    seen: list[Progress] = []

    response = await client.wait(JOB_ID, seen.append)

    assert response.status == "completed"
    assert ["Restarting" in progress.trouble for progress in seen] == [True, True]


async def test_wait_gives_up_on_a_server_that_stays_away() -> None:
    async with Client(f"http://127.0.0.1:{unused_port()}") as client:
        with pytest.raises(Unavailable):
            await client.wait(JOB_ID, patience_s=0.2)


async def test_wait_ends_when_the_analysis_is_gone(stub: StubServer, client: Client) -> None:
    stub.on("GET", f"/results/{JOB_ID}", json_answer({"detail": "No analysis."}, 404))

    with pytest.raises(NotFound):
        await client.wait(JOB_ID)


REFUSALS: list[tuple[int, type[RootcozError], str]] = [
    (400, InvalidInput, "refused the request: Some reason."),
    (401, NotAllowed, "ROOTCOZ_API_KEY"),
    (403, NotAllowed, "does not allow this: Some reason."),
    (404, NotFound, "Some reason."),
    (409, Conflict, "Some reason."),
    (413, TooLarge, "Some reason."),
    (422, InvalidInput, "Some reason."),
    (429, Unavailable, "too much to do"),
    (500, Refused, "its log says more"),
    (503, Unavailable, "try again later"),
]


@pytest.mark.parametrize(("status", "family", "words"), REFUSALS)
async def test_each_refusal_is_an_error_of_the_tree_with_the_servers_words(
    stub: StubServer, client: Client, status: int, family: type[RootcozError], words: str
) -> None:
    stub.on("GET", "/health", json_answer({"detail": "Some reason."}, status))

    with pytest.raises(family) as caught:
        await client.health()

    assert words in str(caught.value)
    assert "Some reason" in str(caught.value)
    assert stub.url in str(caught.value)


async def test_a_list_of_wrong_fields_becomes_one_sentence(stub: StubServer, client: Client) -> None:
    problems = [
        {"loc": ["body", "ai_provider"], "msg": "Input should be 'builtin'", "type": "x", "input": "SECRET"},
        {"loc": ["body", "reports", 0, "name"], "msg": "Value error, must not be blank", "type": "x"},
        {"loc": [], "msg": "m", "type": "x"},
        {"loc": ["body"], "msg": "n", "type": "x"},
    ]
    stub.on("GET", "/health", json_answer({"detail": problems}, 422))

    with pytest.raises(InvalidInput) as caught:
        await client.health()

    words = "ai_provider: Input should be 'builtin'; reports.0.name: must not be blank; m; and 1 more."
    assert str(caught.value) == f"{stub.url} refused the request: {words}"


ODD_ANSWERS = [
    (Answer(body=b"<html>hello</html>", content_type="text/html"), "a web page instead of JSON"),
    (Answer(body=b"[]"), "a client and a server of one version"),
    (Answer(body=b"{"), "a client and a server of one version"),
    (Answer(body=b"", content_type=""), "nothing of use instead of JSON"),
    (
        Answer(status=307, headers={"location": "https://new.example.com"}),
        "redirects to https://new.example.com",
    ),
    (Answer(status=502, body=b"<h1>Bad gateway</h1>", content_type="text/html"), "not ready (status 502)"),
    (Answer(headers={"content-encoding": "gzip"}, body=b"no gzip"), "damaged on the way"),
]


@pytest.mark.parametrize(("answer", "words"), ODD_ANSWERS, ids=[words for _, words in ODD_ANSWERS])
async def test_an_answer_that_is_none_of_ours_is_named(
    stub: StubServer, client: Client, answer: Answer, words: str
) -> None:
    stub.on("GET", "/health", answer)

    with pytest.raises(OutsideError) as caught:
        await client.health()

    assert words in str(caught.value)


async def test_a_server_that_is_not_there_is_told_with_what_to_do() -> None:
    url = f"http://127.0.0.1:{unused_port()}"
    async with Client(url) as client:
        with pytest.raises(Unavailable) as caught:
            await client.health()

    assert (
        str(caught.value)
        == f"No server answers at {url}; start one with `rootcoz serve`, or check the address."
    )


async def test_a_server_that_is_too_slow_is_told(stub: StubServer) -> None:
    stub.on("GET", "/health", Answer(delay_s=1.0))
    async with Client(stub.url, timeout_s=0.1) as client:
        with pytest.raises(Unavailable) as caught:
            await client.health()

    assert caught.value.timed_out


async def test_https_to_a_server_without_tls_is_told_as_such(stub: StubServer) -> None:
    async with Client(stub.url.replace("http:", "https:")) as client:
        with pytest.raises(Refused) as caught:
            await client.health()

    assert "check https or http" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["example.com", "ftp://example.com", "http://[bad", "http://", "http://a:x", ""]
)
def test_what_is_no_address_is_the_callers_error(url: str) -> None:
    with pytest.raises(InvalidInput):
        Client(url)


async def test_a_report_that_cannot_be_decoded_ends_the_request_with_its_name(
    stub: StubServer, client: Client, tmp_path: Path
) -> None:
    stub.accepts(DONE)

    with pytest.raises(InvalidReport) as caught:
        await client.submit_reports([report(tmp_path, b"<testsuite>\xff", "odd.xml")])

    assert str(caught.value).startswith("odd.xml cannot be read: its bytes near offset 11 are not")


async def test_the_cause_is_told_when_an_application_in_process_hides_it(tmp_path: Path) -> None:
    async def application(scope: object, receive: object, send: object) -> None:
        try:
            while True:
                await receive()  # type: ignore[operator]
        except InvalidReport:
            raise RuntimeError("hidden") from None

    transport = httpx2.ASGITransport(app=application)
    async with Client("http://local", transport=transport) as client:
        with pytest.raises(InvalidReport):
            await client.submit_reports([report(tmp_path, b"<testsuite>\xff")])


async def test_a_refusal_in_the_middle_of_a_big_body_is_heard(
    stub: StubServer, client: Client, tmp_path: Path
) -> None:
    stub.refuse_at_bytes = 300_000
    stub.keep_bodies = False

    with pytest.raises(TooLarge) as caught:
        await client.submit_reports([report(tmp_path, b"<testsuite>" + b"x" * 5_000_000)])

    assert "50 MB" in str(caught.value)


SEND_AND_MEASURE = """
import asyncio, resource, sys
from pathlib import Path
from rootcoz.client.api import Client
from rootcoz.client.submission import ReportFile

async def send(name):
    async with Client(sys.argv[1]) as client:
        await client.submit_reports([ReportFile(name, Path(sys.argv[2], name))])

peaks = []
for name in ("small.xml", "big.xml"):
    asyncio.run(send(name))
    peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(*peaks)
"""


async def test_fifty_megabytes_are_sent_without_being_held(stub: StubServer, tmp_path: Path) -> None:
    stub.accepts(DONE)
    stub.keep_bodies = False
    case = b'<testcase name="Gr\xc3\xb6\xc3\x9fe"><failure>"line"\n</failure></testcase>\n'
    (tmp_path / "small.xml").write_bytes(b"<testsuite/>")
    size = (tmp_path / "big.xml").write_bytes(case * (50_000_000 // len(case)))
    command = [sys.executable, "-c", SEND_AND_MEASURE, stub.url, str(tmp_path)]

    run = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    before_kb, after_kb = map(int, run.stdout.split())

    assert stub.seen[-1].body_bytes > size
    assert after_kb - before_kb < 15_000


def test_a_streamed_body_is_the_json_of_the_whole(tmp_path: Path) -> None:
    text = 'ä€😀"\\\n\x01' * CHUNK_SIZE
    file = report(tmp_path, text.encode())

    pieces = list(reports_body([file], SubmitOptions(), decode_xml))

    assert json.loads(b"".join(pieces)) == {"reports": [{"name": "r.xml", "xml": text}]}
    assert max(map(len, pieces)) < 4 * CHUNK_SIZE


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
