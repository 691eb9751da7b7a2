"""What GitHub would make of the text, told from the places where it would: outside code."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.kit.markdown import Markdown
from rootcoz.kit.markup import CodeBlock, Heading, Line, Paragraph, Span, Style, read_markup, say, write

MARKDOWN = Markdown()
LIVELY = re.compile(
    r"(?<![A-Za-z0-9_])@[A-Za-z0-9]|#\d|GH-\d|https?://|www\.\w|!?(?<!\\)\[\w*\]\(|<[A-Za-z/!?]|&#"
)


def outside_code(markdown: str) -> str:
    """The text without fences and code spans, as GitHub reads them; escaped signs are gone."""
    kept, fence = [], ""
    for line in markdown.split("\n"):
        opening = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if fence:
            fence = "" if re.fullmatch(rf" {{0,3}}{fence[0]}{{{len(fence)},}}[ \t]*", line) else fence
        elif opening:
            fence = opening[1]
        else:
            kept.append(line)
    pieces = r"(?P<escape>\\[!-/:-@\[-`{-~])|(?<!`)(`+)(?!`).+?(?<!`)\2(?!`)"
    return re.sub(pieces, lambda match: "\\" if match["escape"] else "", "\n".join(kept), flags=re.DOTALL)


@pytest.mark.parametrize(
    "text",
    [
        "ask @team or @org/team-b, not bob@shop",
        "## for @team",
        "@1@team",
        "- **@team** and _@team_",
        "see #12, GH-12 and owner/name#12",
        "https://evil.test/a?b=c and www.evil.test.",
        "[click](https://evil.test) ![x](https://evil.test/x.png) [x]: https://evil.test",
        "<img src=x onerror=alert(1)> <!-- hidden --> </details>",
        "&#64;team &commat;team",
        "`code` @team ` @team\n@team ` #1",
        "- ```\n  @team\n  ```\n@team",
        "1. ```\n@team\n```\n@team",
        "> ```\n> a\n@team",
        "`` a ` @team",
        "\\`@team\\`",
        "a\\\n`x`@team",
        "| a `| @team` |\n|---|---|\n| `b | @team` |",
    ],
)
def test_nothing_that_somebody_wrote_calls_people_or_leads_elsewhere(text: str) -> None:
    written = write(read_markup(text), [], MARKDOWN)

    assert not LIVELY.search(outside_code(written)), written


@given(st.text(alphabet="`~[]()*_-#@|\\ \nab<&;1{}", max_size=60))
def test_no_mixture_of_signs_does(text: str) -> None:
    written = write(read_markup(f"{text}@team"), [], MARKDOWN)

    assert not LIVELY.search(outside_code(written)), written


@pytest.mark.parametrize("log", ["```\n@team\n```", "a ````` b\n~~~", "`", "</code></pre>@team #12"])
def test_a_log_cannot_end_its_fence(log: str) -> None:
    written = write([CodeBlock(log)], [say("end")], MARKDOWN)

    assert outside_code(written).strip() == "end"
    assert log in written


def test_a_link_that_was_put_there_is_one() -> None:
    line = Line((Span("Report: "), Span("job [1]", url="https://rootcoz.test/results/a (b)")))

    assert MARKDOWN.block(Paragraph((line,))) == (
        "Report: [job \\[1\\]](https://rootcoz.test/results/a%20%28b%29)"
    )


def test_text_says_what_it_says() -> None:
    spans = (Span("a * b_c "), Span(" sure ", Style.STRONG), Span("x`y", Style.CODE))

    assert MARKDOWN.block(Heading("1 < 2")) == "## 1 < 2"
    assert MARKDOWN.block(Paragraph((Line(spans), Line((Span("- no item"),))))) == (
        "a \\* b_c  **sure** ``x`y``\n\\- no item"
    )
