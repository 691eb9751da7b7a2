"""What stands before the routes, held against all of them."""

from collections.abc import Iterator

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from rootcoz.api.app import ROUTERS, create_app
from rootcoz.api.auth import ADMIN_PATHS, GUARDS, administrator, anyone, proven
from rootcoz.api.cross_site import SAFE_METHODS
from rootcoz.settings import Settings
from rootcoz.worker.service import open_services

ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
MUTATING = [route for route in ROUTES if (route.methods or set()) - SAFE_METHODS]
NOT_ON_THE_ALLOW_LIST = {
    ("POST", "/api/auth/login"): anyone,
    ("POST", "/api/auth/logout"): anyone,
    ("DELETE", "/api/auth/sessions/{session_id}"): proven,
    ("PUT", "/api/user/tokens"): proven,
    ("DELETE", "/api/user/tokens/{name}"): proven,
    ("POST", "/api/user/keys"): proven,
    ("DELETE", "/api/user/keys/{key_id}"): proven,
    ("POST", "/api/validate-token"): anyone,
    ("POST", "/api/jira-projects"): anyone,
    ("POST", "/api/jira-security-levels"): anyone,
    ("POST", "/api/explain-signature"): anyone,
    ("POST", "/results/{job_id}/enrich-comments"): anyone,
    ("POST", "/api/jobs/metadata/rules/preview"): anyone,
}
"""Those that need not be: signing in and out, one's own things, and what stores nothing. Any other is refused here."""


def calls(dependant: Dependant) -> Iterator[object]:
    for below in dependant.dependencies:
        yield below.call
        yield from calls(below)


def names(route: APIRoute) -> list[tuple[str, str]]:
    path = route.path.replace(":path}", "}")  # as the document writes it
    return [(method, path) for method in sorted(route.methods or ())]


@pytest.mark.parametrize("route", MUTATING, ids=lambda route: f"{min(route.methods)} {route.path}")
def test_a_route_that_changes_something_has_one_guard_and_the_right_one(route: APIRoute) -> None:
    guards = [call for call in calls(route.dependant) if call in GUARDS]

    assert len(guards) == 1
    if guards[0] in {anyone, proven}:
        assert {NOT_ON_THE_ALLOW_LIST.get(name) for name in names(route)} == {guards[0]}


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if f"{route.path}/".startswith(ADMIN_PATHS)],
    ids=lambda route: f"{min(route.methods)} {route.path}",
)
def test_a_route_below_admin_is_for_administrators(route: APIRoute) -> None:
    assert administrator in calls(route.dependant)


def test_the_application_has_no_other_routes_that_change_something() -> None:
    documented = {
        (method.upper(), path)
        for path, operations in create_app(Settings(), open_services).openapi()["paths"].items()
        for method in operations
        if method.upper() not in SAFE_METHODS
    }

    assert documented == {name for route in MUTATING for name in names(route)}
