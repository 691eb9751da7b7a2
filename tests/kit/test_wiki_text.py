import re

import pytest

from rootcoz.kit.markup import CodeBlock, Heading, Line, Paragraph, Span, Style, read_markup, say, write
from rootcoz.kit.wiki_text import WikiText

WIKI = WikiText()


@pytest.mark.parametrize(
    "text",
    [
        "ask [~admin] or [~accountid:1]",
        "[click|https://evil.test] !https://evil.test/x.png! [click](https://evil.test)",
        "{html}<script>{html} {include:page} {color:red}",
        "\\[~admin] \\\\{html}",
        "- **[~admin]** {{[~admin]}}",
        "## [~admin]",
    ],
)
def test_nothing_that_somebody_wrote_is_a_link_a_mention_a_picture_or_a_macro(text: str) -> None:
    written = write(read_markup(text), [], WIKI)
    monospaced = re.sub(r"(?<!\\)\{\{|(?<!\\)\}\}", "", written)

    assert not re.search(r"(?<!\\)[\[{]|(?<!\\)!\S|\\\\", monospaced), written


@pytest.mark.parametrize(
    "log",
    [
        "{noformat}\n[~admin]",
        "{NoFormat:title=x} h1. x",
        "a {code} b",
        "{\u200bnoformat}",
        "{\u2060noformat}",
    ],
)
def test_a_log_cannot_end_its_block(log: str) -> None:
    written = write([CodeBlock(log)], [say("end")], WIKI)

    assert len(re.findall(r"\{noformat", written, re.IGNORECASE)) == 2
    assert written.endswith("\n{noformat}\n\nend")


def test_no_markdown_comes_to_jira() -> None:
    text = "# Title\n\n**Bold** and `code`\n\n- one\n  - two\n\n```python\nx\n```\n[a](x/y)"

    assert write(read_markup(text), [], WIKI) == (
        "h2. Title\n\n*Bold* and {{code}}\n\n* one\n** two\n\n{noformat}\nx\n{noformat}\n\na (x/y)"
    )


def test_an_address_is_no_link() -> None:
    written = write(read_markup("see https://x.test or mailto:a `ftp://y`"), [], WIKI)

    assert written == "see https\u200b://x.test or mailto\u200b:a {{ftp\u200b://y}}"


def test_a_link_that_was_put_there_is_one() -> None:
    line = Line((Span("Report: "), Span("job", url="https://rootcoz.test/results/a|b")))

    assert WIKI.block(Paragraph((line,))) == "Report: [job|https://rootcoz.test/results/a%7Cb]"


def test_text_says_what_it_says() -> None:
    spans = (Span("a * b_c -x C:\\temp "), Span("*", Style.CODE))

    assert WIKI.block(Heading("h1. x")) == "h2. h1. x"
    assert WIKI.block(Paragraph((Line(spans), Line((Span("h1. no title"),))))) == (
        "a * b_c \\-x C:\\temp {{*}}\nh\u200b1. no title"
    )
