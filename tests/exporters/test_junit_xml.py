import io
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootcoz.domain.errors import InvalidReport
from rootcoz.domain.junit_words import BLOCK_END, BLOCK_LIMIT, BLOCK_START
from rootcoz.exporters.case_enrichment import CaseEnrichment
from rootcoz.exporters.junit_xml import enrich
from rootcoz.sources.junit_xml import read_junit

DOCUMENTS = sorted((Path(__file__).parent.parent / "corpus" / "junit").glob("*.xml"))
URL = "https://ci.example.org/results/1?a=1&b=2"
BUG = CaseEnrichment(
    (("ai_classification", "PRODUCT BUG"), ("ai_details", 'a < b & "c"\n\td')), "It is <broken>."
)
ONE = "<properties><property name='ai_classification' value='CODE ISSUE'/></properties>"


class Trickle(io.BytesIO):
    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 5, 5))


def enriched(document: bytes, cases: Mapping[int, CaseEnrichment], report_url: str = "") -> bytes:
    return b"".join(enrich(io.BytesIO(document), cases, report_url=report_url))


def enriched_case(inside: str, added: CaseEnrichment = BUG) -> str:
    start, end = '<testsuite><testcase name="n">', "</testcase></testsuite>"
    result = enriched(f"{start}{inside}{end}".encode(), {0: added}).decode()

    assert result.startswith(start)
    assert result.endswith(end)
    return result.removeprefix(start).removesuffix(end)


def block(text: str) -> str:
    return f"\n{BLOCK_START}\n{text}\n{BLOCK_END}\n"


def only(**properties: str) -> CaseEnrichment:
    return CaseEnrichment(tuple(properties.items()), "")


def said(text: str) -> CaseEnrichment:
    return CaseEnrichment((), text)


def contains_in_order(whole: bytes, part: bytes) -> bool:
    rest = iter(whole)
    return all(byte in rest for byte in part)


def bare(document: bytes) -> str:
    """The document's canonical form without our additions, and without elements they may have filled."""
    root = ET.fromstring(document)  # noqa: S314 - the tests wrote it
    for parent in root.iter():
        for child in list(parent):
            tag = child.tag.rpartition("}")[2]
            if tag == "properties":
                for item in list(child):
                    name = item.get("name", "")
                    if name.startswith("ai_") or name == "report_url":
                        child.remove(item)
            if tag == "system-out" and BLOCK_START in (child.text or ""):
                text = child.text or ""
                child.text = text[: text.index("\n" + BLOCK_START)]
            if tag in {"properties", "system-out"} and not len(child) and not (child.text or "").strip():
                child.clear()
                parent.remove(child)
    return ET.canonicalize(ET.tostring(root), strip_text=True)


