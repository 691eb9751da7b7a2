"""The reports of hand-made results, against the files in `tests/cli/golden`."""

import json
import re
from pathlib import Path

import pytest
from tests.cli.golden_reports import CASES, FOLDER, rendered
from tests.cli.sample_results import Json, failure, hostile, huge, nightly, response, typed

from rootcoz.cli.report.finished import FinishedAnalysis, Page
from rootcoz.cli.report.formats import FORMATS
from rootcoz.cli.report.markdown import LIMIT
from rootcoz.client.models import ResultResponse
from rootcoz.client.submission import ReportFile
from rootcoz.domain.errors import InvalidInput

ACTED_ON = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_report_is_the_one_that_was_looked_at(name: str) -> None:
    assert rendered(name).decode() == (FOLDER / name).read_text(encoding="utf-8")


def test_no_golden_file_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(CASES)


def render(value: Json, format_name: str, page: Page | None = None) -> str:
    [document] = FORMATS[format_name](FinishedAnalysis(typed(value)), page or Page())
    return document.content.decode()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_no_line_of_a_table_is_wider_than_the_page_or_ends_in_a_space(width: int) -> None:
    for value in (nightly(), hostile()):
        lines = render(value, "table", Page(width=width)).split("\n")

        assert max(map(len, lines)) <= width
        assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.parametrize("format_name", ["table", "markdown"])
def test_nothing_in_a_report_of_hostile_text_is_acted_on(format_name: str) -> None:
    text = render(hostile(), format_name)

    assert ACTED_ON.search(text) is None
    assert r"\x1b" in text


@pytest.mark.parametrize("format_name", ["table", "markdown"])
def test_an_answer_that_another_gave_says_so(format_name: str) -> None:
    note = "The budget of $2.00 for this analysis is spent; this is the built-in analyser's answer."
    answer = failure("tests.test_a", group=1, classification="INFRASTRUCTURE", note=note)

    assert note in render(response(failures=[answer]), format_name, Page(width=120)).replace("\\", "")


@pytest.mark.parametrize("format_name", ["table", "markdown"])
def test_what_people_decided_is_told(format_name: str) -> None:
    override = {"classification": "PRODUCT BUG", "replaced": "CODE ISSUE", "username": "alice"}
    set_by = failure("t1", group=1, classification="PRODUCT BUG", override=override)
    confirmed = failure(
        "t2", group=2, classification="CODE ISSUE", override={**override, "classification": "CODE ISSUE"}
    )
    before = {"classification": "INFRASTRUCTURE", "username": "", "decided_at": "2026-03-01T07:15:00.000Z"}
    again = {**failure("t3", group=3), "past_decisions": [{**before, "job_id": "earlier"}]}
    near = {**before, "job_id": "older", "similarity": 0.83, "test_name": "cart.test_total"}
    similar = {**failure("t4", group=4), "past_decisions": [near]}
    text = render(response(failures=[set_by, confirmed, again, similar]), format_name)

    assert re.search(r"PRODUCT BUG \(set by alice; was CODE ISSUE", text)
    assert re.search(r"CODE ISSUE \(confirmed by alice", text)
    assert "Decided before: INFRASTRUCTURE by somebody on 2026-03-01 (analysis earlier)" in text
    assert "83% likely" in text
    assert "(analysis older)" in text


@pytest.mark.parametrize("format_name", ["table", "markdown"])
def test_a_closed_issue_of_a_failure_that_came_again_is_told(format_name: str) -> None:
    issue = {"key": "SHOP-7", "status": "Done", "url": "https://jira.example.com/browse/SHOP-7"}
    again = {**failure("t", group=1), "reopened": [issue]}
    text = render(response(failures=[again]), format_name, Page(width=160))

    assert "Reopened: SHOP-7 is Done, yet this failed again" in text.replace("\\", "")


def test_json_in_a_terminal_is_indented_and_harmless() -> None:
    text = render(hostile(), "json", Page(interactive=True))

    assert ACTED_ON.search(text) is None
    assert json.loads(text)["result"]["summary"] == hostile()["result"]["summary"]


def test_json_elsewhere_is_the_answer_as_it_came() -> None:
    document = b'{"job_id" : "1","status":"completed", "new":[1.50]}'
    finished = FinishedAnalysis(ResultResponse.from_document(document))

    assert FORMATS["json"](finished, Page())[0].content == document + b"\n"


def test_markdown_of_any_result_fits_in_a_comment_and_says_what_is_missing() -> None:
    text = render(huge(), "markdown")

    assert len(text) < LIMIT
    assert re.search(r"\*\d+ more groups with \d+ failures did not fit here\.\*", text)
    assert text.endswith("0001`\n")


def test_hostile_markdown_has_no_tag_link_or_mention() -> None:
    outside = re.sub(
        r"(`+)text\n.*?\n\1\n|(?<!`)(`+)(?!`).*?(?<!`)\2(?!`)",
        "",
        render(hostile(), "markdown"),
        flags=re.DOTALL,
    )

    assert "@everyone" not in outside
    assert "#1" not in outside
    assert "[link]" not in outside
    tags = sorted(tag for tag in re.findall(r"<[^>]*>", outside) if tag != "<!-- -->")
    assert tags == ["</details>", "</summary>", "<details>", "<summary>"]  # our own, around the debate


