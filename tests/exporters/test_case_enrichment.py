from rootcoz.domain.finding import (
    Classification,
    CodeFix,
    Evidence,
    Finding,
    NoVerdict,
    NoVerdictReason,
    ProductBugReport,
    Severity,
    StandIn,
)
from rootcoz.exporters.case_enrichment import VALUE_LIMIT, case_enrichment

QUOTES = (
    Evidence("pool did not drain", "stack_trace", line=19, verified=True),
    Evidence("the moon was full", "output"),
)


def test_a_bug_becomes_properties_in_a_fixed_order() -> None:
    finding = Finding(
        classification=Classification.PRODUCT_BUG,
        confidence=0.834,
        details="The pool never drains.",
        evidence=QUOTES,
        product_bug_report=ProductBugReport("Pool leaks", Severity.HIGH, "pool", "It leaks.", ""),
        affected_tests=("m.t[1.5]", "m.u"),
    )

    assert case_enrichment(finding).properties == (
        ("ai_classification", "PRODUCT BUG"),
        ("ai_confidence", "0.83"),
        ("ai_details", "The pool never drains."),
        ("ai_affected_tests", "m.t[1.5], m.u"),
        ("ai_bug_title", "Pool leaks"),
        ("ai_bug_severity", "high"),
        ("ai_bug_component", "pool"),
        ("ai_bug_description", "It leaks."),
        ("ai_evidence_0", "pool did not drain"),
        ("ai_evidence_0_verified", "true"),
        ("ai_evidence_1", "the moon was full"),
        ("ai_evidence_1_verified", "false"),
    )


def test_a_fix_says_whether_its_place_was_found_and_empty_values_are_left_out() -> None:
    finding = Finding(Classification.CODE_ISSUE, None, "Off by one.", code_fix=CodeFix("t.py", "", "Use <=."))

    assert case_enrichment(finding, affected_tests=["a"]).properties == (
        ("ai_classification", "CODE ISSUE"),
        ("ai_details", "Off by one."),
        ("ai_affected_tests", "a"),
        ("ai_code_fix_file", "t.py"),
        ("ai_code_fix_change", "Use <=."),
        ("ai_code_fix_verified", "false"),
    )


def test_the_text_marks_what_was_not_found() -> None:
    finding = Finding(
        Classification.CODE_ISSUE,
        0.5,
        "Off by one.",
        evidence=QUOTES,
        code_fix=CodeFix("t.py", "7", "Use <=."),
    )

    assert case_enrichment(finding).text.splitlines() == [
        "Classification: CODE ISSUE (confidence 0.50)",
        "Off by one.",
        "Fix in t.py:7 (UNVERIFIED: file or line not found):",
        "  Use <=.",
        "Evidence:",
        "- [verified] stack_trace:19: pool did not drain",
        "- [UNVERIFIED, not found there] output: the moon was full",
    ]


def test_no_verdict_is_never_a_classification() -> None:
    answer = NoVerdict(NoVerdictReason.TIMED_OUT, "The provider took too long; raise the time limit.")
    enrichment = case_enrichment(answer)

    assert enrichment.properties == (
        ("ai_no_verdict", "timed_out"),
        ("ai_details", "The provider took too long; raise the time limit."),
    )
    assert enrichment.text == "No verdict: The provider took too long; raise the time limit."


def test_an_answer_that_another_gave_says_who_and_why() -> None:
    stand_in = StandIn("builtin", "The budget of $2.00 for this analysis is spent.")
    finding = Finding(Classification.INFRASTRUCTURE, 0.9, "It is down.", stand_in=stand_in)
    nothing = NoVerdict(NoVerdictReason.ABSTAINED, "It cannot tell.", stand_in=stand_in)
    note = "The budget of $2.00 for this analysis is spent; this is the built-in analyser's answer."

    for answer in (finding, nothing):
        enrichment = case_enrichment(answer)
        assert enrichment.properties[-2:] == (("ai_provider", "builtin"), ("ai_note", note))
        assert enrichment.text.endswith(f"Note: {note}")


def test_a_value_is_bounded() -> None:
    finding = Finding(Classification.INFRASTRUCTURE, None, "x" * 100_000)

    assert len(dict(case_enrichment(finding).properties)["ai_details"]) <= VALUE_LIMIT
