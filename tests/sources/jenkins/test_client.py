import base64
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.jenkins_server import (
    LOGIN_PAGE,
    JenkinsServer,
    Reply,
    as_json,
    page,
    payload,
    redirect,
    running_jenkins,
    self_signed,
)

from rootcoz.domain.errors import InvalidInput, OutsideError, Refused, TooLarge, Unavailable
from rootcoz.sources.jenkins.client import JenkinsAccess, JenkinsClient, NotThere, Troubled
from rootcoz.sources.jenkins.names import BuildName, name_of

BUILD = BuildName("team/nightly", 12)
BUILD_JSON = f"{BUILD.path}api/json"
CONSOLE = f"{BUILD.path}logText/progressiveText"
SECRET = "s3cret-token"  # noqa: S105 - made up


@pytest.fixture
def jenkins() -> Iterator[JenkinsServer]:
    with running_jenkins() as server:
        yield server


@pytest.fixture
async def client(jenkins: JenkinsServer) -> AsyncIterator[JenkinsClient]:
    async with client_of(jenkins) as opened:
        yield opened


def client_of(
    jenkins: JenkinsServer, *, url: str = "", user: str = "", ssl_verify: bool = True, timeout_s: float = 10.0
) -> JenkinsClient:
    password = SECRET if user else ""
    access = JenkinsAccess(url or jenkins.url, user, password, ssl_verify=ssl_verify, timeout_s=timeout_s)
    return JenkinsClient(access, first_pause_s=0.001)


def left_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def refusal(client: JenkinsClient, build: BuildName = BUILD) -> OutsideError:
    with pytest.raises(OutsideError) as caught:
        await client.build(build)
    return caught.value


async def test_a_build_is_read_below_a_path_prefix() -> None:
    with running_jenkins("/ci/jenkins") as jenkins:
        jenkins.build(BUILD.path, payload("pipeline-failed.json"))
        async with client_of(jenkins) as client:
            reply = await client.build(BUILD)

    assert (reply.result, reply.is_running) == ("FAILURE", False)


@pytest.mark.parametrize("job_name", ["repo/feature%2Flogin", "a b/ü#?", "suite/label=linux,jdk=21"])
async def test_each_part_of_a_job_s_name_is_encoded(
    jenkins: JenkinsServer, client: JenkinsClient, job_name: str
) -> None:
    name = name_of(job_name, 3)
    jenkins.build(name.path, {"number": 3, "result": "SUCCESS"})

    assert (await client.build(name)).number == 3


async def test_the_user_and_the_token_are_sent_at_once(jenkins: JenkinsServer) -> None:
    jenkins.credentials = "Basic " + base64.b64encode(f"ada:{SECRET}".encode()).decode()
    jenkins.build(BUILD.path, {"number": 12, "result": "SUCCESS"})
    async with client_of(jenkins, user="ada") as client:
        await client.build(BUILD)

    assert [seen.authorization for seen in jenkins.requests] == [jenkins.credentials]


async def test_without_credentials_requests_are_anonymous(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.build(BUILD.path, {"number": 12, "result": "SUCCESS"})
    await client.build(BUILD)

    assert [seen.authorization for seen in jenkins.requests] == [None]


async def test_a_build_without_a_result_still_runs(jenkins: JenkinsServer, client: JenkinsClient) -> None:
    jenkins.build(BUILD.path, payload("multijob-running.json"))

    assert (await client.build(BUILD)).is_running


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (page(LOGIN_PAGE, 403), "a web page .status 403."),
        (page(LOGIN_PAGE, 200), "login page .status 200."),
        (redirect("/login?from=%2Fjob%2Fteam%2F"), "redirect to its login page .status 302."),
        (redirect("/securityRealm/commenceLogin?from=%2F"), "redirect to its login page"),
        (Reply(status=401, content_type="text/html"), "status 401"),
    ],
)
async def test_a_login_page_is_told_from_data_and_says_what_to_set(
    jenkins: JenkinsServer, client: JenkinsClient, reply: Reply, said: str
) -> None:
    jenkins.answer(BUILD_JSON, reply)
    error = await refusal(client)

    assert isinstance(error, Refused)
    assert error.source == "Jenkins 127.0.0.1"
    assert re.match(
        f"{client.url} answered with .*{said}.* when asked for build team/nightly #12", str(error)
    )
    assert "it wants to know who asks; set jenkins_user" in str(error)


async def test_wrong_credentials_are_told_from_missing_ones_and_never_shown(jenkins: JenkinsServer) -> None:
    jenkins.answer(BUILD_JSON, Reply(status=401, content_type="text/html"))
    async with client_of(jenkins, user="ada") as client:
        error = await refusal(client)

    assert "did not accept the user and password" in str(error)
    assert SECRET not in repr(error)
    assert SECRET not in repr(JenkinsAccess("https://ci.example.com", "ada", SECRET))


async def test_a_missing_right_is_told_from_a_missing_login(jenkins: JenkinsServer) -> None:
    jenkins.answer(BUILD_JSON, page("<h1>Access Denied</h1> ada is missing the Job/Read permission", 403))
    async with client_of(jenkins, user="ada") as client:
        error = await refusal(client)

    assert "does not let this user read build team/nightly #12 (status 403)" in str(error)


