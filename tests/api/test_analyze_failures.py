"""POST /analyze-failures: what it takes, what it refuses, what it answers."""

import json
import resource
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.support.in_process import Api

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAILURE = {"test_name": "tests.test_login.test_valid", "error_message": "ValueError: expected 200, got 500"}
XML = (
    '<?xml version="1.0"?>\n<testsuite name="s"><testcase classname="a.b" name="t[1.5]">'
    '<failure message="m">ValueError: boom</failure></testcase><testcase name="ok"/></testsuite>\n'
)
BOMB = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite name="&b;"/>'
EXTERNAL = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite name="s">&x;</testsuite>'
SECRET = "s3cret-of-the-caller"  # noqa: S105 - the test's own


async def post(api: Api, content: bytes, content_type: str = "application/json") -> Any:  # noqa: ANN401 - a reply
    return await api.request(
        "POST", "/analyze-failures", content=content, headers={"Content-Type": content_type}
    )


async def test_failures_are_answered_with_the_finished_analysis(api: Api) -> None:
    response = await api.analyze({"failures": [FAILURE, {**FAILURE, "test_name": "other"}]})

    body = response.json()
    assert response.status_code == 200
    assert (body["status"], body["ai_provider"], body["ai_model"]) == ("completed", "builtin", "")
    assert body["result_url"] == f"/results/{body['job_id']}"
    assert body["base_url"] == ""
    assert body["enriched_xml"] is None
    assert body["token_usage"] is None
    first, second = body["failures"]
    assert first["error_signature"] == second["error_signature"]
    assert first["analysis"]["affected_tests"] == ["other"]
    assert first["peer_debate"] is None


async def test_the_stored_result_is_the_one_that_was_answered(api: Api) -> None:
    answered = (await api.analyze({"failures": [FAILURE], "raw_prompt": "be kind"})).json()
    response = await api.get(f"/results/{answered['job_id']}")

    stored = response.json()
    assert response.status_code == 200
    assert stored["result"]["failures"] == answered["failures"]
    assert stored["result"]["request_params"] == {"raw_prompt": "be kind"}
    assert stored["jenkins_url"] == ""
    assert [name for name, value in stored["capabilities"].items() if value] == ["github_issues_enabled"]


async def test_one_document_is_answered_with_its_enriched_form(api: Api) -> None:
    body = (await api.analyze({"raw_xml": XML})).json()

    assert body["enriched_xml"].replace("\n", "").startswith('<?xml version="1.0"?><testsuite name="s">')
    assert "ai_no_verdict" in body["enriched_xml"] or "ai_classification" in body["enriched_xml"]
    assert body["failures"][0]["test_name"] == "a.b.t[1.5]"
    assert [(r["tests"], r["failed"]) for r in body["reports"]] == [(2, 1)]


async def test_a_document_without_failures_comes_back_as_it_was(api: Api) -> None:
    document = '<testsuite name="ü"><testcase name="ok"/></testsuite>\r\n<!-- end -->'
    body = (await api.analyze({"raw_xml": document})).json()

    assert body["enriched_xml"] == document
    assert (body["status"], body["failures"]) == ("completed", [])


async def test_several_documents_are_one_analysis(api: Api) -> None:
    reports = [{"name": "a.xml", "xml": XML}, {"name": "b.xml", "xml": XML}]
    body = (await api.analyze({"reports": reports})).json()

    assert len(body["failures"]) == 2
    assert {failure["group"] for failure in body["failures"]} == {1}
    assert [report["name"] for report in body["reports"]] == ["a.xml", "b.xml"]
    assert all("rootcoz" in report["enriched_xml"] for report in body["reports"])


async def test_the_client_may_go_on_at_once(api: Api) -> None:
    response = await api.analyze({"failures": [FAILURE]}, headers={"Prefer": "respond-async, wait=5"})

    body = response.json()
    assert response.status_code == 202
    assert response.headers["preference-applied"] == "respond-async"
    assert body["result_url"] == f"/results/{body['job_id']}"
    assert (await api.finished(body["job_id"]))["status"] == "completed"


