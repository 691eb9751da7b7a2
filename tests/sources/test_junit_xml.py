import io
import json
import random
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rootcoz.domain.errors import InvalidReport
from rootcoz.domain.failure import MESSAGE_LIMIT, OUTPUT_LIMIT, STACK_LIMIT, Failure, ReportPosition
from rootcoz.kit.xml_stream import ATTRIBUTE_LIMIT, DEPTH_LIMIT, NAME_LIMIT, TOKEN_LIMIT
from rootcoz.sources import junit_xml
from rootcoz.sources.junit_text import OTHER_MESSAGE_LIMIT, PROBLEM_LIMIT
from rootcoz.sources.junit_xml import Report, read_junit

CORPUS = Path(__file__).parent.parent / "corpus" / "junit"
DOCUMENTS = sorted(CORPUS.glob("*.xml"))


def read(document: str | bytes, *, report: int = 0, name: str = "", encoding: str | None = None) -> Report:
    data = document.encode() if isinstance(document, str) else document
    return read_junit(io.BytesIO(data), report=report, name=name, encoding=encoding)


def only_failure(inside: str, attributes: str = 'name="n"') -> Failure:
    (failure,) = read(f"<testsuite><testcase {attributes}>{inside}</testcase></testsuite>").failures
    return failure


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_each_framework_reads_as_written_down(document: Path) -> None:
    report = read(document.read_bytes(), name=document.name)
    expected = json.loads(document.with_suffix(".expected.json").read_text(encoding="utf-8"))

    assert json.loads(json.dumps(asdict(report))) == expected


def test_the_corpus_is_there() -> None:
    assert len(DOCUMENTS) >= 13


@pytest.mark.parametrize(
    "codec",
    ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1", "iso8859-15"],
)
def test_an_encoding_changes_nothing(codec: str) -> None:
    text = (
        f'<?xml version="1.0" encoding="{codec}"?>'
        '<testsuite><testcase name="straße"><error message="né"/></testcase></testsuite>'
    )
    report = read(text.encode(codec))

    assert [(f.test_name, f.error_message) for f in report.failures] == [("straße", "né")]


@pytest.mark.parametrize(
    ("codec", "name"), [("shift_jis", "表示テスト"), ("gbk", "测试"), ("euc_kr", "시험"), ("big5", "測試")]
)
def test_a_multi_byte_encoding_changes_nothing(codec: str, name: str) -> None:
    text = f'<?xml version="1.0" encoding="{codec}"?><testsuite><testcase name="{name}"><error/></testcase>'
    report = read((text + "</testsuite>").encode(codec))

    assert report.failures[0].test_name == name


def test_text_that_came_inside_json_is_utf_8_whatever_it_declares() -> None:
    text = (
        '<?xml version="1.0" encoding="UTF-16"?><testsuite><testcase name="ü"><error/></testcase></testsuite>'
    )

    assert read(text, encoding="utf-8").failures[0].test_name == "ü"


def test_a_position_counts_every_case_of_its_document() -> None:
    report = read(
        '<testsuites><testsuite><testcase name="a"/></testsuite><testsuite><testcase/>'
        '<testcase name="b"><failure/></testcase></testsuite></testsuites>',
        report=3,
    )

    assert report.failures[0].position == ReportPosition(3, 2)


def test_a_failure_wins_over_an_error_wherever_it_stands() -> None:
    failure = only_failure('<error message="second"/><failure message="first"/>')

    assert (failure.status, failure.error_message) == ("FAILED", "first")
    assert failure.stack_trace == "first\n\nsecond"


def test_only_direct_children_make_a_case_fail() -> None:
    report = read(
        "<testsuite><testcase><properties><error/></properties><rerunFailure><failure/></rerunFailure></testcase></testsuite>"
    )

    assert (report.summary.tests, report.summary.failed) == (1, 0)