def check_enriching(data: bytes, cases: Mapping[int, CaseEnrichment]) -> None:
    """All that must hold for any document and any additions."""
    result = enriched(data, cases, URL)

    assert contains_in_order(result, data)
    assert read_junit(io.BytesIO(result)) == read_junit(io.BytesIO(data))
    assert enriched(result, cases, URL) == result
    assert b"".join(enrich(Trickle(data), cases, report_url=URL)) == result


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_nothing_but_additions_happens_to_a_document(document: Path) -> None:
    data = document.read_bytes()
    cases = dict.fromkeys(range(100), BUG)

    check_enriching(data, cases)
    assert bare(enriched(data, cases, URL)) == bare(data)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_case_gets_what_is_its_own(document: Path) -> None:
    data = document.read_bytes()
    count = read_junit(io.BytesIO(data)).summary.tests
    result = enriched(data, {n: only(ai_classification=f"verdict {n}") for n in range(count)})
    cases = [case for case in ET.fromstring(result).iter() if case.tag.endswith("testcase")]  # noqa: S314 - ours

    assert [
        [p.get("value") for p in case.iter() if p.get("name") == "ai_classification"] for case in cases
    ] == [[f"verdict {n}"] for n in range(count)]


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="<>&\"'\ufffe\uffff"), max_size=8
)
CHILDREN = st.sampled_from(
    [
        "<failure/>",
        "<error message='m'>text</error>",
        "<{p}failure message='&lt;a&gt;'><![CDATA[<testcase>]]></{p}failure>",
        "<{p}system-out/>",
        "<{p}system-out />",
        "<{p}system-out>said</{p}system-out>",
        "<{p}system-out><![CDATA[said ]]></{p}system-out>",
        "<{p}system-out></{p}system-out>",
        "<{p}system-err>warned</{p}system-err>",
        "<{p}properties/>",
        "<{p}properties a='/>' \n/>",
        "<{p}properties></{p}properties>",
        "<{p}properties><{p}property name='x' value='y'/></{p}properties>",
        "<{p}properties><{p}property name='x'>y</{p}property></{p}properties>",
        "<{p}rerunFailure><{p}system-out>second</{p}system-out></{p}rerunFailure>",
        "<!-- </testcase> -->",
        "<?note </testcase>?>",
        "\n  ",
    ]
)
CASES = st.builds(
    lambda name, children, empty: (
        f"<{{p}}testcase name='{name}' b='>' />"
        if empty
        else f"<{{p}}testcase name='{name}'>{''.join(children)}</{{p}}testcase>"
    ),
    NAMES.map(lambda name: name.replace("{", "(").replace("}", ")")),
    st.lists(CHILDREN, max_size=5),
    st.booleans(),
)
SUITES = st.builds(
    lambda first, cases, empty: (
        "<{p}testsuite/>" if empty else f"<{{p}}testsuite>{first}{''.join(cases)}</{{p}}testsuite>"
    ),
    st.sampled_from(
        ["", "<{p}properties/>", "<{p}properties><{p}property name='v' value='1'/></{p}properties>"]
    ),
    st.lists(CASES, max_size=5),
    st.integers(0, 9).map(lambda chance: chance == 0),
)
CODECS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1", "cp1252", "shift_jis", "gbk", "ascii"]
ADDITIONS = st.builds(
    lambda value, text: CaseEnrichment((("ai_classification", value), ("ai_details", text)), text),
    st.text(max_size=20),
    st.one_of(
        st.just(""), st.text(max_size=40), st.just(f"x\n{BLOCK_END}\ny {BLOCK_START}"), st.just("]]>é表\r\n")
    ),
)


@given(
    suites=st.lists(SUITES, max_size=3),
    prefix=st.sampled_from(["", "j:"]),
    codec=st.sampled_from(CODECS),
    cases=st.dictionaries(st.integers(0, 8), ADDITIONS, min_size=1),
)
def test_any_document_stays_as_it_is_but_for_the_additions(
    suites: list[str], prefix: str, codec: str, cases: dict[int, CaseEnrichment]
) -> None:
    head = f"<?xml version='1.0' encoding='{codec.removesuffix('-sig').removesuffix('-be')}'?>\n"
    root = f"<{{p}}testsuites xmlns:j='urn:j'>{''.join(suites)}</{{p}}testsuites>\n"
    # The templates hold no braces but {p}; character references keep what the codec lacks.
    data = (head + root.replace("{p}", prefix)).encode(codec, "xmlcharrefreplace")

    check_enriching(data, cases)


def test_without_cases_the_document_is_returned_unread() -> None:
    assert enriched(b"not even XML", {}, URL) == b"not even XML"


def test_a_case_without_properties_and_output_gets_both() -> None:
    assert enriched_case("<failure/>") == (
        "<failure/><properties>"
        '<property name="ai_classification" value="PRODUCT BUG"/>'
        '<property name="ai_details" value="a &lt; b &amp; &quot;c&quot;&#10;&#9;d"/></properties>'
        f"<system-out>{block('It is &lt;broken&gt;.')}</system-out>"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<properties><property name='x'/></properties>", "<properties><property name='x'/>+</properties>"),
        ("<properties/>", "<properties>+</properties>"),
        ("<properties a='/>' />", "<properties a='/>' >+</properties>"),
        ("<properties></properties><properties/>", "<properties>+</properties><properties/>"),
        ("<x><properties/></x>", "<x><properties/></x><properties>+</properties>"),
    ],
)
def test_properties_go_into_the_first_ones_of_the_case(before: str, after: str) -> None:
    added = '<property name="k" value="v"/>'

    assert enriched_case(before, only(k="v")) == after.replace("+", added)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<system-out>a</system-out>", "<system-out>a+</system-out>"),
        ("<system-out><![CDATA[a]]></system-out>", "<system-out><![CDATA[a]]>+</system-out>"),
        ("<system-out/>", "<system-out>+</system-out>"),
        (
            "<system-out>a</system-out><system-out>b</system-out>",
            "<system-out>a+</system-out><system-out>b</system-out>",
        ),
        ("<y><system-out>a</system-out></y>", "<y><system-out>a</system-out></y><system-out>+</system-out>"),
    ],
)
def test_the_text_goes_into_the_first_output_of_the_case(before: str, after: str) -> None:
    assert enriched_case(before, said("t")) == after.replace("+", block("t"))