async def test_numbers_and_yes_in_words_are_understood_and_unknown_fields_passed_over(api: Api) -> None:
    body = {
        "failures": [{**FAILURE, "duration": "1.5"}],
        "ai_cli_timeout": "7",
        "enable_jira": "no",
        "new": 1,
    }
    response = await api.analyze(body)

    assert response.status_code == 200
    assert response.json()["failures"][0]["duration"] == 1.5


async def test_what_a_request_wants_and_cannot_have_is_said_with_the_result(api: Api) -> None:
    notes = (await api.analyze({"failures": [FAILURE], "enable_jira": True})).json()["notes"]

    assert any("Jira" in note for note in notes)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"failures": []},
        {"failures": None, "raw_xml": None},
        {"raw_xml": ""},
        {"reports": []},
        {"failures": [FAILURE], "raw_xml": XML},
        {"failures": [FAILURE], "reports": [{"name": "a", "xml": XML}]},
        {"failures": "x"},
        {"failures": {"test_name": "x"}},
        {"failures": [1]},
        {"failures": [None]},
        {"failures": [{}]},
        {"failures": [{"test_name": "  "}]},
        {"failures": [{"test_name": 5}]},
        {"failures": [{"test_name": "x", "duration": -1}]},
        {"failures": [{"test_name": "x", "duration": "much"}]},
        {"failures": [{"test_name": "x\x00y"}]},
        {"failures": [{"test_name": "x", "stack_trace": ["a"]}]},
        {"raw_xml": 5},
        {"raw_xml": ["<a/>"]},
        {"raw_xml": {"a": 1}},
        {"reports": [{"name": "", "xml": XML}]},
        {"reports": [{"xml": XML}]},
        {"reports": [{"name": "a"}]},
        {"reports": [{"name": "a", "xml": 5}]},
        {"failures": [FAILURE], "ai_provider": "oracle"},
        {"failures": [FAILURE], "ai_provider": ""},
        {"failures": [FAILURE], "ai_cli_timeout": 0},
        {"failures": [FAILURE], "max_concurrent_ai_calls": -1},
        {"failures": [FAILURE], "jira_max_results": 0},
        {"failures": [FAILURE], "peer_analysis_max_rounds": 0},
        {"failures": [FAILURE], "peer_analysis_max_rounds": 11},
        {"failures": [FAILURE], "peer_ai_configs": [{"ai_provider": "claude", "ai_model": " "}]},
        {"failures": [FAILURE], "additional_repos": [{"name": "..", "url": "https://x.test/a"}]},
        {"failures": [FAILURE], "additional_repos": [{"name": "build-artifacts", "url": "https://x.test/a"}]},
        {"failures": [FAILURE], "additional_repos": [{"name": "a", "url": "file:///etc"}]},
        {"failures": [FAILURE], "additional_repos": [{"name": "a", "url": "https://x.test/a"}] * 2},
    ],
    ids=lambda body: json.dumps(body)[:60],
)
async def test_fields_that_cannot_be_accepted_are_named(api: Api, body: object) -> None:
    response = await api.analyze(body)

    assert response.status_code == 422
    for problem in response.json()["detail"]:
        assert problem.keys() <= {"type", "loc", "msg", "ctx"}
        assert problem["loc"][0] == "body"
        assert problem["msg"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b'"text"',
        b"{",
        b'{"failures": [}',
        b'{"failures": [{"test_name": "x", "duration": NaN}]}',
        b'{"failures": [{"test_name": "x", "duration": Infinity}]}',
        b'{"failures": [{"test_name": "\\ud800"}]}',
        b'{"raw_xml": "<a>\\ud800</a>"}',
        b'{"raw_prompt": "\\udfff", "failures": [{"test_name": "x"}]}',
        b'{"failures": [{"test_name": "\xff"}]}',
        b'{"failures": [{"test_name": "\xed\xa0\x80"}]}',
        b'{"raw_xml": "<a>\xff</a>"}',
        b'{"failures": [{"test_name": "x"}]} trailing',
        b'{"failures": [{"test_name": "x"}], "failures": []}',
        b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"failures": [' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"]}",
        b'{"failures": [{"test_name": "x", "duration": 1e999}]}',
        b'{"failures": [{"test_name": "x", "duration": 1' + b"0" * 5000 + b"}]}",
        b'{"failures": [{"test_name": "x"}], "ai_cli_timeout": 1' + b"0" * 5000 + b"}",
        b"\x00",
        b"\xff\xfe{\x00}\x00",
    ],
    ids=lambda content: repr(content[:40]),
)
async def test_a_body_that_cannot_be_read_is_the_caller_s_error(api: Api, content: bytes) -> None:
    response = await post(api, content)

    assert response.status_code in {400, 422}
    assert response.json()["detail"]
    assert len(response.text) < 2000


