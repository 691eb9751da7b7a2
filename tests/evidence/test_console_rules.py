import pytest

from rootcoz.evidence.console_rules import RULES, judge, step_end

EXAMPLES = [(rule.name, example) for rule in RULES for example in rule.says]


@pytest.mark.parametrize(("name", "line"), EXAMPLES)
def test_a_rule_speaks_for_its_own_examples(name: str, line: str) -> None:
    judged = judge(line)

    assert judged is not None
    assert judged[0].name == name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_has_a_reason_and_an_example(rule: object) -> None:
    assert getattr(rule, "reason", "")
    assert getattr(rule, "says", ())


@pytest.mark.parametrize(
    "line",
    [
        "0 errors, 0 failures",
        "no errors found",
        "Tests run: 12, Failures: 0, Errors: 0, Skipped: 0",
        "gcc -Wall -Werror -c main.c",
        "+ grep -n error build.log",
        "curl --fail --silent https://example.com",
        "compiled error_handling.c",
        "set -e",
        "21.3 is not installed, installing",
        "debconf: delaying package configuration, since apt-utils is not installed",
        "ok 12 raises an error",
        "tests/test_a.py::test_error_message PASSED",
        "PASS src/error.test.js",
    ],
)
def test_harmless_words_of_failure_count_little(line: str) -> None:
    judged = judge(line)

    assert judged is None or judged[1] < 2.5


@pytest.mark.parametrize(
    ("weaker", "stronger"),
    [
        ("make: *** [all] Error 2", "main.c:3:5: error: unknown type name 'x'"),
        ("npm ERR! code ELIFECYCLE", "TypeError: x is not a function"),
        ("[WARNING] could not find the cache", "ERROR: could not find the cache"),
        (
            "Caused by: org.gradle.api.GradleException: There were failing tests.",
            "java.lang.AssertionError: 1",
        ),
        ("warning: unused variable: `error`", "error: unused variable"),
        ("* Improve error message when a gem is missing.", "Error: gem is missing"),
    ],
)
def test_the_cause_counts_more_than_its_echo(weaker: str, stronger: str) -> None:
    low, high = judge(weaker), judge(stronger)

    assert high is not None
    assert low is None or low[1] < high[1]


@pytest.mark.parametrize(
    ("line", "passed"),
    [
        ('The command "make" exited with 0.', True),
        ('The command "make" exited with 2.', False),
        ("##[error]Process completed with exit code 1.", False),
        ("script returned exit code 137", False),
        ("[INFO] BUILD SUCCESS", True),
        ("Build step 'Execute shell' marked build as failure", False),
        ("exit code 0", True),
        ("all is quiet", None),
    ],
)
def test_the_end_of_a_step_is_told(line: str, *, passed: bool | None) -> None:
    assert step_end(line) is passed
