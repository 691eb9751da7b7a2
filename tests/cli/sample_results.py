"""Finished analyses as a server would send them, small enough to read."""

from typing import Any

from tests.client.stub_server import JOB_ID

from rootcoz.client.models import ResultResponse

Json = dict[str, Any]


def failure(
    name: str,
    *,
    group: int,
    size: int = 1,
    error: str = "",
    **analysis: Any,  # noqa: ANN401 - JSON
) -> Json:
    return {
        "test_name": name,
        "error": error,
        "error_signature": f"{group:x}" * 64,
        "signature_version": 1,
        "group": group,
        "group_size": size,
        "status": "FAILED",
        "duration": 0.5,
        "analysis": {
            "classification": "",
            "affected_tests": [],
            "details": "",
            "artifacts_evidence": "",
            "confidence": None,
            "evidence": [],
            "rules": [],
            **analysis,
        },
    }


def response(**result: Any) -> Json:  # noqa: ANN401 - JSON
    failures = result.get("failures", [])
    return {
        "job_id": JOB_ID,
        "jenkins_url": "",
        "status": result.get("status", "completed"),
        "created_at": "2026-03-01T07:15:00.000Z",
        "analysis_started_at": "2026-03-01T07:15:00.250Z",
        "completed_at": "2026-03-01T07:15:01.650Z",
        "capabilities": {},
        "base_url": "",
        "result_url": f"/results/{JOB_ID}",
        "result": {
            "status": "completed",
            "summary": "",
            "ai_provider": "builtin",
            "ai_model": "",
            "failures": failures,
            "reports": [],
            "notes": [],
            **result,
        },
    }


def typed(value: Json) -> ResultResponse:
    return ResultResponse.model_validate(value)


def nightly() -> Json:
    """Three groups: eight tests without a database, a test's own fault, and one without a verdict."""
    refused = "ConnectionRefusedError: [Errno 111] Connection refused: inventory-db:5432"
    infrastructure: Json = {
        "classification": "INFRASTRUCTURE",
        "confidence": 0.86,
        "details": (
            "The inventory database refused every connection for the length of the run. All eight tests fail "
            "while they set up their fixtures, before any code of the product is reached.\n\n"
            "Check whether the database's container was started on this agent."
        ),
        "evidence": [
            {"quote": refused, "source": "error_message", "line": 1, "verified": True},
            {
                "quote": 'File "tests/conftest.py", line 41, in database\n    connect(host, port)',
                "source": "stack_trace",
                "line": 14,
                "verified": True,
            },
            {
                "quote": "FATAL: the database system is starting up",
                "source": "logs/db.log",
                "line": None,
                "verified": False,
            },
        ],
    }
    code_issue: Json = {
        "classification": "CODE ISSUE",
        "confidence": 0.7,
        "details": "The test compares prices as floats; 0.1 + 0.2 is not 0.3.",
        "evidence": [
            {
                "quote": "assert 0.30000000000000004 == 0.3",
                "source": "error_message",
                "line": 1,
                "verified": True,
            }
        ],
        "code_fix": {
            "file": "tests/test_price.py",
            "line": "42",
            "change": "Compare with a tolerance.",
            "original_code": "assert total == 0.3",
            "suggested_code": "assert total == pytest.approx(0.3)",
            "verified": True,
        },
    }
    nothing: Json = {
        "no_verdict": {
            "reason": "timed_out",
            "message": "The provider did not answer within 10 minutes; raise AI_CLI_TIMEOUT or ask again.",
            "raw_text": "",
        }
    }
    names = [
        f"tests.inventory.test_stock.TestStock.test_reserve_{colour}"
        for colour in ("red", "green", "blue", "black", "white", "amber", "ivory", "teal")
    ]
    return response(
        summary="10 of 212 tests failed for 3 different reasons.",
        failures=[
            failure(
                "tests.price.test_price.test_sum",
                group=1,
                error="assert 0.30000000000000004 == 0.3",
                **code_issue,
            ),
            *(failure(name, group=2, size=8, error=refused, **infrastructure) for name in names),
            failure("tests.mail.test_send", group=3, error="TimeoutError", **nothing),
        ],
        reports=[
            {"name": "unit.xml", "tests": 200, "failed": 2, "skipped": 3, "enriched_xml": None},
            {"name": "db.xml", "tests": 12, "failed": 8, "skipped": 0, "enriched_xml": None},
        ],
        notes=["unit.xml: the output of 2 tests was cut to its last 8,000 characters."],
    )


def product_bug() -> Json:
    """One failure that the product is to blame for."""
    bug: Json = {
        "classification": "PRODUCT BUG",
        "confidence": 0.91,
        "details": "The checkout service answers 500 whenever the basket holds a price in EUR.",
        "evidence": [
            {
                "quote": "500 Server Error: KeyError 'EUR'",
                "source": "error_message",
                "line": 1,
                "verified": True,
            }
        ],
        "product_bug_report": {
            "title": "Checkout fails for baskets with prices in EUR",
            "severity": "high",
            "component": "checkout",
            "description": "POST /checkout answers 500. The rate table has no entry for EUR.",
            "evidence": "KeyError 'EUR'",
            "jira_search_keywords": [],
            "jira_matches": [
                {
                    "key": "SHOP-481",
                    "summary": "EUR missing in rate table",
                    "status": "Open",
                    "url": "",
                    "priority": "",
                    "score": 0.8,
                }
            ],
        },
    }
    return response(
        summary="1 of 9 tests failed.",
        ai_provider="claude",
        ai_model="opus",
        failures=[
            failure("shop.CheckoutTest.paysInEuro", group=1, error="500 Server Error: KeyError 'EUR'", **bug)
        ],
        reports=[{"name": "shop.xml", "tests": 9, "failed": 1, "skipped": 0, "enriched_xml": None}],
    )


