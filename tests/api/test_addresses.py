"""What addresses may hold, held against every operation of the document."""

import re
from typing import Any

import pytest
from tests.support.in_process import ADMIN_KEY, Api

from rootcoz.api.app import create_app
from rootcoz.settings import Settings
from rootcoz.worker.service import open_services

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATHS: dict[str, Any] = create_app(Settings(), open_services).openapi()["paths"]


def is_text(schema: dict[str, Any]) -> bool:
    """Whether any text is a value of it."""
    if schema.get("type") == "array":
        return is_text(schema["items"])
    kinds = schema.get("anyOf", [schema])
    return any(one.get("type") == "string" and "enum" not in one for one in kinds)


QUERIES = sorted(
    (path, parameter["name"])
    for path, operations in PATHS.items()
    for parameter in operations.get("get", {}).get("parameters", ())
    if parameter["in"] == "query" and is_text(parameter["schema"])
)


@pytest.mark.parametrize("path", sorted(path for path in PATHS if "{" in path))
async def test_no_path_holds_a_character_that_no_database_takes(api: Api, path: str) -> None:
    root = api.bearer(ADMIN_KEY)
    filled = re.sub(r"\{\w+\}", "a%00b", path)
    statuses = {
        method: (await root.request(method.upper(), filled, json={})).status_code for method in PATHS[path]
    }

    assert set(statuses.values()) == {422}, statuses


@pytest.mark.parametrize(("path", "name"), QUERIES)
async def test_no_query_holds_a_character_that_no_database_takes(api: Api, path: str, name: str) -> None:
    reply = await api.bearer(ADMIN_KEY).get(f"{re.sub(r'{[^}]+}', 'a', path)}?{name}=a%00b")

    assert reply.status_code == 422, reply.text


@pytest.mark.parametrize("path", sorted(path for path in PATHS if re.search(r"\{(test|job)_name\}", path)))
async def test_a_name_in_an_address_may_hold_line_breaks_and_slashes(api: Api, path: str) -> None:
    root = api.bearer(ADMIN_KEY)
    filled = re.sub(r"\{\w+\}", "a%0A%2Fb%E2%80%A8c%0D", path)
    told = {
        method: (await root.request(method.upper(), filled, json={})).json().get("detail")
        for method in PATHS[path]
    }

    assert "Not Found" not in told.values(), told