async def test_a_missing_build_is_named_with_server_and_status(client: JenkinsClient) -> None:
    error = await refusal(client)

    assert isinstance(error, NotThere)
    assert f"{client.url} has no build team/nightly #12 (status 404)" in str(error)


@pytest.mark.parametrize(
    "reply",
    [
        page("<h1>Welcome to nginx</h1>"),
        as_json(["no", "build"]),
        as_json({"jobs": []}),
        as_json({"number": "twelve"}),
        Reply(b'{"number": 12, "result": "FAIL'),
        Reply(b"\x00\x01", content_type="application/octet-stream"),
    ],
)
async def test_what_is_no_build_is_refused(
    jenkins: JenkinsServer, client: JenkinsClient, reply: Reply
) -> None:
    jenkins.answer(BUILD_JSON, reply)
    error = await refusal(client)

    assert isinstance(error, Refused)
    assert "uild team/nightly #12" in str(error)


async def test_a_redirect_at_the_same_origin_is_followed(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.answer(BUILD_JSON, redirect("/moved/api/json"))
    jenkins.answer("moved/api/json", as_json({"number": 12, "result": "UNSTABLE"}))

    assert (await client.build(BUILD)).result == "UNSTABLE"


async def test_credentials_never_follow_a_redirect_to_another_host(jenkins: JenkinsServer) -> None:
    with running_jenkins() as other:
        jenkins.answer(BUILD_JSON, redirect(f"{other.url}{BUILD_JSON}"))
        other.build(BUILD.path, {"number": 12, "result": "SUCCESS"})
        async with client_of(jenkins, user="ada") as client:
            error = await refusal(client)

    assert other.requests == []
    assert f"redirects to {other.url.rstrip('/')} when asked for build" in str(error)


async def test_redirects_in_a_circle_end(jenkins: JenkinsServer, client: JenkinsClient) -> None:
    jenkins.answer(BUILD_JSON, redirect(f"/{BUILD_JSON}"))

    assert "redirects in a circle" in str(await refusal(client))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_a_server_in_trouble_is_asked_again(
    jenkins: JenkinsServer, client: JenkinsClient, status: int
) -> None:
    trouble = page("<h1>Please wait while Jenkins is getting ready to work</h1>", status)
    jenkins.answer(BUILD_JSON, trouble, trouble, as_json({"number": 12, "result": "SUCCESS"}))

    assert (await client.build(BUILD)).result == "SUCCESS"


async def test_a_server_in_lasting_trouble_is_given_up(jenkins: JenkinsServer, client: JenkinsClient) -> None:
    jenkins.answer(BUILD_JSON, page("<h1>Oops!</h1>", 500))
    error = await refusal(client)

    assert isinstance(error, Troubled)
    assert jenkins.asked(BUILD_JSON) == 3
    assert "build team/nightly #12 (status 500)" in str(error)


async def test_the_server_s_wish_for_a_pause_is_honoured(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    busy = page("later", 503, **{"Retry-After": "0"})
    jenkins.answer(BUILD_JSON, busy, as_json({"number": 12, "result": "SUCCESS"}))

    assert (await client.build(BUILD)).result == "SUCCESS"


async def test_no_server_is_said_with_its_cause() -> None:
    with running_jenkins() as jenkins:
        client = client_of(jenkins)
    async with client:
        error = await refusal(client)

    assert isinstance(error, Unavailable)
    assert f"{client.url} cannot be reached (" in str(error)


async def test_a_reply_that_drips_in_is_cut_off_at_the_time_limit(jenkins: JenkinsServer) -> None:
    jenkins.answer(BUILD_JSON, Reply(json.dumps({"number": 12}).encode() * 100, pause_s=0.05))
    async with client_of(jenkins, timeout_s=0.3) as client:
        error = await refusal(client)

    assert isinstance(error, Unavailable)
    assert error.timed_out
    assert "within 0.3 s" in str(error)


async def test_a_self_signed_certificate_is_refused_unless_told_otherwise(tmp_path: Path) -> None:
    with running_jenkins(certificate=self_signed(tmp_path)) as jenkins:
        jenkins.build(BUILD.path, {"number": 12, "result": "SUCCESS"})
        async with client_of(jenkins) as client:
            error = await refusal(client)
        async with client_of(jenkins, ssl_verify=False) as client:
            reply = await client.build(BUILD)

    assert isinstance(error, Refused)
    assert "its certificate is not trusted" in str(error)
    assert "jenkins_ssl_verify" in str(error)
    assert reply.result == "SUCCESS"


@pytest.mark.parametrize(
    "url", ["", "ci.example.com", "ftp://ci.example.com", "http://", "https://ada:pw@ci.example.com"]
)
def test_what_is_no_address_of_a_server_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        JenkinsClient(JenkinsAccess(url))

    assert "pw" not in str(caught.value)


async def test_a_build_may_have_no_test_report(client: JenkinsClient) -> None:
    assert await client.test_report(BUILD) is None


async def test_a_test_report_is_read(jenkins: JenkinsServer, client: JenkinsClient) -> None:
    jenkins.report(BUILD.path, payload("report-plain.json"))
    report = await client.test_report(BUILD)

    assert report
    assert [failure.status for failure in report.failures] == ["FAILED", "REGRESSION"]


@pytest.mark.parametrize("reply", [as_json({"no": "suites"}), page("hello"), Reply(b'{"suites": [')])
async def test_a_test_report_that_is_none_is_refused(
    jenkins: JenkinsServer, client: JenkinsClient, reply: Reply
) -> None:
    jenkins.answer(f"{BUILD.path}testReport/api/json", reply)

    with pytest.raises(Refused, match="test report of build team/nightly #12"):
        await client.test_report(BUILD)


async def test_a_console_that_comes_in_pieces_is_put_together(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    text = "".join(f"line {number} é\n" for number in range(1, 101))
    jenkins.console(BUILD.path, text, pieces_of=97)
    console = await client.console(BUILD)

    assert console.text() == text
    assert jenkins.asked(CONSOLE) > 10


async def test_the_console_of_a_running_build_is_read_as_far_as_it_is(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.console(BUILD.path, "one\ntwo\nthree\n", pieces_of=4)
    console = await client.console(BUILD, follow=False)

    assert console.text() == "one\n"


async def test_plain_text_serves_where_progressive_text_is_not_to_be_had(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.answer(f"{BUILD.path}consoleText", Reply(b"plain\n", content_type="text/plain"))

    assert (await client.console(BUILD)).text() == "plain\n"


async def test_a_build_without_a_console_says_so(client: JenkinsClient) -> None:
    console = await client.console(BUILD)

    assert console.lines == ()
    assert "console of build team/nightly #12 (status 404)" in console.note


async def test_a_console_that_breaks_off_is_kept_as_far_as_it_came(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    jenkins.answer(CONSOLE, Reply(b"first\nsecond\n", content_type="text/plain", hang_up=True))
    console = await client.console(BUILD)

    assert [line.text for line in console.lines] == ["first", "second"]
    assert "not complete" in console.note


async def test_a_web_page_is_no_console(jenkins: JenkinsServer, client: JenkinsClient) -> None:
    jenkins.answer(CONSOLE, page(LOGIN_PAGE))

    with pytest.raises(Refused, match="console of build"):
        await client.console(BUILD)


async def test_a_huge_console_is_read_in_bounded_memory(
    jenkins: JenkinsServer, client: JenkinsClient
) -> None:
    noise = b"".join(b"2026-03-01 INFO request %d served in 12 ms\n" % number for number in range(6000))

    def lines() -> Iterator[bytes]:
        for number in range(120):
            yield noise
            if number == 60:
                yield b"ERROR: no space left on device /dev/vda1\n"

    jenkins.answer(CONSOLE, Reply(lines, content_type="text/plain"))
    console = await client.console(BUILD)

    assert console.total_lines == 120 * 6000 + 1
    assert console.lines_left_out > 600_000
    assert console.lines[0].number == 1
    assert console.lines[-1].number == console.total_lines
    assert [line.number for line in console.lines if "ERROR" in line.text] == [61 * 6000 + 1]


async def test_an_artifact_is_streamed_to_a_file(
    jenkins: JenkinsServer, client: JenkinsClient, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 5000
    jenkins.artifact(BUILD.path, "logs/a%20b.bin", content)
    size = await client.download(BUILD, "logs/a b.bin", tmp_path / "a", 10_000_000)

    assert size == len(content)
    assert (tmp_path / "a").read_bytes() == content


async def test_an_artifact_over_its_limit_leaves_nothing(
    jenkins: JenkinsServer, client: JenkinsClient, tmp_path: Path
) -> None:
    jenkins.artifact(BUILD.path, "core", b"x" * 1001)

    with pytest.raises(TooLarge, match=r"'core' of build team/nightly #12"):
        await client.download(BUILD, "core", tmp_path / "core", 1000)

    assert left_in(tmp_path) == []


async def test_a_broken_download_leaves_nothing(
    jenkins: JenkinsServer, client: JenkinsClient, tmp_path: Path
) -> None:
    jenkins.answer(f"{BUILD.path}artifact/core", Reply(b"half", content_type="text/plain", hang_up=True))

    with pytest.raises(Unavailable):
        await client.download(BUILD, "core", tmp_path / "core", 1000)

    assert left_in(tmp_path) == []


async def test_a_login_page_is_no_artifact(
    jenkins: JenkinsServer, client: JenkinsClient, tmp_path: Path
) -> None:
    jenkins.answer(f"{BUILD.path}artifact/a.log", page(LOGIN_PAGE))

    with pytest.raises(Refused, match="set jenkins_user"):
        await client.download(BUILD, "a.log", tmp_path / "a", 1000)


@pytest.mark.parametrize("path", ["", "..", "../x", "a/../../x", "./x"])
async def test_an_artifact_s_path_stays_in_its_build(
    client: JenkinsClient, tmp_path: Path, path: str
) -> None:
    with pytest.raises(Refused, match="out of the build"):
        await client.download(BUILD, path, tmp_path / "x", 1000)
