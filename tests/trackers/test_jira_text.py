"""Markdown and wiki text become what each Jira reads."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rootcoz.trackers.jira_text import document, is_markdown, wiki_text

CORPUS = Path(__file__).parent.parent / "corpus" / "jira_text"
TEXTS = sorted(
    file for file in CORPUS.iterdir() if file.suffix in {".md", ".wiki"} and file.name != "README.md"
)


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_the_kind_of_a_text_is_found_out(file: Path) -> None:
    assert is_markdown(file.read_text("utf-8")) == (file.suffix == ".md")


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_data_center_gets_wiki_text(file: Path) -> None:
    expected = (CORPUS / f"{file.name}.expected").read_text("utf-8")

    assert wiki_text(file.read_text("utf-8"), "Reported by a_b through rootcoz.") + "\n" == expected


@pytest.mark.parametrize("file", TEXTS, ids=lambda file: file.name)
def test_cloud_gets_a_document(file: Path) -> None:
    expected = (CORPUS / f"{file.name}.json").read_text("utf-8")
    written = json.dumps(document(file.read_text("utf-8"), "Reported by a_b through rootcoz."), indent=1)

    assert written + "\n" == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", False),
        ("plain words", False),
        ("1. one\n2. two", True),
        ("h2. Steps\n1. one\n2. two\n3. three", False),
        ("{noformat}\n# a comment\n```\n{noformat}\n# item", False),
        ("```\nh2. not a title\n{code}\n```", True),
        ("`{code}` is a macro", True),
        ("see [docs|https://example.com]", False),
        ("see [docs](https://example.com)", True),
    ],
)
def test_signs_of_one_kind_inside_code_of_the_other_say_nothing(body: str, *, expected: bool) -> None:
    assert is_markdown(body) is expected


def test_wiki_text_stays_as_it_was_written_for_data_center() -> None:
    body = "h2. Why\n\nSee {color:red}red{color} and [~jo]."

    assert wiki_text(body) == body


PIECES = st.sampled_from(
    [
        "{code}", "{noformat}", "{quote}", "```", "# ", "h1. ", "* ", "## ", "|a|", "||", "[x|", "](", "> ", "1. ",
        "`", "*", "_", "\\", "\n", "\n\n", "  ", "~~", "-", "----", "word", "https://e.com/a?b=c", "{{", "}}",
        "<b>", "&#0;",
    ]
)  # fmt: skip


def nodes(node: dict[str, object]) -> list[dict[str, object]]:
    content = node.get("content", [])
    assert isinstance(content, list)
    return [node, *(below for child in content for below in nodes(child))]


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.text(max_size=4), max_size=30).map("".join))
def test_whatever_is_written_becomes_a_document_that_jira_takes(body: str) -> None:
    found = nodes(document(body))
    inside = {
        "blockquote": {"paragraph", "bulletList", "orderedList", "codeBlock"},
        "listItem": {"paragraph", "bulletList", "orderedList", "codeBlock"},
        "bulletList": {"listItem"},
        "orderedList": {"listItem"},
        "codeBlock": {"text"},
        "paragraph": {"text", "hardBreak"},
        "heading": {"text", "hardBreak"},
    }

    for node in found:
        content = node.get("content", [])
        assert isinstance(content, list)
        kinds = {child["type"] for child in content}
        assert kinds <= inside.get(str(node["type"]), kinds)
        assert node["type"] != "text" or node["text"]
        if node["type"] in {"bulletList", "orderedList", "listItem", "blockquote", "table", "tableRow"}:
            assert content
    assert wiki_text(body) is not None


@pytest.mark.parametrize(
    "body",
    [
        "[" * 20_000,
        "*" * 20_000,
        "_a " * 10_000,
        "> " * 5_000,
        "{quote}" * 5_000,
        "* a\n" * 5_000,
        "`" * 20_000,
    ],
)
def test_odd_texts_take_no_longer_than_others(body: str) -> None:
    document(body)
    wiki_text(body)
