from hypothesis import given
from hypothesis import strategies as st

from rootcoz.kit.markdown import Markdown
from rootcoz.kit.markup import (
    SHORTENED,
    Block,
    CodeBlock,
    Heading,
    Line,
    Paragraph,
    Span,
    Style,
    cleaned,
    length,
    read_markup,
    say,
    write,
)
from rootcoz.kit.wiki_text import WikiText

MARKUPS = (Markdown(), WikiText())


def test_markdown_is_read_as_headings_text_and_code() -> None:
    text = "## What `fails`\n\nThe **pool** is dry.\n- see `pool.py`\n  - twice\n```python\nx = 1\n```\nEnd"

    assert read_markup(text) == (
        Heading("What fails"),
        Paragraph(
            (
                Line((Span("The "), Span("pool", Style.STRONG), Span(" is dry."))),
                Line((Span("see "), Span("pool.py", Style.CODE)), bullet=1),
                Line((Span("twice"),), bullet=2),
            )
        ),
        CodeBlock("x = 1"),
        say("End"),
    )


def test_wiki_text_is_read_as_the_same() -> None:
    text = "h3. What fails\n\nSee {{pool.py}}.\n** twice\n{code:python}\nx = 1\n{code}\nEnd"

    assert read_markup(text) == (
        Heading("What fails"),
        Paragraph(
            (
                Line((Span("See "), Span("pool.py", Style.CODE), Span("."))),
                Line((Span("twice"),), bullet=2),
            )
        ),
        CodeBlock("x = 1"),
        say("End"),
    )


def test_code_that_nobody_closed_goes_to_the_end() -> None:
    assert read_markup("~~~~\na\n```\nb") == (CodeBlock("a\n```\nb"),)
    assert read_markup("{noformat}\na\nb") == (CodeBlock("a\nb"),)


def test_links_and_pictures_become_their_text_and_address() -> None:
    (paragraph,) = read_markup("[here](https://x.test/a) ![p](b.png) [there|https://y.test]")

    assert paragraph == say_spans("here (https://x.test/a)", " ", "p (b.png)", " ", "there (https://y.test)")


def say_spans(*texts: str) -> Paragraph:
    return Paragraph((Line(tuple(Span(text) for text in texts)),))


def test_signs_that_nobody_sees_are_taken_away() -> None:
    assert read_markup("a\x00b\x1b[31m\u202ec\r\nd") == (
        Paragraph((Line((Span("ab[31mc"),)), Line((Span("d"),)))),
    )


def test_every_text_of_a_block_is_cleaned() -> None:
    blocks = read_markup("# a\na **a** `a`\n```\na\n```")

    assert [cleaned(block, str.upper) for block in blocks] == list(
        read_markup("# A\nA **A** `A`\n```\nA\n```")
    )


def test_what_does_not_fit_is_left_out_and_said_and_the_end_is_kept() -> None:
    body: list[Block] = [say("first"), CodeBlock("log line\n" * 20_000), say("last")]
    for markup in MARKUPS:
        text = write(body, [say("the end")], markup)

        assert text.startswith("first\n\n")
        assert text.count("log line") > 1_000
        assert SHORTENED.strip("[]… ") in text
        assert text.endswith("\n\nthe end")
        assert "last" not in text
        assert length(text) <= markup.limit


@given(st.text(max_size=400))
def test_any_text_can_be_read_and_written(text: str) -> None:
    for markup in MARKUPS:
        assert isinstance(write(read_markup(text), [], markup), str)


@given(st.text(alphabet="`~{}[]()*_-#@|\\ \nab<&;!.1codenfrmat", max_size=120))
def test_any_markup_can_be_read_and_written(text: str) -> None:
    for markup in MARKUPS:
        assert isinstance(write(read_markup(text), [], markup), str)