def test_long_texts_keep_their_ends() -> None:
    failure = only_failure(
        f'<failure message="{"m" * 30_000}">{"first " + "s" * 200_000 + " last"}</failure>'
        f"<system-out>{'o' * 50_000}end</system-out>"
    )

    assert len(failure.error_message) <= MESSAGE_LIMIT
    assert len(failure.stack_trace) <= STACK_LIMIT
    assert failure.stack_trace.startswith("first ")
    assert failure.stack_trace.endswith(" last")
    assert "characters left out" in failure.stack_trace
    assert len(failure.output) == OUTPUT_LIMIT
    assert failure.output.endswith("end")


def test_a_case_with_countless_failures_says_how_many_were_left_out() -> None:
    failure = only_failure("<failure message='x'/>" * (PROBLEM_LIMIT + 7))

    assert "7 more failures of this test left out" in failure.stack_trace


def test_too_many_failing_cases_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(junit_xml, "FAILURE_LIMIT", 2)

    with pytest.raises(InvalidReport, match="more than 2 failing tests"):
        read("<testsuite>" + "<testcase><error/></testcase>" * 3 + "</testsuite>")


BOMB = (
    '<!DOCTYPE testsuite [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    '<testsuite><testcase name="&b;"><failure/></testcase></testsuite>'
)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ("", "it is empty"),
        ("  \n", "it ends too early"),
        ("<testsuite><testcase>", r"it ends too early \(line 1, column 22\); send the whole document"),
        ("<testsuite>\n <a></b></testsuite>", r"mismatched tag \(line 2, column 7\)"),
        ("\n<?xml version='1.0'?><testsuite/>", r"not at start of entity \(line 2, column 1\)"),
        ("<testsuite/><testsuite/>", "junk after document element"),
        ("<testsuite>\x00</testsuite>", "invalid token"),
        ("<testsuite>&#0;</testsuite>", "invalid character number"),
        ("<testsuite>&nbsp;</testsuite>", "undefined entity"),
        (b"<testsuite>\xff</testsuite>", "invalid token"),
        ("<html/>", "root element is <html>, not <testsuites> or <testsuite>"),
        ("{}", "not well-formed XML"),
        ("<!DOCTYPE testsuite><testsuite/>", "document type declaration"),
        (BOMB, "document type declaration"),
        ('<!DOCTYPE t SYSTEM "file:///etc/passwd"><testsuite/>', "document type declaration"),
        ('<!DOCTYPE t [<!ENTITY % p SYSTEM "http://h/">%p;]><testsuite/>', "document type declaration"),
        ('<?xml version="1.0" encoding="UTF-7"?><testsuite/>', "'UTF-7' is not supported"),
        ("<testsuite>" * (DEPTH_LIMIT + 1), "nested deeper than 200"),
        (f"<testsuite a='{'x' * (TOKEN_LIMIT + 200_000)}'/>", "tag or comment longer than"),
        (f"<testsuite><!--{'x' * (TOKEN_LIMIT + 200_000)}--></testsuite>", "tag or comment longer than"),
        (
            "<testsuite " + "".join(f"a{n}='' " for n in range(ATTRIBUTE_LIMIT + 1)) + "/>",
            "more than 256 attributes",
        ),
        (
            f"<testsuite>{''.join(f'<a{n}/>' for n in range(NAME_LIMIT))}</testsuite>",
            "more than 10,000 different",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(document: str | bytes, sentence: str) -> None:
    with pytest.raises(InvalidReport, match=sentence):
        read(document)


def test_a_refusal_names_the_document() -> None:
    with pytest.raises(InvalidReport, match=r"^The report 'nightly\.xml' cannot be read: it is empty\.$"):
        read("", name="nightly.xml")


def read_or_refuse(data: bytes) -> None:
    """Nothing but InvalidReport may come out."""
    with suppress(InvalidReport):
        read_junit(io.BytesIO(data))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_cut_off_anywhere_is_refused(document: Path) -> None:
    data = document.read_bytes().rstrip()
    for length in range(len(data)):
        with pytest.raises(InvalidReport):
            read_junit(io.BytesIO(data[:length]))


@given(data=st.binary(max_size=300))
@example(b"\xff\xfe\x00\xd8\x00\x00")
@example(b"<\x00?\x00")
@example(b"\x00\x00\x00<\xff\xff\xff\xff")
def test_random_bytes_are_refused(data: bytes) -> None:
    read_or_refuse(data)


@given(seed=st.integers(0, 2**32), document=st.sampled_from(DOCUMENTS), damages=st.integers(1, 8))
def test_damaged_documents_are_read_or_refused(seed: int, document: Path, damages: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    data = bytearray(document.read_bytes())
    for _ in range(damages):
        at = chance.randrange(len(data))
        data[at : at + chance.randrange(3)] = chance.choice(
            [
                b"",
                b"\0",
                b"<",
                b">",
                b"&",
                b"]]>",
                b"<![CDATA[",
                b"<testcase>",
                b"</testsuite>",
                b"\xff",
                b'"',
                b"<!--",
            ]
        )

    read_or_refuse(bytes(data))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_how_the_bytes_arrive_changes_nothing(document: Path) -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 5, 5))

    data = document.read_bytes()

    assert read_junit(Trickle(data)) == read_junit(io.BytesIO(data))


