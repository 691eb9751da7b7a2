"""How Report Portal is reached: the settings put together. Part of the wiring."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel

from rootcoz.domain.errors import NotConfigured
from rootcoz.exporters.report_portal.client import ReportPortalClient
from rootcoz.settings import Settings
from rootcoz.trackers.http import Endpoint, Errand, Limits, TrackerHttp

LIMITS = Limits(attempt_s=30.0, total_s=90.0, reply_bytes=25_000_000)
"""A page has 300 items, each with a comment of up to 64 KiB."""
_READING = Errand("question", "read the project", "answer of Report Portal")
_UPDATE = Errand("update", "change items of the project", "answer of Report Portal")
"""Writes the same again when it is sent again, so it counts as a request that changes nothing."""

Reply = TypeVar("Reply", bound=BaseModel)


def report_portal_client(settings: Settings, limits: Limits = LIMITS) -> ReportPortalClient:
    """Raises NotConfigured when Report Portal is switched off or a setting is missing."""
    if settings.enable_reportportal is False:
        raise NotConfigured("Report Portal is switched off on this server (ENABLE_REPORTPORTAL).")
    token = settings.reportportal_api_token
    missing = [
        name
        for name, value in (
            ("REPORTPORTAL_URL", settings.reportportal_url),
            ("REPORTPORTAL_API_TOKEN", token),
            ("REPORTPORTAL_PROJECT", settings.reportportal_project),
        )
        if not value
    ]
    if missing or token is None:
        raise NotConfigured(f"Report Portal is not connected to this server: set {', '.join(missing)}.")
    endpoint = Endpoint(
        name="Report Portal",
        source="exporter report portal",
        url=settings.reportportal_url,
        headers={"authorization": f"Bearer {token.get_secret_value()}"},
        secrets=(token.get_secret_value(),),
        address_setting="REPORTPORTAL_URL and REPORTPORTAL_PROJECT",
        credential_setting="REPORTPORTAL_API_TOKEN",
        verify_tls=settings.reportportal_verify_ssl,
        proxy=settings.tracker_proxy,
        limits=limits,
    )
    return ReportPortalClient(_PortalHttp(TrackerHttp(endpoint)), settings.reportportal_project)


class _PortalHttp:
    """Names what each request is for."""

    def __init__(self, http: TrackerHttp) -> None:
        self._http = http

    async def get(self, kind: type[Reply], path: str, *, params: Mapping[str, str]) -> Reply:
        return await self._http.get(kind, path, params=params, errand=_READING)

    async def put(self, kind: type[Reply], path: str, *, body: Mapping[str, object]) -> Reply:
        return await self._http.put(kind, path, body=body, errand=_UPDATE)
