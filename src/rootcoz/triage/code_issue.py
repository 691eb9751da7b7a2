"""Rules for failures that the test's own code caused: wrong locators, fixtures, imports, mocks, snapshots."""

from rootcoz.domain.finding import Classification
from rootcoz.triage.rule import Rule, Weight, any_of

_CODE = Classification.CODE_ISSUE

TIME_LIMIT = "test-time-limit"
"""Name of the rule for a test that its runner stopped: no assertion failed then, whatever the exception is called."""

BARE_COMPARISON = "bare-comparison"
"""Name of the rule that speaks when nothing but a comparison is known."""

RULES: tuple[Rule, ...] = (
    Rule(
        name=TIME_LIMIT,
        classification=_CODE,
        weight=Weight.WEAK,
        hints=("timeout", "timed out", "time-out", "did not complete within"),
        pattern=any_of(
            r"timeout \(?>\d[\d.]*s\)?(?: from pytest-timeout)?",
            r"\btest ?timed ?out ?exception\b|\btest (?:case |execution )?timed out (?:after|in) \d",
            r"\w\([^()]*\) timed out after \d+ \w+",
            r"execution (?:exceeded timeout of|timed out after) \d+ ?ms",
            r"threadtimeoutexception|didn't finish within the time-out",
            r"exceeded timeout of \d+ ?ms for a (?:test|hook)",
            r"timeout of \d+ ?ms exceeded",
            r"(?:test|hook) timeout of \d+ ?ms exceeded|(?:test|hook) timed out in \d+ ?ms",
            r"timeout - async function did not complete within \d+ ?ms",
            r"test (?:'[^']*' )?exceeded (?:execution timeout|timeout value)",
        ),
        reason="the test ran over its own time limit and was stopped",
        advice=(
            "See in the trace what it was doing when it was stopped: wait for a state instead of sleeping, "
            "or raise the limit if the work really takes so long; if it waited for the product, look there."
        ),
        examples=(
            "Failed: Timeout (>10.0s) from pytest-timeout.",
            "org.junit.runners.model.TestTimedOutException: test timed out after 100 milliseconds",
            "java.util.concurrent.TimeoutException: sums() timed out after 1 second",
            "Method CartTest.sums() didn't finish within the time-out 100",
            'thrown: "Exceeded timeout of 5000 ms for a test.',
            "Error: Timeout of 2000ms exceeded. For async tests and hooks, ensure done() is called",
            "Error: Test timed out in 5000ms.",
            "Test timeout of 30000ms exceeded.",
            "panic: test timed out after 10m0s",
            "Test exceeded Timeout value of 1000ms.",
            "Test 'Sums' exceeded execution timeout period.",
            "Test execution timed out after 1000 milliseconds",
        ),
        counter_examples=(
            "TimeoutError: locator.click: Timeout 30000ms exceeded.",
            "timed out waiting for server to become ACTIVE",
            "java.net.SocketTimeoutException: Read timed out",
        ),
    ),
    Rule(
        name="stale-locator",
        classification=_CODE,
        weight=Weight.FAIR,
        hints=("element", "locator", "selector"),
        pattern=any_of(
            (
                r"\b(?:NoSuchElement|StaleElementReference|ElementNotInteractable|"
                r"ElementClickIntercepted|InvalidSelector)(?:Exception|Error)?\b"
            ),
            r"no such element|unable to locate element|stale element reference",
            r"strict mode violation: ",
            r"(?:getBy|findBy|queryBy|getAllBy)\w+.{0,40}(?:unable|multiple)",
            r"unable to find an element (?:with|by)",
            r"is not a valid (?:selector|xpath)",
            r"expected to find element: .{0,120}never found it",
        ),
        reason="the test looks for an element of the page that is not there under that locator",
        advice="Compare the locator with the page as it is now, and wait for the element before using it.",
        examples=(
            'selenium.common.exceptions.NoSuchElementException: Message: no such element: {"method":"id"}',
            "Error: strict mode violation: getByRole('button') resolved to 2 elements",
        ),
        counter_examples=("java.util.NoSuchElementExceptionally", "expected the first element to be 3"),
    ),
    Rule(
        name="missing-fixture",
        classification=_CODE,
        weight=Weight.STRONG,
        hints=("fixture", "parameterresolution", "scopemismatch", "not found in `markers`"),
        pattern=any_of(
            r"fixture '[^']*' not found",
            r"\bScopeMismatch\b|called directly. fixtures are not meant",
            r"\bParameterResolutionException\b",
            r"'[^']+' not found in `markers`",
            r"recursive dependency involving fixture",
        ),
        reason="a fixture or parameter that the test asks for does not exist",
        advice="Define the fixture where this test can see it, or correct its name.",
        examples=("E       fixture 'api_clinet' not found",),
        counter_examples=("the light fixture was not found in stock",),
    ),
    Rule(
        name="broken-import",
        classification=_CODE,
        weight=Weight.FAIR,
        hints=(
            "importerror",
            "modulenotfound",
            "module",
            "error collecting",
            "during collection",
            "loaderror",
            'package "',
        ),
        pattern=any_of(
            r"\b(?:ImportError|ModuleNotFoundError)\b",
            r"cannot find module '",
            r"module not found: error: can't resolve",
            r"error collecting|errors during collection|failed to import test module",
            r"\bLoadError: cannot load such file",
            r"\bERR_MODULE_NOT_FOUND\b",
            r"cannot find package \"",
        ),
        reason="an import failed before the test could run",
        advice="Correct the import, or add the missing dependency to the test's requirements.",
        examples=("ModuleNotFoundError: No module named 'acme.carts'", "Error: Cannot find module './page'"),
        counter_examples=("expected the import of goods to be taxed",),
    ),
    Rule(
        name="does-not-compile",
        classification=_CODE,
        weight=Weight.STRONG,
        hints=(
            "syntaxerror",
            "syntax error",
            "indentationerror",
            "taberror",
            "error[e",
            "error ts",
            "cannot find symbol",
            "incompatible types",
            "compil",
            "undefined: ",
            "cannot use",
            ": error",
            ") error",
            "fatal error",
            "[build failed]",
            "note: candidate",
            "no matching function",
            "unbound variable",
            "unexpected token",
        ),
        pattern=any_of(
            r"\b(?:SyntaxError|IndentationError|TabError)\b",
            r"^error\[E\d{4}\]",
            r"\berror TS\d{4}:",
            r"error: cannot find symbol|error: incompatible types|compilation (?:error|failed|failure)",
            r"could not compile",
            r"\.\w+[:(]\d+(?:[:,]\d+)?\)?: (?:fatal )?error(?: C\d+)?: ",
            r"^\S+\.go:\d+:\d+: (?:undefined|cannot use|syntax error)",
            r"\[build failed\]",
            r"note: candidate: |no matching function for call",
            r": unbound variable",
            r"unexpected token",
        ),
        reason="the code does not compile or parse",
        advice="Correct the code at the place that the compiler names.",
        examples=(
            "SyntaxError: invalid syntax",
            "cart_test.go:12:5: undefined: NewCart",
            "error TS2304: Cannot find name 'x'.",
            "a.cpp:12:3: error: no such thing",
        ),
        counter_examples=("compile time: 3 s", "Error: expected 3"),
    ),
    Rule(
        name="wrong-mock",
        classification=_CODE,
        weight=Weight.STRONG,
        hints=(
            "mock",
            "wanted",
            "stubbing",
            "invaliduseofmatchers",
            "wrongtypeofreturn",
            "expected call",
            "called",
            "calls not found",
            "call not found",
        ),
        pattern=any_of(
            r"wanted but not invoked",
            (
                r"\b(?:UnnecessaryStubbing|UnfinishedStubbing|InvalidUseOfMatchers|"
                r"PotentialStubbingProblem|WrongTypeOfReturnValue)(?:Exception)?\b"
            ),
            r"expected '?[\w.]+'? to (?:have been |be )?(?:not )?(?:called|awaited)|expected calls?: ?",
            r"\btoHaveBeenCalled\w*\(",
            r"expected mock function to|mock: i don't know what to return|mockexpectationexception",
            r"mock\W.{0,40}not called",
            r"argument\(s\) are different! wanted",
            r"calls? not found\.\s*expected",
            r"<(?:Magic|Async)?Mock\b",
        ),
        reason="an expectation on a mock was not met, which is about how the test sets its doubles up",
        advice="Compare the calls the mock got with those the test expects, and bring the mock up to date.",
        examples=(
            "AssertionError: Expected 'send' to have been called once. Called 0 times.",
            "Wanted but not invoked: cart.add(1);",
        ),
        counter_examples=("the phone call was not answered",),
    ),
    Rule(
        name="snapshot-mismatch",
        classification=_CODE,
        weight=Weight.FAIR,
        hints=("snapshot", "golden", "screenshot"),
        pattern=any_of(
            r"tomatch(?:inline)?snapshot",
            r"snapshot.{0,40}(?:mismatch|does not match|doesn't match|did not match|obsolete)",
            r"\d+ snapshots? failed",
            r"golden (?:file|master).{0,40}(?:differ|mismatch|does not match)",
            r"tohavescreenshot|screenshot comparison failed",
        ),
        reason="the output differs from a recorded snapshot",
        advice=(
            "Look at the difference: if the new output is wanted, record the snapshot again; "
            "otherwise report it as a bug."
        ),
        examples=("expect(received).toMatchSnapshot()",),
        counter_examples=("could not create the volume snapshot",),
    ),
    Rule(
        name="missing-test-data",
        classification=_CODE,
        weight=Weight.FAIR,
        hints=("no such file", "filenotfound", "enoent", "nosuchfile"),
        pattern=any_of(
            (
                r"(?:no such file|filenotfound|enoent|nosuchfile).{0,200}(?:fixtures?|testdata|"
                r"test[-_]?data|tests?|resources|__snapshots__|mocks?)[/\\]"
            ),
            (
                r"(?:fixtures?|testdata|test[-_]?data|src/test/resources|__snapshots__|"
                r"mocks?)[/\\]\S*.{0,60}(?:no such file|not found|does not exist)"
            ),
        ),
        reason="a data file of the test is missing",
        advice="Add the file to the repository, or build its path from the test's own folder.",
        examples=("FileNotFoundError: [Errno 2] No such file or directory: 'tests/data/cart.json'",),
        counter_examples=("open /etc/acme.conf: no such file or directory",),
    ),
    Rule(
        name="undefined-name",
        classification=_CODE,
        weight=Weight.FAIR,
        hints=(
            "nameerror",
            "referenceerror",
            "unboundlocal",
            "undefined local",
            "keyword argument",
            "required positional",
            "required keyword",
        ),
        pattern=any_of(
            r"\b(?:NameError|UnboundLocalError)\b",
            r"\bReferenceError: \w+ is not defined",
            r"undefined local variable or method",
            r"got an unexpected keyword argument '\w+'$",
            r"missing \d+ required (?:positional|keyword-only) argument",
        ),
        reason="the code uses a name or argument that does not exist",
        advice="Correct the name; if it was renamed in the product, follow the renaming.",
        examples=("NameError: name 'crat' is not defined", "ReferenceError: cart is not defined"),
        counter_examples=("expected the name to be defined",),
    ),
    Rule(
        name="test-run-failed",
        classification=_CODE,
        weight=Weight.WEAK,
        hints=("fail: ", "error: "),
        pattern=any_of(
            # The heading of one failed test: by its dotted name, or unittest's name and class.
            r"^(?:FAIL|ERROR): (?:[\w.]*\btests?[\w.]*|test\w* \([\w.]+\))$",
        ),
        reason="only the name of a failing test is known, and no sign of the product or the node failing",
        advice="Run this test alone and a few times in a row; it may depend on order, time or shared state.",
        examples=("FAIL: acme.tests.test_cart.CartTest.test_add",),
        counter_examples=("FAIL: could not start the shop",),
    ),
    Rule(
        name="unit-test-path",
        classification=_CODE,
        weight=Weight.WEAK,
        hints=("tests/", "tests\\", "test_", ".tests."),
        pattern=any_of(
            r"\btests?[/\\](?:unit|functional)[/\\]\S+|\b(?:unit|functional)_?tests?[/\\]\w",
            r"\b[\w.]+\.tests?\.(?:unit|functional)\.[\w.]+",
        ),
        reason="the text points into the project's own unit tests",
        advice="Start with the named test file.",
        examples=("acme/tests/unit/test_cart.py", "acme.tests.functional.test_cart"),
        counter_examples=("the unit tests were fine",),
    ),
    Rule(
        name=BARE_COMPARISON,
        classification=_CODE,
        weight=Weight.HINT,
        hints=("mismatch", "assertion", "comparison", "actual", "got", "received"),
        pattern=any_of(
            r"^(?:E\s+)?(?:\w+\.)*(?:Assertion|Mismatch|Comparison)(?:Failed)?(?:Error|Failure)(?::|$)",
            # Two lines that set one value against the other.
            r"^(?:reference|expected|want)\s*[=:] [^\n]*\n(?:actual|got|received)\s*[=:] ",
        ),
        reason="a comparison in the test failed and nothing else is known",
        advice=(
            "Check whether the expected value is still right, and whether the test depends on order or time."
        ),
        examples=("testtools.matchers._impl.MismatchError: 'host0' != 'standby'", "AssertionError: 3 != 4"),
        counter_examples=("the reference matches",),
    ),
)