def test_a_suite_that_failed_itself_is_a_failure_without_a_case() -> None:
    report = read(
        '<testsuites><testsuite name="shop.Cart" errors="1"><testcase name="a"/>'
        '<error message="no database">at set-up</error></testsuite></testsuites>'
    )

    (failure,) = report.failures
    assert (failure.test_name, failure.error_message, failure.stack_trace) == (
        "shop.Cart",
        "no database",
        "at set-up",
    )
    assert (failure.status, failure.position) == ("ERROR", None)
    assert (report.summary.unaccounted, report.notes) == (0, ())


CASE_OF_3 = (
    '<testcase name="n"><failure message="E1"/><failure message="E2"/><error message="E3"/></testcase>'
)


@pytest.mark.parametrize(
    ("document", "unaccounted"),
    [
        ('<testsuite errors="1" tests="0"><system-err>oops</system-err></testsuite>', 1),
        ('<testsuites errors="2" failures="1"><testsuite><testcase name="a"/></testsuite></testsuites>', 3),
        ('<testsuites errors="1"><testsuite errors="1"/></testsuites>', 1),
        ('<testsuites errors="1"><testsuite errors="1"/><testsuite failures="2"/></testsuites>', 3),
        (
            '<testsuite failures="1"><testcase name="a"><failure/></testcase><testsuite errors="1"/></testsuite>',
            1,
        ),
        (f'<testsuite failures="2" errors="1">{CASE_OF_3}</testsuite>', 0),
        (f'<testsuite failures="1">{CASE_OF_3}</testsuite>', 0),
        (
            '<testsuite failures="2"><testcase name="a"><flakyFailure/><flakyFailure/></testcase></testsuite>',
            0,
        ),
        ('<testsuite failures="many" errors="-1"/>', 0),
        ('<testsuite failures="1"><failure/></testsuite>', 0),
    ],
)
def test_declared_failures_that_nothing_shows_are_noted(document: str, unaccounted: int) -> None:
    report = read(document)

    assert report.summary.unaccounted == unaccounted
    assert len(report.notes) == bool(unaccounted)


def test_the_note_says_what_is_declared_and_what_is_shown() -> None:
    failed = '<testcase name="a"><failure/></testcase>'

    (note,) = read(f'<testsuite failures="1" errors="2">{failed}</testsuite>', name="r.xml").notes

    assert note.startswith("The report 'r.xml' declares 3 failures or errors, its cases show 1: ")


def test_the_messages_of_a_case_s_further_failures_are_kept() -> None:
    failure = only_failure(
        '<error message="E3"/><failure message="E1"/><failure>E2\nat x</failure><failure/>'
    )

    assert failure.error_message == "E1"
    assert failure.other_messages == ("E2", "E3")


def test_a_long_message_of_a_further_failure_is_shortened() -> None:
    failure = only_failure(f'<failure message="E1"/><failure message="{"x" * 9_000}"/>')

    assert len(failure.other_messages[0]) <= OTHER_MESSAGE_LIMIT
