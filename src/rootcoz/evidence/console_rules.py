"""What a line of a console says about why a build failed, as a named list of rules with reasons.

Enters: one line as `console_lines.plain` leaves it. Leaves: the strongest rule that speaks for it, or none.
`excerpt.py` decides by position and neighbourhood what is worth showing; here stands only what a line's own words
are worth. The rules describe tools and languages, never projects.

Weights, on one scale: 9 to 10 names the very thing that broke; 7 to 8 says what failed; 4 to 6 belongs to such a
message or sums it up; 2 to 3 is a word that may mean trouble, or an echo of a failure that happened above.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a line of this kind is to the failure."""

    CAUSE = "cause"
    """It says what broke; the block around it is the evidence."""
    HEADING = "heading"
    """A block about the failure begins here."""
    ECHO = "echo"
    """A tool repeats that something above it failed."""
    HINT = "hint"
    """A word that may mean trouble."""


@dataclass(frozen=True, slots=True)
class ConsoleRule:
    """One kind of telling line."""

    name: str
    role: Role
    weight: float
    pattern: re.Pattern[str]
    needs: tuple[str, ...]
    """Lower-case texts of which a line must hold one before the pattern is tried; empty: any line may match."""
    reason: str
    """Shown to the reader of an excerpt."""
    says: tuple[str, ...]
    """Examples that the rule (and no stronger one) matches."""


def _rule(
    name: str,
    role: Role,
    weight: float,
    pattern: str,
    *,
    needs: str,
    reason: str,
    says: tuple[str, ...],
    flags: int = 0,
) -> ConsoleRule:
    compiled = re.compile(pattern, flags | re.VERBOSE)
    return ConsoleRule(name, role, weight, compiled, tuple(filter(None, needs.split("|"))), reason, says)


_ANY_CASE = re.IGNORECASE
_PATH = r"(?<![\w.@+~$/\\%-])(?=[\w.@+~$/\\%:-]*[A-Za-z./])(?:[A-Za-z]:[\\/])?+[\w.@+~$/\\%-]+"

