from typing import Any

import pytest
from pydantic import ValidationError

from rootcoz.api.schemas.requests import AnalyzeRequest


def request(**fields: object) -> AnalyzeRequest:
    return AnalyzeRequest.model_validate({"job_name": "folder/nightly", "build_number": 4281, **fields})


def test_a_jenkins_request_needs_no_more_than_a_job_and_a_build() -> None:
    asked = request()

    assert asked.model_dump(exclude_unset=True) == {"job_name": "folder/nightly", "build_number": 4281}
    assert (asked.force, asked.wait_for_completion, asked.poll_interval_minutes, asked.max_wait_minutes) == (
        False,
        True,
        2,
        0,
    )


@pytest.mark.parametrize("missing", ["job_name", "build_number"])
def test_job_and_build_are_required(missing: str) -> None:
    fields = {"job_name": "nightly", "build_number": 1}
    del fields[missing]

    with pytest.raises(ValidationError):
        AnalyzeRequest.model_validate(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"poll_interval_minutes": 0},
        {"poll_interval_minutes": -1},
        {"max_wait_minutes": -1},
        {"jenkins_timeout": 0},
        {"jenkins_artifacts_max_size_mb": 0},
        {"ai_cli_timeout": 0},
        {"peer_analysis_max_rounds": 11},
        {"build_number": 2**31},
        {"build_number": None},
        {"job_name": "a\x00b"},
        {"force": None},
        {"jenkins_url": "ci.example.com"},
        {"jenkins_url": "https://ci.example.com:port"},
        {"jenkins_url": "https://ada:pw@ci.example.com"},
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        request(**fields)


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        ({"job_name": ""}, "job_name", ""),
        ({"build_number": -1}, "build_number", -1),
        ({"build_number": "7"}, "build_number", 7),
        ({"force": "yes"}, "force", True),
        ({"jenkins_url": " "}, "jenkins_url", None),
        (
            {"jenkins_url": "https://ci.example.com/jenkins/"},
            "jenkins_url",
            "https://ci.example.com/jenkins/",
        ),
        ({"max_wait_minutes": 0}, "max_wait_minutes", 0),
        ({"get_job_artifacts": False}, "get_job_artifacts", False),
    ],
)
def test_what_the_reference_allows_is_taken(fields: dict[str, Any], name: str, value: object) -> None:
    assert getattr(request(**fields), name) == value


def test_credentials_are_not_shown() -> None:
    asked = request(jenkins_user="ada", jenkins_password="t0ken")  # noqa: S106 - made up

    assert "ada" not in repr(asked)
    assert "t0ken" not in repr(asked)
