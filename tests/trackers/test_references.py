"""What a comment names, and what only looks like it."""

import pytest

from rootcoz.domain.link import Link, LinkKind
from rootcoz.trackers.references import SCANNED_CHARS, find_links

HOSTS = {"github.com", "www.github.com", "git.example.com"}


def found(text: str, known_project: str = "") -> list[tuple[str, str, str]]:
    links = find_links(text, is_github=HOSTS.__contains__, known_project=known_project)
    return [(link.kind.value, link.key, link.site) for link in links]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("see https://github.com/shop/ui/pull/12", ("github_pr", "shop/ui#12", "github.com")),
        ("(https://github.com/shop/ui/pull/12/files#diff-1).", ("github_pr", "shop/ui#12", "github.com")),
        ("HTTPS://WWW.GitHub.com/Shop/u.i/issues/3?x=1,", ("github_issue", "Shop/u.i#3", "github.com")),
        ("[fix](http://git.example.com/a/b/issues/3)", ("github_issue", "a/b#3", "git.example.com")),
        ("Filed OCPBUGS-12345 for this failure.", ("jira", "OCPBUGS-12345", "")),
        ("fixed by `A1_B-7`, at last", ("jira", "A1_B-7", "")),
        ("branch feature/CORE-7-retry", ("jira", "CORE-7", "")),
        ("TEST-1: done", ("jira", "TEST-1", "")),
        ("(CORE-7)", ("jira", "CORE-7", "")),
        ("CORE-7.", ("jira", "CORE-7", "")),
        ("https://jira.example.com/browse/UTF-8?focused=1", ("jira", "UTF-8", "https://jira.example.com")),
        (
            "<https://Example.com:8443/jira/browse/CORE-7>",
            ("jira", "CORE-7", "https://example.com:8443/jira"),
        ),
    ],
)
def test_a_reference_is_found(text: str, wanted: tuple[str, str, str]) -> None:
    assert found(text) == [wanted]


@pytest.mark.parametrize(
    "text",
    [
        "read it as UTF-8, UTF-16 or ISO-8859-1; it was ISO-8859",
        "SHA-256 and SHA3-512 differ, so do MD-5 and AES-256-GCM",
        "CVE-2024-12345 and RFC-2119, IEEE-754, X86-64, HTTP-500, TLS-1.3",
        "RHEL-9.4 and OCP-4.18 only",
        "core-7 Core-7 C-7 CORE-0 CORE-07 CORE- CORE-7a XCORE_-x 1CORE-7x",
        "eu-CORE-7 and v1.CORE-7",
        "CORE-12345678901",
        "https://github.com/shop/CORE-7 https://example.com/CORE-7/log",
        "https://github.com/shop/ui/pull/0 https://github.com/shop/ui/pull/1x https://github.com/shop/ui/pulls",
        "https://github.com.example.org/shop/ui/pull/1",
        "https://github.com@example.org/shop/ui/pull/1 https://x:y@github.com/shop/ui/pull/1",
        "https://github.com:8443/shop/ui/pull/1 https://[github.com/shop/ui/pull/1",
        "https://github.com/shop/../pull/1",
        "ftp://github.com/shop/ui/pull/1 github.com/shop/ui/pull/1",
        "",
    ],
)
def test_what_only_looks_like_a_reference_is_none(text: str) -> None:
    assert found(text) == []


def test_each_is_found_once_in_the_order_of_the_text() -> None:
    text = (
        "CORE-2, CORE-1, CORE-2 again, https://jira.example.com/browse/CORE-1 and "
        "https://github.com/a/b/pull/1 https://github.com/a/b/pull/1 https://github.com/a/b/issues/1"
    )

    assert [(kind, key) for kind, key, _ in found(text)] == [
        ("jira", "CORE-2"),
        ("jira", "CORE-1"),
        ("github_pr", "a/b#1"),
        ("github_issue", "a/b#1"),
    ]


def test_the_project_that_is_configured_may_be_called_like_a_standard() -> None:
    assert found("ISO-7 and UTF-8", known_project="ISO") == [("jira", "ISO-7", "")]


@pytest.mark.parametrize(
    "piece", ["A-", "AB-1-", "https://", "https://github.com/a/", "A" * 60 + "-", "9", "_"]
)
def test_a_long_text_is_read_quickly_whatever_stands_in_it(piece: str) -> None:
    text = piece * (SCANNED_CHARS // len(piece))

    assert find_links(text, is_github=HOSTS.__contains__) in {(), (Link(LinkKind.JIRA, "AB-1"),)}