RULES: tuple[ConsoleRule, ...] = (
    # --- languages: what was thrown ------------------------------------------------------------
    _rule(
        "exception",
        Role.CAUSE,
        9,
        r"""^\s*+ (?:E\s{2,}|>\s|\[\w+\]\s|\|\s|!\s|\#\s{1,3}|Uncaught\s|Unhandled\s|Error:\s|error:\s|ERROR:\s)?+
            (?:[A-Za-z_$][\w$]*+(?:\.|::|\\|/))*+ [A-Z][\w$]*(?:Error|Exception|Failure|Fault
            |Interrupt|NotFound|Timeout)
            (?:\s\[\w+\])?+ (?:\s?:(?:\s|$)|\s*+$|\sat\s|\s\(|\swas\sthrown)""",
        needs="error|exception|failure|fault|interrupt|notfound|timeout",
        reason="names the exception and its message",
        says=(
            "java.lang.IllegalStateException: not open",
            "E       ModuleNotFoundError: No module named 'yaml'",
            "    TypeError: Cannot read property 'x' of undefined",
            "ActiveRecord::ConnectionError: gone",
            "requests.exceptions.ConnectionError: refused",
        ),
    ),
    _rule(
        "caused-by",
        Role.CAUSE,
        9.5,
        r"^\s*+(?:\[\w+\]\s)?+(?:Caused\ by:|Caused:\s|Root\ cause:|--->\ (?=\S+(?:Exception|Error)\b))\s*+\S",
        needs="caused|root cause|--->",
        reason="names the cause behind an exception",
        says=(
            "Caused by: java.net.ConnectException: Connection refused",
            "  Caused by: client error (Connect)",
        ),
    ),
    _rule(
        "thrown",
        Role.CAUSE,
        9,
        r"""Exception\ in\ thread | \bpanicked\ at\b | ^\s*+panic:\s | ^\s*+\*\*\ \([A-Z][\w.]*\)
            | ^fatal\ error:\s
            | [Uu]ncaught\ (?:[Ee]xception|[Ee]rror|\S+Error)
            | [Uu]nhandled\ (?:[Ee]xception|[Rr]ejection|promise)
            | ^\S+\.rb:\d+:in\s.*\((?:\w|::)+\)\s*$ | terminate\ called\ after\ throwing
            | ^\s*\*\*\*\ exception\b
            | \bERROR:\ LoadError: | ^Error\ in\ \S.*: | exception\ (?:error|exit|throw): | ^Fatal\ error:
            | PHP\ (?:Fatal|Parse|Catchable)\ | Can't\ locate\ \S+\ in\ @INC | ^lua\S*:\s.*:\d+:
            | System\ process\ <.*terminated
            """,
        needs=(
            "exception|panic|** (|fatal|uncaught|unhandled|.rb:|throwing|loaderror|error in"
            "|php |can't locate|lua|terminated"
        ),
        reason="a program died of an exception",
        says=(
            'Exception in thread "main" java.lang.NullPointerException',
            "thread 'main' panicked at src/main.rs:4:5:",
            "panic: runtime error: index out of range [3] with length 3",
            "     ** (ArgumentError) argument error",
        ),
    ),
    _rule(
        "traceback",
        Role.HEADING,
        7,
        (
            r"Traceback\ \(most\ recent\ call\ last\)|^goroutine\ \d+\ \[|^stack\ backtrace:"
            r"|^\s*stacktrace:|\(Backtrace\)"
        ),
        needs="traceback|goroutine|backtrace|stacktrace",
        reason="a stack trace begins",
        says=("Traceback (most recent call last):",),
    ),
    # --- compilers and linters -----------------------------------------------------------------
    _rule(
        "compiler-error",
        Role.CAUSE,
        9,
        rf"""{_PATH} (?: :\d+(?::\d+)?+ | \(\d+(?:,\d+)*+\)\s? | :\[\d+,\d+\] | :\ \(\d+,\ \d+\) ) :?+ \s*+
            (?:fatal\ |syntax\ |internal\ compiler\ |parse\ )?+ (?:error|Error|ERROR)\b
            | ^error(?:\[[A-Z]+\d+\]) | \berror\ (?:TS|CS|FS|MSB|NU|C|LNK|NETSDK|AD)\d{{3,5}}\b | ^e:\ {_PATH}
            | \bundefined\ reference\ to\b | \bundefined\ symbols?\b | \bmultiple\ definition\ of\b
            | ^\[ERROR\]\s{_PATH}:\[\d+,\d+\] | ^\[error\]\s{_PATH}:\d+ | ^CMake\ Error | ^configure:\ error:
            | \bcannot\ find\ -l\w+ | ^ld:\s(?:error|library|symbol|framework)
            | ^!\ (?:LaTeX|Package|Undefined|Emergency|Missing|TeX)""",
        needs="error|undefined|multiple def|e: |cannot find -l|ld: |! ",
        reason="a compiler or configure step says where and what",
        says=(
            "src/a.c:12:5: error: unknown type name 'foo'",
            "error[E0425]: cannot find value `x` in this scope",
            "[ERROR] /w/src/A.java:[276,35] cannot find symbol",
            "Program.cs(3,7): error CS0246: The type could not be found",
            "CMake Error at CMakeLists.txt:4 (message):",
            "main.o: undefined reference to `pthread_create'",
        ),
    ),
    _rule(
        "lint-finding",
        Role.CAUSE,
        5.5,
        rf"""^\s*+ (?: {_PATH}\.\w{{1,10}} : \d+ (?::\d+)?+ :? \s? (?!\s*$|in\s|at\s|\d) [^:/]
            | \d+:\d+ \s{{1,4}} (?:error|✖)\s )""",
        needs="",
        reason="a compiler or linter points at a line",
        says=("main.go:12:5: x redeclared in this block", "  12:5  error  'x' is not defined  no-undef"),
    ),
    # --- test runners --------------------------------------------------------------------------
    _rule(
        "assertion",
        Role.CAUSE,
        9,
        r"""^E\s{3,}\S | \bAssertionError\b | \bFailed\ asserting\b | Failure/Error:
            | ^\s*+Assertion\ .*failed | \bassertion\ failed\b
            | \bAssertion\ with\ \S+\ failed
            | ^\s*(?:Expecting|Expected):?\s.*\b(?:but|to|got|was|received)\b | :\d+:\ Failure$
            | \bAssertion\S*\ `.*'\ failed | XCTAssert\w*.*failed | ^\#\s+Failed\ test\b
            | expected:?\s?<.*>\ but\ was
            | ^\s*+Condition\ not\ satisfied: | \bTest\ Failed\ at\b | \bError\ During\ Test\ at\b
            | \bAssert\.\w+\(\)\ Failure | ^\s*+Error\ Message:
            | \bexpected\ \S.*\bto\ (?:not\ )?(?:equal|be|have|throw|match|include|contain)\b""",
        needs="e  |assert|failed|expect|failure|satisfied|error during|error message",
        reason="an assertion failed",
        flags=_ANY_CASE,
        says=(
            "E       assert 1 == 2",
            "Failed asserting that two strings are equal.",
            "     Failure/Error: expect(page).to have_text 'x'",
            "the title: expected:<[a]> but was:<[b]>",
            "#   Failed test 'loads'",
        ),
    ),
    _rule(
        "failed-test",
        Role.HEADING,
        8,
        r"""^\s*+(?:FAIL|ERROR|FAILED):?\s+[\w./:-]*(?:test|spec)\S* | ^_{3,}\ .+\ _{3,}$
            | <<<\ (?:FAILURE|ERROR)! | ^\S.*\ >\ .+\ FAILED\s*$
            | ^\s*+---\ FAIL:\ | ^\s*+not\ ok\ \d+(?!.*\#\ (?:TODO|SKIP)) | ^\s*+●\ \S
            | ^\s*+(?:✗|✘|✕|\u00d7|\u2716)\s*\S | ❌ | ^----\ \S.*\ stdout\ ----
            | ^\[\s+FAILED\s+\]\ \S+\.\S | ^test\ .+\.\.\.\ FAILED | \*\*\*\ ?FAILED | failed\ on\ line\ \d+
            | ^\s*+Failure:\s*$ | ^\s*+Error:\s*$
            | ^\s*+(?:FAIL|✗)\s+\S+\.\w+ | error:\ -\[
            | ^\s{0,4}\d{1,4}\)\ (?:test|Failure|Error|\S+\#|\S+::test)\S* | \[FAIL\]
            | ^(?:FAIL|ERROR)\ in\ \( | :\ .+\ \[E\]\s*$ | ^(?:──|--)\ (?:\d+\.\ )?(?:Failure|Error)\b
            | ^\s*+(?:X|✗)?\s*+Failed\s++\w[\w.+]*+[.(]\w
            | ^\*\ checking\ .*\.\.\.\ (?:ERROR|WARNING) | ^\s*+\(X\)\ | ^would\ reformat\
            | ^(?:FAIL|ERROR):\s[\w.:]+(?:\s\(.*)?$""",
        needs="fail|error|[e]|checking|(x)|reformat|___|not ok|●|✗|✘|✕|\u00d7|❌|✖|stdout ----|) test|#test|::test",
        reason="a test runner names the test that failed",
        says=(
            "FAIL: test_open (tests.test_door.DoorTest)",
            "______________ test_open ______________",
            "test_open(DoorTest)  Time elapsed: 0.02 sec  <<< FAILURE!",
            "DoorTest > opens FAILED",
            "--- FAIL: TestOpen (0.00s)",
            "not ok 6 opens",
            "  ● Door > opens",
            "---- door::opens stdout ----",
            "FAILED tests/test_door.py::test_open - assert 1 == 2",
        ),
    ),
    _rule(
        "numbered-failure",
        Role.HEADING,
        6,
        r"^\s{0,4}[1-9]\d{0,3}\)\ \S",
        needs=") ",
        reason="an entry in a test runner's list of failures",
        says=("  1) Door opens", "1) App\\DoorTest::opens"),
    ),
    _rule(
        "test-summary",
        Role.ECHO,
        4.5,
        r"""^=+\ (?:FAILURES|ERRORS|short\ test\ summary\ info)\ =+
            | Tests\ run:.*(?:Failures|Errors):\ [1-9] | \b[1-9]\d*\ (?:failing|failed|failures?)\b
            | ^There\ (?:was|were)\ \d+\ (?:failure|error)
            | ^\s*+(?:Failures|failures|Failed\ tests|Tests\ in\ error|Failed\ Tests):\s*$
            | The\ following\ tests\ FAILED | ^FAILURES! | ^FAIL\t | \bFAILED\ \((?:failures|errors)=
            | ^Failed\ \d+/\d+
            | ^Results?\ ?:\ FAIL | \btest\ tasks?\ failed | Issues\ :-\(""",
        needs="fail|error|issues",
        reason="a test runner counts its failures",
        says=("Tests run: 12, Failures: 1, Errors: 0, Skipped: 0", "  1 failing", "FAILED (failures=1)"),
    ),
    # --- build tools and package managers -----------------------------------------------------
    _rule(
        "build-tool-cause",
        Role.CAUSE,
        8,
        r"""^\*\ What\ went\ wrong: | Failed\ to\ execute\ goal | ^(?:rake|cap)\ aborted! | ^E:\ \S
            | ^ERROR:\ /\S+:\d+:\d+:
            | Could\ not\ (?:find|resolve|satisfy|determine|load|read|create|open|connect
            |download|fetch|transfer|get|compile|build|install|access|locate)\b
            | ^\s*Problem\ \d+\s*$ | requirements\ could\ not\ be\ resolved
            | No\ matching\ (?:distribution|package|version|manifest)
            | \bfailed\ to\ (?:solve|compute|build|compile|load|open|read|parse|resolve|fetch
            |download|clone|connect|start|create|push|pull|restore|install|get|authenticate)\b
            | ^FAILED:\ | ^fatal:\
            | ^npm\ ERR!\ (?:404|code\ (?!ELIFECYCLE)|notarget|missing|peer|enoent|network|Cannot|Could|Error)
            | \bConflictException|CONFLICT\ \( | fatal:\ \[.*\]:\ (?:FAILED|UNREACHABLE)!
            | ^error:\ (?!aborting|could\ not\ compile|Recipe)\S | ^ERROR:?\ \S
            | ^FATAL:?\ | ^\#\#\[error\](?!Process\ completed|The\ process\ ') | ^::error
            | ^error\ (?!Command)\S | ^Error:\ \S
            | Unsatisfiable|ResolvePackageNotFound | ^\s*make.*No\ rule\ to\ make | is\ not\ a\ member\ of
            | \bcannot\ find\ (?:symbol|package|module)\b
            | flag\ provided\ but\ not\ defined | ^\[error\]\s++\S | Error\ response\ from\ daemon
            | ^ERROR\ in\ \S | ^\s*+Module\ not\ found | ^Syntax\ error\ compiling
            | \bSymbol's\ value\ as\ variable | ^File\ ".+",\ line\ \d+,\ characters
            | ^\s*+\d+\ \|\ ERROR\ +\|""",
        needs=(
            "wrong|failed|aborted|e: |error|could not|problem|requirements|no matching"
            "|fatal|err!|conflict|unsatisf|notfound|no rule|not a member|cannot find|flag"
            " provided|module not|syntax error|symbol's|characters"
        ),
        reason="a tool says what it could not do",
        flags=_ANY_CASE,
        says=(
            "* What went wrong:",
            "fatal: Remote branch x not found in upstream origin",
            "E: Unable to locate package libfoo",
            "ERROR: Could not find a version that satisfies the requirement foo",
            "##[error]Credentials could not be loaded",
            "error: Error while fetching the index",
        ),
    ),
    _rule(
        "build-tool-echo",
        Role.ECHO,
        2.5,
        r"""^\s*+make(?:\[\d+\])?+:\ \*\*\* | ^npm\ ERR! | ^BUILD\ FAIL | ^\[\w+\]\ BUILD\ FAILURE
            | ninja:\ build\ stopped | ^error:\ (?:aborting|could\ not\ compile)
            | recipe\ for\ target | Execution\ failed\ for\ task | ^FAILURE:\ Build\ failed
            | error\ Command\ failed | ELIFECYCLE | ^gmake.*\*\*\*
            | ^\[error\]\s\(.*\)
            | ^\[ERROR\]\s*+(?:\[Help|Re-run|To\ see|For\ more|->|After\ correcting
            |Please\ refer|mvn\ <goals>|$) | Process\ completed\ with\ exit\ code\ [1-9] |
             The\ process\ '.*'\ failed | Configuring\ incomplete | returned\ a\ non-zero\ code""",
        needs="***|err!|build|aborting|compile|recipe|failed|elifecycle|[error|exit code|incomplete|non-zero",
        reason="a build tool passes on that a step failed",
        says=(
            "make: *** [all] Error 2",
            "npm ERR! code ELIFECYCLE",
            "error: aborting due to 2 previous errors",
        ),
    ),
    # --- machine, network, runner -------------------------------------------------------------
    _rule(
        "infrastructure",
        Role.CAUSE,
        9,
        r"""no\ space\ left\ on\ device | disk\ quota\ exceeded
            | connection\ (?:was\ )?(?:refused|reset|timed\ out|closed|aborted|error)
            | could\ ?n[o']t\ resolve\ (?:host|proxy)
            | temporary\ failure\ in\ name\ resolution | name\ or\ service\ not\ known | no\ such\ host
            | network\ is\ unreachable | no\ route\ to\ host
            | tls\ handshake | certificate\ (?:verify\ failed|has\ expired|subject|is\ not)
            | self.signed\ certificate | \bx509: | too\ many\ requests | rate\ limit\ (?:exceeded|reached)
            | (?:http|status|code|error|returned|response|failure)\W{1,4}(?:error\W{1,2}
            |code\W{1,2}|status\W{1,2})?(?:4\d\d|5\d\d)\b | \b(?:50[0234]\ (?:internal|bad|service
            |gateway)|40[134]\ (?:not\ found|forbidden|unauthorized))
            | imagepullbackoff|errimagepull | \boomkilled\b
            | \bkilled\ signal\ terminated\b | out\ of\ memory | cannot\ allocate\ memory
            | gc\ overhead\ limit | java\ heap\ space | ^\s*(?:.*:\s)?killed\s*$ | exit\ code\ 137
            | received\ a\ shutdown\ signal
            | (?:agent|node|slave|executor|worker|runner)\ .*(?:went\ offline|disconnected
            |lost\ communication) | channel\ is\ (?:already\ )?clos
            | has\ timed\ out\ after | exceeded\ the\ (?:maximum|time)\
            | no\ output\ (?:has\ been\ )?received | operation\ was\ cancell?ed | task\ was\ cancell?ed
            | access\ ?denied | permission\ denied
            | authentication\ failed | unauthorized | not\ authorized | \bi/o\ timeout | read\ timed\ out
            | net::\w*timeout | connect\ timeout | timed?\ ?out\ (?:after|waiting|while)
            | (?:exit(?:ed|ing)?|return(?:ed|ing|s)?|status|code|rc)[ :=]+124\b""",
        needs=(
            "space|quota|connection|resolve|name |no such host|unreachable|route|tls"
            "|certificate|x509|too many|rate limit|40|41|42|50|imagepull|oom|memory|heap"
            "|overhead|killed|137|shutdown|offline|disconnected|lost comm|channel|timed out"
            "|timeout|time out|exceeded|no output|cancel|denied|auth|124"
        ),
        reason="the machine, the network or the runner failed",
        flags=_ANY_CASE,
        says=(
            "write /var/lib/x: no space left on device",
            "curl: (6) Could not resolve host: example.com",
            "The runner has received a shutdown signal.",
            "wget: connection refused",
        ),
    ),
    _rule(
        "shell",
        Role.CAUSE,
        8.5,
        r"""(?:command\ )?not\ found\s*$ | :\ command\ not\ found | no\ such\ file\ or\ directory
            | is\ (?:currently\ )?not\ installed | cannot\ open\ shared\ object | is\ not\ recognized\ as
            | syntax\ error\ near | unbound\ variable | bad\ interpreter | argument\ list\ too\ long
            | exec\ format\ error | illegal\ instruction | bus\ error""",
        needs=(
            "not found|no such|installed|cannot open|recognized|syntax|unbound|interpreter"
            "|argument|exec format|illegal|bus"
        ),
        reason="the shell or the loader could not run something",
        flags=_ANY_CASE,
        says=("/bin/sh: 1: foo: not found", "python: can't open file 'x.py': No such file or directory"),
    ),
    _rule(
        "crash",
        Role.CAUSE,
        9,
        r"""segmentation\ fault | core\ dumped | \bsigsegv\b | \bsigabrt\b
            | (?:address|thread|memory|leak|undefinedbehavior)sanitizer | runtime\ error: | stack\ smashing
            | double\ free
            | fatal\ error\ has\ been\ detected | access\ violation | stack\ overflow | \bcrash\ dump\b
            | signal:?\ (?:6|9|11)\b | \bdeadlock\b | ^!!!!+\ """,
        needs=(
            "segmentation|core dumped|sigsegv|sigabrt|sanitizer|runtime error|smashing"
            "|double free|fatal|violation|overflow|crash|signal|deadlock|!!!!"
        ),
        reason="a process crashed",
        flags=_ANY_CASE,
        says=("Segmentation fault (core dumped)", "==1==ERROR: AddressSanitizer: heap-use-after-free"),
    ),
    # --- words --------------------------------------------------------------------------------
    _rule(
        "error-level",
        Role.HINT,
        4.5,
        (
            r"""(?:^|[\s\[<|"=:])(?:ERROR|FATAL|SEVERE|CRITICAL|FAILED|FAILURE|FAIL)(?:[\s\]>|":!]"""
            r"""|$) | \blevel=(?:error|fatal) | "level":\s?"(?:error|fatal)" """
        ),
        needs="error|fatal|severe|critical|fail",
        reason="a log record of level error",
        says=("12:00 ERROR worker: giving up",),
    ),
    _rule(
        "error-word",
        Role.HINT,
        3,
        r"""\berrors?\b(?![\w./-]) | \bfail(?:ed|s|ure|ures|ing)?\b(?![./-]) | \bexception\b | \bfatal\b
            | \bcannot\b | \bcan't\b | \bcould\ ?n[o']t\b | \bunable\ to\b | \bnot\ found\b
            | \bdenied\b | \brefused\b | \binvalid\b | \bunexpected\b | \bundefined\b | \bunknown\b
            | \bmissing\b | \babort(?:ed|ing)\b | \bviolations?\b | \bunsupported\b | \bmismatch\b
            | \bdoes\ ?n[o']t\ (?:exist|match)\b
            | \bnot\ (?:exist|supported|allowed|valid|defined|permitted|match)\b | \billegal\b | \bexceeds?\b
            | \bexited\ with\ [1-9] | \bregression\b""",
        needs=(
            "error|fail|exception|fatal|cannot|can't|could|unable|not |denied|refused"
            "|invalid|unexpected|undefined|unknown|missing|abort|violation|unsupported"
            "|mismatch|n't|illegal|exceed|regression|exited"
        ),
        reason="a word of failure",
        flags=_ANY_CASE,
        says=("something could not be done",),
    ),
    _rule(
        "warning",
        Role.HINT,
        1.2,
        r"\bwarn(?:ing)?s?\b|\bdeprecat|\boverfull\b",
        needs="warn|deprecat|overfull",
        reason="a warning",
        flags=_ANY_CASE,
        says=("warning: unused variable",),
    ),
)