def test_groups_come_largest_first_and_keep_their_order_when_equal() -> None:
    failures = [
        failure("one", group=1),
        failure("two.a", group=2, size=2),
        failure("three", group=3),
        failure("two.b", group=2, size=2),
    ]

    text = render(response(failures=failures), "table")

    assert re.findall(r"(?m)^   (one|two\.a|two\.b|three)$", text) == [
        "two.a",
        "two.b",
        "one",
        "three",
    ]


def test_a_table_of_very_many_groups_shows_the_largest_in_full_and_the_others_in_a_line() -> None:
    failures = [failure(f"t{number}", group=number, error=f"E{number}") for number in range(1, 2_001)]

    lines = render(response(failures=failures), "table").split("\n")

    assert sum(line.startswith("── ") for line in lines) == 100
    assert "101 · NO VERDICT · 1 failure · E101" in lines
    assert "(1,000 more groups not shown; --format json has all groups in full)" in lines


def test_failures_of_child_builds_are_told_with_their_build() -> None:
    child = {"job_name": "nightly/api", "build_number": 7, "note": "console only", "failed_children": []}
    value = response(child_job_analyses=[{**child, "failures": [failure("t", group=1)]}])

    text = render(value, "table")

    assert "in nightly/api #7" in text
    assert "Note: nightly/api #7: console only" in text


def enriched(*reports: Json) -> Json:
    return response(reports=[{"tests": 1, "failed": 1, "skipped": 0, **report} for report in reports])


def xml_documents(value: Json, *files: ReportFile) -> list[tuple[str, bytes]]:
    finished = FinishedAnalysis(typed(value), files)
    return [(document.name, document.content) for document in FORMATS["xml"](finished, Page())]


def test_xml_is_written_in_each_documents_own_encoding(tmp_path: Path) -> None:
    latin = '<?xml version="1.0" encoding="ISO-8859-1"?>\r\n<testsuite name="ö"/>'
    (tmp_path / "a.xml").write_bytes(latin.encode("latin-1"))
    (tmp_path / "b.xml").write_bytes("<testsuite name='ö'/>".encode("utf-16"))
    value = enriched(
        {"name": "a.xml", "enriched_xml": latin.replace("ö", "ö→")},
        {"name": "b.xml", "enriched_xml": "<testsuite name='ö→'/>"},
    )

    documents = xml_documents(
        value, ReportFile("a.xml", tmp_path / "a.xml"), ReportFile("b.xml", tmp_path / "b.xml")
    )

    assert documents == [
        ("a.xml", latin.replace("ö", "ö&#8594;").encode("latin-1")),
        ("b.xml", "<testsuite name='ö→'/>".encode("utf-16")),
    ]


def test_xml_without_answers_is_the_report_itself_when_nothing_failed(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(b"<testsuite>\xe9</testsuite>")
    value = enriched({"name": "a.xml", "failed": 0, "enriched_xml": None})

    assert xml_documents(value, ReportFile("a.xml", tmp_path / "a.xml")) == [
        ("a.xml", b"<testsuite>\xe9</testsuite>")
    ]


def test_xml_of_a_stored_result_is_written_without_the_report_at_hand() -> None:
    assert xml_documents(enriched({"name": "x", "enriched_xml": "<testsuite name='ö'/>"})) == [
        ("x", "<testsuite name='ö'/>".encode())
    ]


def test_xml_of_raw_failures_is_refused() -> None:
    with pytest.raises(InvalidInput):
        xml_documents(response())


def test_lines_of_an_explanation_stay_lines_in_markdown() -> None:
    told = {"classification": "CODE ISSUE", "details": "First.\n  Second\\\n\n- Third.\nFourth."}

    text = render(response(failures=[{**failure("t", group=1), "analysis": told}]), "markdown")

    assert "\nFirst.\\\nSecond\\\\\n\n\\- Third.\\\nFourth.\n" in text


def clustered(reason: str = "same exception KeyError, 2 groups") -> Json:
    """Three groups; the first and the last one look like one cause."""
    cluster = {"cluster_id": "1-0123456789ab", "cluster_reason": reason}
    failures = [
        {**failure("small", group=1, error="KeyError: a"), **cluster},
        failure("middle", group=2, size=3, error="Disk full"),
        {**failure("large", group=3, size=5, error="KeyError: b"), **cluster},
    ]
    return response(failures=failures)


@pytest.mark.parametrize("format_name", ["table", "markdown"])
def test_groups_that_look_like_one_cause_stand_together_below_the_reason(format_name: str) -> None:
    text = " ".join(render(clustered(), format_name, Page(width=200)).split())
    places = [text.index(words) for words in ("These 2 groups", "KeyError: b", "KeyError: a", "Disk full")]

    assert places == sorted(places)
    assert text.count("look like one cause") == 1
    assert "These 2 groups (1 and 2) look like one cause: same exception KeyError, 2 groups" in text


@pytest.mark.parametrize("format_name", ["table", "markdown"])
def test_a_hostile_reason_is_not_acted_on(format_name: str) -> None:
    text = render(clustered("\x1b[31m<script> @all\u202e"), format_name)

    assert ACTED_ON.search(text) is None
    assert format_name == "table" or "<script>" not in text


def test_a_cluster_without_a_reason_is_told_too() -> None:
    assert "look like one cause." in render(clustered(""), "table", Page(width=200))
