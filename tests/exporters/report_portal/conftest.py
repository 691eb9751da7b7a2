"""A Report Portal that listens, and a client for it."""

from collections.abc import Iterator

import pytest
from tests.support.report_portal_server import PROJECT, TOKEN, ReportPortal, report_portal_server

from rootcoz.exporters.report_portal.client import ReportPortalClient
from rootcoz.portal import report_portal_client
from rootcoz.settings import Settings
from rootcoz.trackers.http import Limits

QUICK = Limits(
    attempt_s=1.0, total_s=5.0, tries=2, first_pause_s=0.01, longest_pause_s=1.2, reply_bytes=3_000_000
)
"""Under which nothing takes long."""


@pytest.fixture
def portal() -> Iterator[ReportPortal]:
    with report_portal_server() as portal:
        yield portal


@pytest.fixture
def client(portal: ReportPortal) -> ReportPortalClient:
    settings = Settings.model_validate(
        {
            "reportportal_url": portal.url,
            "reportportal_api_token": TOKEN,
            "reportportal_project": PROJECT,
        }
    )
    return report_portal_client(settings, QUICK)