def test_a_case_without_an_end_tag_gets_one() -> None:
    result = enriched(b'<testsuite><testcase name="n" /></testsuite>', {0: only(k="v")})

    assert result == (
        b'<testsuite><testcase name="n" ><properties><property name="k" value="v"/></properties></testcase>'
        b"</testsuite>"
    )


def test_added_elements_are_in_the_namespace_of_the_case() -> None:
    result = enriched(b'<j:testsuite xmlns:j="u"><j:testcase></j:testcase></j:testsuite>', {0: only(k="v")})

    assert b'<j:properties><j:property name="k" value="v"/></j:properties></j:testcase>' in result


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "<testsuites><testsuite><testsuite/></testsuite><testsuite/></testsuites>",
            "<testsuites><testsuite><testsuite/><properties>+</properties></testsuite><testsuite/></testsuites>",
        ),
        (
            "<testsuite><properties/><testcase/></testsuite>",
            "<testsuite><properties>+</properties><testcase/></testsuite>",
        ),
        ("<testsuite/>", "<testsuite><properties>+</properties></testsuite>"),
    ],
)
def test_the_address_of_the_report_goes_into_the_first_suite(before: str, after: str) -> None:
    added = '<property name="report_url" value="https://ci.example.org/results/1?a=1&amp;b=2"/>'

    assert enriched(before.encode(), {99: BUG}, URL).decode() == after.replace("+", added)


@pytest.mark.parametrize("codec", ["ascii", "latin-1", "cp1252", "shift_jis", "gbk", "utf-16-le", "utf-8"])
def test_added_text_is_in_the_documents_encoding(codec: str) -> None:
    text = f'<?xml version="1.0" encoding="{codec.removesuffix("-le")}"?><testsuite><testcase/></testsuite>'
    result = enriched(text.encode(codec), {0: only(k="é 表 😀")}).decode(codec)

    assert result.count("<property ") == 1
    value = result.partition('value="')[2].partition('"')[0]
    assert ET.fromstring(f'<a v="{value}"/>').get("v") == "é 表 😀"  # noqa: S314 - the value is our own


def test_characters_that_xml_cannot_hold_are_replaced() -> None:
    assert 'value="a\ufffdb\ufffdc\ufffd"' in enriched_case("", only(k="a\x00b\x1bc\ud800"))


def test_a_long_text_is_shortened() -> None:
    assert len(enriched_case("", said("x" * 100_000))) < BLOCK_LIMIT + 200


@pytest.mark.parametrize("case", [0, 1])
def test_an_answer_that_is_there_already_stays_alone(case: int) -> None:
    document = f"<testsuite><testcase>{ONE}</testcase><testcase/></testsuite>"
    result = enriched(document.encode(), {case: only(ai_no_verdict="timed_out")}).decode()

    assert (result == document) == (case == 0)


def test_a_block_that_is_there_already_is_found_across_pieces() -> None:
    output = f"<system-out>{'x' * 16_380}{block('earlier')}</system-out>"

    assert enriched_case(output, said("later")) == output


def test_a_case_inside_output_is_counted_and_left_alone() -> None:
    document = b"<testsuite><testcase><system-out><testcase/></system-out></testcase><testcase/></testsuite>"
    result = enriched(document, {0: said("zero"), 1: said("one"), 2: said("two")})

    assert b"zero" in result
    assert b"one" not in result
    assert result.endswith(block("two").encode() + b"</system-out></testcase></testsuite>")


def test_a_document_that_cannot_be_read_cannot_be_enriched() -> None:
    with pytest.raises(InvalidReport, match="cannot be enriched: it has a document type declaration"):
        enriched(b"<!DOCTYPE a><testsuite/>", {0: BUG})


def test_a_large_document_is_passed_on_while_it_is_read() -> None:
    document = io.BytesIO(
        b"<testsuite>" + b"<testcase><failure>text</failure></testcase>" * 20_000 + b"</testsuite>"
    )
    pieces = enrich(document, {0: BUG})
    next(pieces)

    assert document.tell() < 200_000
