"""How a signature came about, asked over HTTP."""

import pytest
from tests.support.in_process import Api

from rootcoz.api.body_limit import SMALL_BODY_LIMIT
from rootcoz.api.schemas.signatures import TEXT_LIMIT
from rootcoz.domain.failure import Failure
from rootcoz.grouping.signature import error_signature

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATH = "/api/explain-signature"
MESSAGE = "no answer from 10.0.3.7:45454 after 30 s"
STACK = f"E: {MESSAGE}\n\tat com.acme.A.b(A.java:1)\n\tat org.junit.Runner.run(Runner.java:2)"


async def test_the_signature_is_explained(api: Api) -> None:
    response = await api.request("POST", PATH, json={"error_message": MESSAGE, "stack_trace": STACK})
    told = response.json()

    assert response.status_code == 200
    assert told["signature"] == error_signature(Failure("t", MESSAGE, STACK)).value
    assert told["normalised_message"] == "no answer from <addr>:<id> after <quantity>"
    assert [(one["rule"], one["original"]) for one in told["message"][0]["replacements"]] == [
        ("ipv4", "10.0.3.7"),
        ("port", "45454"),
        ("duration", "30 s"),
    ]
    assert [line["reason"] for line in told["stack"]] == [
        "text",
        "an own frame near the error",
        "the test runner's frame",
    ]


async def test_a_stored_analysis_has_the_signature_that_is_explained(api: Api) -> None:
    failure = {"test_name": "t", "error_message": MESSAGE, "stack_trace": STACK}
    stored = await api.finished(await api.submit({"failures": [failure]}))
    told = (await api.request("POST", PATH, json={"error_message": MESSAGE, "stack_trace": STACK})).json()

    assert stored["result"]["failures"][0]["error_signature"] == told["signature"]


async def test_a_text_of_halves_of_characters_is_refused(api: Api) -> None:
    body = b'{"error_message": "bad \\ud83d 17"}'
    response = await api.request("POST", PATH, content=body, headers={"Content-Type": "application/json"})

    assert response.status_code == 422


@pytest.mark.parametrize("field", ["error_message", "stack_trace"])
async def test_a_text_beyond_the_limit_is_refused_with_the_limit(api: Api, field: str) -> None:
    response = await api.request("POST", PATH, json={field: "x" * (TEXT_LIMIT + 1)})

    assert response.status_code == 422
    assert response.json()["detail"][0]["loc"] == ["body", field]
    assert str(TEXT_LIMIT) in response.json()["detail"][0]["msg"]


async def test_a_body_beyond_the_limit_is_refused(api: Api) -> None:
    response = await api.request("POST", PATH, json={"other": "x" * SMALL_BODY_LIMIT})

    assert response.status_code == 413