@pytest.mark.parametrize(
    "field", ["tests_repo_token", "jira_api_token", "jira_pat", "jira_email", "github_token"]
)
@pytest.mark.parametrize("wrap", [lambda s: [s], lambda s: {s: s}, lambda s: {"a": [s]}])
async def test_a_secret_in_the_wrong_shape_is_not_repeated(api: Api, field: str, wrap: Any) -> None:  # noqa: ANN401 - a function
    response = await api.analyze({"failures": [FAILURE], field: wrap(SECRET)})

    assert response.status_code == 422
    assert SECRET not in response.text


@pytest.mark.parametrize(
    "body",
    [
        {"failures": [FAILURE], "ai_provider": SECRET},
        {"failures": [FAILURE], "ai_cli_timeout": SECRET},
        {"failures": [FAILURE], "peer_ai_configs": SECRET},
        {"failures": [FAILURE], "peer_ai_configs": [SECRET]},
        {"failures": [FAILURE], "additional_repos": [{"name": "a", "url": SECRET, "token": SECRET}]},
        {
            "failures": [FAILURE],
            "additional_repos": [{"name": "a", "url": "https://x.test", "token": [SECRET]}],
        },
        {"failures": [{"test_name": [SECRET]}]},
        {"failures": SECRET},
        {"raw_xml": SECRET},
        {"raw_xml": XML, "failures": SECRET},
        {"reports": SECRET},
        {"tests_repo_token": SECRET},
    ],
    ids=lambda body: json.dumps(body)[:80],
)
async def test_a_secret_in_the_wrong_place_is_not_repeated(api: Api, body: object) -> None:
    response = await api.analyze(body)

    assert response.status_code in {400, 422}
    assert SECRET not in response.text


async def test_secrets_of_a_request_are_in_no_reply_and_on_no_disk(api: Api) -> None:
    names = ("tests_repo_token", "jira_api_token", "jira_pat", "jira_email", "github_token")
    secrets = dict.fromkeys(names, SECRET)
    repo = {"name": "product", "url": "https://git.test/product", "token": SECRET}
    body = {"failures": [FAILURE], "additional_repos": [repo], **secrets}
    response = await api.analyze({**body, "tests_repo_url": "https://git.test/tests:main"})
    stored = await api.get(f"/results/{response.json()['job_id']}")

    assert response.status_code == 200
    assert SECRET not in response.text
    assert SECRET not in stored.text
    for file in api.data_dir.rglob("*.sqlite3*"):
        assert SECRET.encode() not in file.read_bytes()
    assert stored.json()["result"]["request_params"]["tests_repo_url"] == "https://git.test/tests:main"
    assert "tests_repo_token" not in stored.json()["result"]["request_params"]
    assert stored.json()["result"]["request_params"]["additional_repos"] == [
        {"name": "product", "url": "https://git.test/product"}
    ]


