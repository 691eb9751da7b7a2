import pytest
from starlette.datastructures import Headers

from rootcoz.api.cross_site import is_cross_site

OURS = "https://ci.example.com/rootcoz"
CASES = [
    ({}, False),  # a program
    ({"Sec-Fetch-Site": "same-origin", "Origin": "https://ci.example.com"}, False),
    ({"Sec-Fetch-Site": "none"}, False),  # typed into the address bar
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.test"}, True),
    ({"Sec-Fetch-Site": "same-site", "Origin": "https://other.example.com"}, True),
    ({"Sec-Fetch-Site": "cross-site"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://backend:8000"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "null"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "https://ci.example.com"}, False),
    ({"Origin": "https://backend:8000"}, False),  # browsers that send no Sec-Fetch-Site
    ({"Origin": "https://ci.example.com"}, False),
    ({"Origin": "https://evil.test"}, True),
    ({"Origin": "https://ci.example.com.evil.test"}, True),
    ({"Origin": "null"}, True),
    ({"Sec-Fetch-Site": "cross-site", "Authorization": "Bearer k"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Authorization": "Basic YTpi"}, True),
]


@pytest.mark.parametrize(("headers", "refused"), CASES)
def test_what_other_sites_pages_ask_a_browser_to_change_is_told_apart(
    headers: dict[str, str],
    refused: bool,  # noqa: FBT001 - a case's outcome
) -> None:
    sent = Headers({"Host": "backend:8000", **headers})

    assert is_cross_site("POST", sent, OURS) is refused


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_what_changes_nothing_is_let_through(method: str) -> None:
    assert not is_cross_site(method, Headers({"Sec-Fetch-Site": "cross-site"}), "")
