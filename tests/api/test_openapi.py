"""The document is a product: what people were promised stays as it is."""

import copy
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from rootcoz.api.app import create_app
from rootcoz.settings import Settings
from rootcoz.worker.service import open_services

TEXT_OR_NULL = {"string", "null"}
SHARED_FIELDS = {
    "tests_repo_url": TEXT_OR_NULL,
    "tests_repo_token": TEXT_OR_NULL,
    "ai_provider": TEXT_OR_NULL,
    "ai_model": TEXT_OR_NULL,
    "enable_jira": {"boolean", "null"},
    "ai_cli_timeout": {"integer", "null"},
    "max_concurrent_ai_calls": {"integer", "null"},
    "jira_url": TEXT_OR_NULL,
    "jira_email": TEXT_OR_NULL,
    "jira_api_token": TEXT_OR_NULL,
    "jira_pat": TEXT_OR_NULL,
    "jira_project_key": TEXT_OR_NULL,
    "jira_ssl_verify": {"boolean", "null"},
    "jira_max_results": {"integer", "null"},
    "raw_prompt": TEXT_OR_NULL,
    "github_token": TEXT_OR_NULL,
    "peer_ai_configs": {"array", "null"},
    "peer_analysis_max_rounds": {"integer"},
    "additional_repos": {"array", "null"},
}
FIELDS: dict[str, dict[str, set[str]]] = {
    "AnalyzeFailuresRequest": {
        **SHARED_FIELDS,
        "failures": {"array", "null"},
        "raw_xml": TEXT_OR_NULL,
    },
    "RawFailure": {
        "test_name": {"string"},
        "error_message": {"string"},
        "stack_trace": {"string"},
        "duration": {"number"},
        "status": {"string"},
    },
    "PeerAiConfig": {"ai_provider": {"string"}, "ai_model": {"string"}},
    "AdditionalRepo": {
        "name": {"string"},
        "url": {"string"},
        "ref": {"string"},
        "token": TEXT_OR_NULL,
    },
    "AnalyzeFailuresResponse": {
        "job_id": {"string"},
        "status": {"string"},
        "summary": {"string"},
        "ai_provider": {"string"},
        "ai_model": {"string"},
        "failures": {"array"},
        "enriched_xml": TEXT_OR_NULL,
        "token_usage": {"object", "null"},
        "base_url": {"string"},
        "result_url": {"string"},
    },
    "FailureResult": {
        "test_name": {"string"},
        "error": {"string"},
        "error_signature": {"string"},
        "analysis": {"object"},
        "peer_debate": {"object", "null"},
    },
    "AnalysisPayload": {
        "classification": {"string"},
        "affected_tests": {"array"},
        "details": {"string"},
        "artifacts_evidence": {"string"},
        "code_fix": {"object", "null"},
        "product_bug_report": {"object", "null"},
    },
    "ResultResponse": {
        "job_id": {"string"},
        "jenkins_url": {"string"},
        "status": {"string"},
        "result": {"object", "null"},
        "created_at": {"string"},
        "analysis_started_at": TEXT_OR_NULL,
        "completed_at": TEXT_OR_NULL,
        "capabilities": {"object"},
        "base_url": {"string"},
        "result_url": {"string"},
    },
    "StoredResult": {
        "job_name": {"string"},
        "build_number": {"integer"},
        "failures": {"array"},
        "child_job_analyses": {"array"},
        "request_params": {"object"},
        "progress_phase": TEXT_OR_NULL,
        "progress_log": {"array"},
        "enriched_xml": TEXT_OR_NULL,
    },
    "ResultListItem": {
        "job_id": {"string"},
        "jenkins_url": {"string"},
        "status": {"string"},
        "created_at": {"string"},
    },
    "ReviewStatus": {
        "total_failures": {"integer"},
        "reviewed_count": {"integer"},
        "comment_count": {"integer"},
    },
    "DeletedResponse": {"status": {"string"}, "job_id": {"string"}},
    "BulkDeleteRequest": {"job_ids": {"array"}},
    "BulkDeleteResponse": {"deleted": {"array"}, "failed": {"array"}, "total": {"integer"}},
    "FailedDeletion": {"job_id": {"string"}, "reason": {"string"}},
}
REQUIRED = {
    "RawFailure": ["test_name"],
    "PeerAiConfig": ["ai_provider", "ai_model"],
    "AdditionalRepo": ["name", "url"],
    "BulkDeleteRequest": ["job_ids"],
}
DEFAULTS = {
    ("RawFailure", "error_message"): "",
    ("RawFailure", "stack_trace"): "",
    ("RawFailure", "duration"): 0.0,
    ("RawFailure", "status"): "FAILED",
    ("AdditionalRepo", "ref"): "",
    ("AnalyzeFailuresRequest", "peer_analysis_max_rounds"): 3,
}
OF_A_FAILURE = {"202", "400", "401", "403", "404", "409", "413", "422", "429"}
STATUSES = {
    ("post", "/analyze-failures"): {"200", "202", "400", "401", "403", "404", "413", "415", "422", "429"},
    ("get", "/results"): {"200", "401", "422", "429"},
    ("get", "/results/{job_id}"): {"200", "202", "401", "404", "422", "429"},
    ("get", "/results/{job_id}/review-status"): {"200", "401", "422", "429"},
    ("put", "/results/{job_id}/override-classification"): {"200", *OF_A_FAILURE},
    ("delete", "/results/{job_id}/override-classification"): {"200", *OF_A_FAILURE},
    ("put", "/results/{job_id}/reviewed"): {"200", *OF_A_FAILURE},
    ("get", "/results/{job_id}/comments"): {"200", "401", "422", "429"},
    ("post", "/results/{job_id}/comments"): {"201", *OF_A_FAILURE},
    ("delete", "/results/{job_id}/comments/{comment_id}"): {"200", "401", "403", "404", "422", "429"},
    ("delete", "/results/{job_id}"): {"200", "401", "403", "404", "422", "429"},
    ("delete", "/api/results/bulk"): {"200", "400", "401", "403", "413", "422", "429"},
    ("get", "/health"): {"200"},
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    openapi: dict[str, Any] = create_app(Settings(), open_services).openapi()
    return openapi


def types_of(document: dict[str, Any], schema: dict[str, Any]) -> set[str]:
    """The JSON types that the schema allows."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return types_of(document, document["components"]["schemas"][name])
    if "anyOf" in schema:
        return set().union(*(types_of(document, part) for part in schema["anyOf"]))
    return {schema["type"]}


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(copy.deepcopy(document)).validate()


@pytest.mark.parametrize(("model", "field"), [(model, field) for model in FIELDS for field in FIELDS[model]])
def test_a_promised_field_is_there_with_its_type(document: dict[str, Any], model: str, field: str) -> None:
    schema = document["components"]["schemas"][model]["properties"][field]

    assert types_of(document, schema) == FIELDS[model][field]


@pytest.mark.parametrize("model", REQUIRED)
def test_no_more_is_required_than_was_promised(document: dict[str, Any], model: str) -> None:
    assert document["components"]["schemas"][model]["required"] == REQUIRED[model]


def test_a_request_for_an_analysis_requires_no_field_by_itself(document: dict[str, Any]) -> None:
    assert "required" not in document["components"]["schemas"]["AnalyzeFailuresRequest"]


@pytest.mark.parametrize(("model", "field"), DEFAULTS)
def test_a_default_is_the_promised_one(document: dict[str, Any], model: str, field: str) -> None:
    schema = document["components"]["schemas"][model]["properties"][field]

    assert schema["default"] == DEFAULTS[model, field]


def test_every_field_of_a_request_and_a_reply_is_described(document: dict[str, Any]) -> None:
    silent = [
        f"{model}.{field}"
        for model in ("AnalyzeFailuresRequest", "AnalyzeFailuresResponse", "ResultResponse", "StoredResult")
        for field, schema in document["components"]["schemas"][model]["properties"].items()
        if not schema.get("description")
    ]

    assert not silent


def test_every_operation_but_health_and_signing_in_tells_that_it_may_want_a_key(
    document: dict[str, Any],
) -> None:
    silent = [
        path
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if "401" not in operation["responses"]
    ]

    assert silent == ["/api/auth/logout", "/api/auth/me", "/api/auth/methods", "/health"]


@pytest.mark.parametrize(("method", "path"), STATUSES)
def test_an_endpoint_tells_all_its_statuses_and_what_it_does(
    document: dict[str, Any], method: str, path: str
) -> None:
    operation = document["paths"][path][method]

    assert operation["responses"].keys() == STATUSES[method, path]
    assert operation["summary"]
    assert operation["description"]
    for response in operation["responses"].values():
        assert response["content"]["application/json"]["schema"]


def test_the_limits_of_lists_are_told(document: dict[str, Any]) -> None:
    (limit,) = document["paths"]["/results"]["get"]["parameters"]
    job_ids = document["components"]["schemas"]["BulkDeleteRequest"]["properties"]["job_ids"]

    assert (limit["schema"]["default"], limit["schema"]["minimum"], limit["schema"]["maximum"]) == (
        50,
        0,
        100,
    )
    assert (job_ids["minItems"], job_ids["maxItems"]) == (1, 500)


def test_no_error_of_the_document_repeats_what_was_sent(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]

    assert "HTTPValidationError" not in schemas
    assert schemas["FieldProblem"]["properties"].keys() == {"type", "loc", "msg", "ctx"}