def debated() -> Json:
    """One failure whose answer two peers judged; the main model changed its mind."""
    main = {"ai_provider": "claude", "ai_model": "opus", "role": "main", "agrees": None}
    ann = {"ai_provider": "gemini", "ai_model": "pro", "role": "peer"}
    bob = {"ai_provider": "openai", "ai_model": "local", "role": "peer"}
    result = product_bug()
    result["result"]["failures"][0]["peer_debate"] = {
        "consensus_reached": True,
        "ending": "consensus",
        "rounds_used": 2,
        "max_rounds": 3,
        "ai_configs": [
            {"ai_provider": one["ai_provider"], "ai_model": one["ai_model"]} for one in (main, ann, bob)
        ],
        "rounds": [
            {
                "round": 1,
                "entries": [
                    {**main, "classification": "CODE ISSUE", "reasoning": "The price is wrong in the test."},
                    {
                        **ann,
                        "classification": "PRODUCT BUG",
                        "agrees": False,
                        "reasoning": "The service answers 500; no test can make a rate table lose an entry.",
                        "evidence": [
                            {
                                "quote": "500 Server Error",
                                "source": "error_message",
                                "line": 1,
                                "verified": True,
                            },
                            {"quote": "a lost entry", "source": "", "line": None, "verified": False},
                        ],
                    },
                    {
                        **bob,
                        "classification": "",
                        "agrees": None,
                        "usable": False,
                        "note": "It could not be asked: openai is not set up.",
                    },
                ],
            },
            {
                "round": 2,
                "entries": [
                    {
                        **main,
                        "classification": "PRODUCT BUG",
                        "reasoning": "It answers 500.",
                        "changed": "classification from CODE ISSUE to PRODUCT BUG, details",
                    },
                    {**ann, "classification": "PRODUCT BUG", "agrees": True, "reasoning": "As I said."},
                    {
                        **bob,
                        "classification": "PRODUCT BUG",
                        "usable": False,
                        "agrees": None,
                        "note": "Nothing that it quotes stands where it may be looked up.",
                    },
                ],
            },
        ],
    }
    return result


def all_passed() -> Json:
    """A run without a failure."""
    return response(
        summary="All 9 tests passed.",
        reports=[{"name": "shop.xml", "tests": 9, "failed": 0, "skipped": 0, "enriched_xml": None}],
    )


def run_failed() -> Json:
    """An analysis whose questions all failed."""
    nothing: Json = {
        "reason": "provider_failed",
        "message": "claude is not installed; install it, or choose another provider.",
        "raw_text": "sh: claude: not found\nexit 127",
    }
    return response(
        status="failed",
        summary="No question was answered: claude is not installed.",
        failures=[
            failure("a.b.c", group=1, error="boom", details="RuntimeError at a.py:3", no_verdict=nothing)
        ],
    )


HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J[red]not red[/red] :bomb: \u202egnp.exe\u2066 \x9b31m `tick` ```\n"
    "<img src=x onerror=alert(1)> @everyone fixes #1 [link](javascript:alert(1)) | --- |\r\n"
    "# heading\n</details>"
)


def hostile() -> Json:
    """Every text is an attempt on the reader's terminal or page."""
    text = HOSTILE
    analysis: Json = {
        "classification": "CODE ISSUE",
        "confidence": 0.5,
        "details": text,
        "evidence": [{"quote": text, "source": text, "line": 1, "verified": False}],
        "code_fix": {
            "file": text,
            "line": "1",
            "change": text,
            "original_code": text,
            "suggested_code": text,
        },
    }
    entry: Json = dict.fromkeys(
        ("ai_provider", "ai_model", "role", "classification", "reasoning", "note", "changed"), text
    )
    hostile_debate: Json = {
        "ending": text,
        "rounds": [{"round": 1, "entries": [entry, {**entry, "role": "main"}, {**entry, "usable": False}]}],
    }
    return response(
        summary=text,
        ai_provider=text,
        failures=[{**failure(text, group=1, error=text, **analysis), "peer_debate": hostile_debate}],
        notes=[text],
    )


def huge() -> Json:
    """More groups than any comment holds, with very long lines."""
    return response(
        summary="2,000 failures.",
        failures=[
            failure(
                f"suite.test_{number}" + "x" * 500,
                group=number,
                error="E" * 100_000,
                classification="CODE ISSUE",
                details="word " * 20_000,
                evidence=[{"quote": "q" * 50_000, "source": "output", "line": 1, "verified": True}],
            )
            for number in range(1, 301)
        ],
    )