_HARMLESS = re.compile(
    r"""
      # counts of nothing
      \b(?:0|no|zero|without(?:\ any)?+)\ (?:\w+\ ){0,2}
        (?:errors?|failures?|failed|failing|exceptions?|problems?|violations?)\b
    | \b(?:errors?|failures?|failed|fail)\s?[:=]\s?0\b(?!\.)
    | \berrors?\s?[:=]\s?(?:no|none|null|nil|false|undefined|\[\]|"")\b
      # flags
    | -W(?:no-)?+error\S*+ | --?[\w-]*(?:error|fail|exception|abort)[\w-]*+(?:=\S*+)?
      # looking for errors
    | \b(?:grep|egrep|rg|ack)\s[^|;]*+
      # files of that name
    | [\w./-]*(?:error|fail|exception|fatal|abort)[\w-]*+\.(?:[ch]\b|cc|cpp|cxx|hpp|hs\b|o\b|java|class|js|mjs|ts|tsx
        |jsx|py|rb|go|rs|php|md|txt|html|css|json|xml|erl|beam|ex|exs|kt|scala|swift|m\b|svg|png|pod|pm)(?!:\d)
      # what a package manager says before it helps itself
    | \bis\ not\ (?:pre-)?installed\W{1,3}(?:so|installing|downloading)\b.* | \bdelaying\ package\ configuration.*
      # names of things
    | \berror[-_](?:handling|handler|pages?|codes?|messages?|reporting|chain|prone)\w*+
    | \bon[-_]?(?:error|failure)\b | \blib[\w-]*error[\w-]* | \bfail[-_]?(?:fast|safe|over)\b
    | \berrno\b(?!\s*[:=]?\s*[1-9]) | \bset\ [-+]\w*e\w*\b
      # expected, allowed or ignored
    | \b(?:retry|retries|retrying)\ on\ (?:error|failure)\w* | \bthis\ is\ not\ an\ error\b
    | \b(?:continue|continuing|ignored?|ignoring|allow(?:ed)?)\W{1,3}(?:on\ |to\ )?(?:errors?|fail(?:ures?|ed)?)\b
    | \((?:ignored|non-fatal|nonfatal)\) | \bexpected\ (?:error|failure|exception|to\ fail)\w*
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""Texts that hold a word of failure and report none. They are taken out before the rules are asked."""

_PASSING = re.compile(
    r"""^\s*+(?:ok\ \d+ | ok\s{2,} | PASS(?:ED)?\b | ✓ | ✔ | √ | \[\s+OK\s+\] | \[\ RUN\
        | test\ .+\.\.\.\ ok\s*$ | ---\ PASS)
        | \.{2,}\s*+(?:ok|passed|yes|no|done)\s*+$
            | \b(?:PASSED|SKIPPED|ok|XFAIL|xfail)\s*+(?:\[\s*\d+%\]|\([\d.]+\s?m?s\))?\s*+$
        | ^\s*+[+]{1,3}\ ?(?:echo|grep|if|\[\[?|for|while|test|set|export|local|case|printf|eval)\b
            | ^\s*\$\ |^\s*travis_(?:fold|time)
        | ^\s*(?:Compiling|Downloading|Downloaded|Installing|Unpacking|Selecting|Setting\ up
        |Preparing|Building|Get:|Creating|Copying|Linking|adding|inflating)\b[^:!]*$
        | ^\s*(?:checking|--\ (?:Looking|Performing|Check|Found|Could\ NOT))\b
            | ^\s*CC\ |^\s*CXX\ |^\s*(?:[\w.-]*-)?(?:gcc|g\+\+|clang|clang\+\+|cc|c\+\+|javac|ar|ld)\s-
        | ^(?:remote|From|Receiving|Resolving|Counting|Compressing|Updating|Switched|HEAD|Unpacking)\b.*\d+%?""",
    re.VERBOSE,
)
"""Lines of things that went well or are only said to be done: they need a message of their own to count."""

_WRAPPER = re.compile(
    r"""There\ were\ failing\ tests
        | (?:Gradle|TaskExecution|LocationAware|MojoFailure|MojoExecution|BuildFailed
        |BuildFailure|LifecycleExecution|PluginExecution|TestsFailed)(?:Exception|Error)
        | CalledProcessError | \bsubprocess-exited-with-error | tar:\ Exiting\ with\ failure""",
    re.VERBOSE,
)
"""Exceptions and messages of tools about the failure of what they ran."""
_ECHO = next(rule for rule in RULES if rule.name == "build-tool-echo")


_DEMOTED = re.compile(
    (
        r"^\s*+(?:\[?(?:warn(?:ing)?|info|debug|note|notice|verbose|trace)\b|\w*warning:|[*-]\ "
        r"(?!what\ went|exception\ is))|:\d+:(?:\d+:)?\s?warning\b|\bwarning:"
    ),
    re.IGNORECASE,
)
"""Records of a level below error, warnings, and the bullets of change logs."""

_STRONGEST_FIRST = sorted(
    (rule for rule in RULES if rule.role is not Role.ECHO), key=lambda rule: -rule.weight
)
_ECHOES = [rule for rule in RULES if rule.role is Role.ECHO]


def _match(text: str) -> ConsoleRule | None:
    lowered = text.lower()
    for rule in _ECHOES:
        if any(need in lowered for need in rule.needs) and rule.pattern.search(text):
            return rule
    for rule in _STRONGEST_FIRST:
        if (not rule.needs or any(need in lowered for need in rule.needs)) and rule.pattern.search(text):
            return rule
    return None


def judge(line: str) -> tuple[ConsoleRule, float] | None:
    """The strongest rule that speaks for the line, with its weight here; None when the line says nothing."""
    rule = _match(line)
    if rule is None:
        return None
    if _WRAPPER.search(line):
        return (_ECHO, _ECHO.weight)
    if _HARMLESS.search(line):
        rule = _match(_HARMLESS.sub(" ", line))
        if rule is None:
            return None
    if _PASSING.search(line):
        return (rule, rule.weight / 5)
    if _DEMOTED.search(line):
        return (rule, rule.weight / 3)
    return (rule, rule.weight)


_FAILED_STEP = re.compile(
    r"""The\ command\ .*(?:exited\ with\ [1-9]|failed) | Process\ completed\ with\ exit\ code\ [1-9]
        | script\ returned\ exit\ code\ [1-9] | marked\ build\ as\ failure
        | ^(?:ERROR:\ Job\ failed|Finished:\ FAILURE) | ^make(?:\[\d+\])?:\ \*\*\* | ^npm\ ERR!
            | \bexit(?:ed)?\ (?:with\ )?(?:code|status)?:?\s?[1-9]\d{0,2}\b | ^BUILD\ FAILED
        | ^error:\ (?:aborting|could\ not\ compile) | ninja:\ build\ stopped | error\ Command\ failed
            | ^Build\ step\ .*failure | ^\[ERROR\]\ Failed\ to\ execute\ goal | non-zero\ code""",
    re.VERBOSE,
)
_PASSED_STEP = re.compile(
    (
        r"The\ command\ .*exited\ with\ 0\b|exit(?:ed)?\ (?:with\ )?(?:code|status):?\s?0\b"
        r"|^BUILD\ SUCCESS|^\[INFO\]\ BUILD\ SUCCESS"
    ),
    re.VERBOSE,
)


def step_end(line: str) -> bool | None:
    """Whether the line ends a step: True when it passed, False when it failed, None when it ends none."""
    if _FAILED_STEP.search(line):
        return False
    if _PASSED_STEP.search(line):
        return True
    return None