@pytest.mark.parametrize(
    "field",
    [
        {"tests_repo_url": f"https://{SECRET}@git.test/tests"},
        {"tests_repo_url": "file:///etc/passwd"},
        {"tests_repo_url": "git@git.test:tests"},
        {"jira_url": f"https://u:{SECRET}@j.test"},
        {"additional_repos": [{"name": "a", "url": f"https://x:{SECRET}@git.test/a"}]},
    ],
)
async def test_an_address_that_holds_a_credential_or_is_none_is_refused(
    api: Api, field: dict[str, object]
) -> None:
    response = await api.analyze({"failures": [FAILURE], **field})

    assert response.status_code == 422
    assert SECRET not in response.text


@pytest.mark.parametrize(
    "xml",
    [
        "no xml",
        "<testsuite>",
        "<testsuite></testcase>",
        "<html/>",
        "<testsuite/><testsuite/>",
        BOMB,
        EXTERNAL,
        '<!DOCTYPE testsuite SYSTEM "http://127.0.0.1:1/x.dtd"><testsuite/>',
        "<testsuite name='\x01'/>",
        "<testsuite>&undefined;</testsuite>",
        " ",
        "<a>" * 100_000,
    ],
    ids=lambda xml: repr(xml[:40]),
)
async def test_xml_that_cannot_be_read_is_refused_in_a_sentence(api: Api, xml: str) -> None:
    alone = await api.analyze({"raw_xml": xml})
    among = await api.analyze(
        {"reports": [{"name": "good.xml", "xml": XML}, {"name": "bad.xml", "xml": xml}]}
    )

    assert (alone.status_code, among.status_code) == (400, 400)
    assert "bad.xml" in among.json()["detail"]
    assert len(alone.text) < 500


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data", ""])
async def test_another_content_type_is_refused(api: Api, content_type: str) -> None:
    assert (await post(api, b"{}", content_type)).status_code == 415


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "APPLICATION/JSON"])
async def test_json_may_be_called_by_its_other_names(api: Api, content_type: str) -> None:
    response = await post(api, json.dumps({"failures": [FAILURE]}).encode(), content_type)

    assert response.status_code == 200


async def test_a_refused_request_leaves_nothing(api: Api) -> None:
    before = (await api.get("/results?limit=100")).json()
    await api.analyze({"raw_xml": BOMB})
    await api.analyze({"failures": [FAILURE, {}]})
    await api.analyze({"failures": [FAILURE], "ai_provider": "command"})

    assert (await api.get("/results?limit=100")).json() == before


async def test_a_provider_that_is_not_set_up_is_the_caller_s_error(api: Api) -> None:
    response = await api.analyze({"failures": [FAILURE], "ai_provider": "command"})

    assert response.status_code == 400
    assert "AI_COMMAND" in response.json()["detail"]


FILLING = b"a comment of some length--><!--" * 4000


def streamed_document(characters: int) -> Iterator[bytes]:
    """A body with one report document of so many characters, made while it is sent."""
    head, tail = "<testsuite name='s'><testcase name='a'/><!--", "--></testsuite>"
    yield b'{"raw_xml": "' + head.encode()
    left = characters - len(head) - len(tail)
    for _ in range(left // len(FILLING)):
        yield FILLING
    yield b"x" * (left % len(FILLING)) + tail.encode() + b'"}'


async def sent(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize(("characters", "status"), [(50_000_000, 200), (50_000_001, 422), (51_000_000, 422)])
async def test_a_document_of_50_mb_is_taken_and_a_longer_one_is_refused(
    api: Api, characters: int, status: int
) -> None:
    response = await api.request(
        "POST",
        "/analyze-failures",
        content=sent(streamed_document(characters)),
        headers={"Content-Type": "application/json"},
    )

    assert response.status_code == status
    if status == 422:
        assert response.json()["detail"][0]["loc"] == ["body", "raw_xml"]
        assert response.json()["detail"][0]["ctx"] == {"max_length": 50_000_000}


async def test_thousands_of_reports_take_no_thousands_of_open_files(api: Api) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    reports = [{"name": f"{number}.xml", "xml": XML} for number in range(600)]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 512), hard))
    try:
        response = await api.analyze({"reports": reports})
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert response.status_code == 200
    assert len(response.json()["reports"]) == 600
