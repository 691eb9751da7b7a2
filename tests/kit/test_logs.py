import subprocess
import sys

import pytest

from rootcoz.kit.logs import without_secrets

PROGRAM = """
import logging, sys
import structlog
from rootcoz.kit.logs import configure_logs
configure_logs(sys.argv[1])
log = structlog.get_logger()
log.debug("fine_detail")
log.info("something_happened", job_id="a1")
log.warning("a\\nb", text="two\\nlines")
logging.getLogger("library").info("chatter")
logging.getLogger("library").warning("a library warns")
def check(token):
    raise ValueError("it broke")
try:
    check("s3cret-token")
except ValueError as error:
    log.error("it_failed", exc_info=error)
"""


def run(level: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, level],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    )


@pytest.mark.parametrize("level", ["DEBUG", "INFO", "WARNING", "ERROR"])
def test_logs_go_to_standard_error_from_their_level_on(level: str) -> None:
    done = run(level)

    assert done.stdout == ""
    assert ("fine_detail" in done.stderr) == (level == "DEBUG")
    assert ("something_happened" in done.stderr) == (level in {"DEBUG", "INFO"})
    assert "chatter" not in done.stderr
    assert "it_failed" in done.stderr


def test_an_event_is_one_line_with_its_fields() -> None:
    lines = run("INFO").stderr.splitlines()

    assert len(lines) == 4
    assert "event='something_happened'" in lines[0]
    assert "job_id='a1'" in lines[0]
    assert "it broke" in lines[3]


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_the_values_of_variables_stay_out_of_a_logged_error(level: str) -> None:
    assert "s3cret-token" not in run(level).stderr.replace('check("s3cret-token")', "")


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "jenkins_password",
        "github_token",
        "jira_pat",
        "api_key",
        "Authorization",
        "cookie",
        "secret",
    ],
)
def test_a_field_that_is_named_like_a_secret_is_not_written(name: str) -> None:
    event = without_secrets(None, "info", {"event": "x", name: "s3cret", "headers": {name: "s3cret"}})

    assert event == {"event": "x", name: "[removed]", "headers": {name: "[removed]"}}


def test_counts_of_tokens_and_other_fields_are_written() -> None:
    event = {"event": "asked", "input_tokens": 12, "tokens": 12, "token": "", "pattern": "a*", "compat": "x"}

    assert without_secrets(None, "info", dict(event)) == event
