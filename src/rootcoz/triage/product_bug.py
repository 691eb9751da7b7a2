"""Rules for failures that the product under test caused: crashes, server errors, corrupt data, locks."""

from rootcoz.domain.finding import Classification, Severity
from rootcoz.triage.rule import Rule, Weight, any_of

_PRODUCT = Classification.PRODUCT_BUG

RULES: tuple[Rule, ...] = (
    Rule(
        name="server-error",
        classification=_PRODUCT,
        weight=Weight.FAIR,
        hints=("500", "internal server error", "internalservererror"),
        pattern=any_of(
            r"\b500\b.{0,10}internal server error|internal ?server ?error",
            r"(?:http|status)(?: ?error| ?code| status| response)*[ :=/]+(?:1\.1 )?500\b",
            r"\((?:http )?500\)|<response \[500\]>",
            r"(?:expected|to (?:be|equal)).{0,40}\b20\d\b.{0,60}\b500\b|\b500\b (?:!=|==) 20\d\b",
            r"\b20\d\b (?:!=|==) 500\b",
        ),
        reason="the product answered a request with an internal server error",
        advice="Look for the exception behind this request in the product's own log.",
        examples=(
            "HTTP Error 500: Internal Server Error",
            "AssertionError: 500 != 200",
            "expected status 200 but got 500",
        ),
        counter_examples=("expected 500 items",),
    ),
    Rule(
        name="process-crash",
        classification=_PRODUCT,
        weight=Weight.STRONG,
        severity=Severity.CRITICAL,
        hints=(
            "segmentation",
            "segfault",
            "sigsegv",
            "sigabrt",
            "sigbus",
            "sigill",
            "sigfpe",
            "core",
            "signal ",
            "access violation",
            "0xc0000005",
            "sanitizer: ",
            "kernel panic",
            "double free",
            "heap corr",
        ),
        pattern=any_of(
            r"segmentation fault|\bsegfault\b|(?<!\[signal )\bSIG(?:SEGV|ABRT|BUS|ILL|FPE)\b",
            r"core dumped|dumped core",
            r"(?:terminated|killed|died|crashed)\b.{0,30}\bsignal (?:4|6|7|8|11)\b",
            r"access violation|0xc0000005",
            r"\b(?:Address|Thread|Memory|Leak|UndefinedBehavior)Sanitizer: ",
            r"kernel panic|double free or corruption|heap corruption",
        ),
        reason="a process of the product crashed",
        advice="Get the core dump or the crash's trace and hand it to the developers of that component.",
        reads_output=True,
        examples=(
            "Segmentation fault (core dumped)",
            "Process 17 terminated abnormally with signal 6/ABRT",
        ),
        counter_examples=("the signal was strong", "the core of the matter"),
    ),
    Rule(
        name="go-panic",
        classification=_PRODUCT,
        weight=Weight.WEAK,
        hints=("panic: ", "fatal error: "),
        pattern=any_of(
            r"^panic: (?!test timed out)", r"^fatal error: (?:all goroutines|concurrent map|runtime|stack)"
        ),
        reason="a Go program stopped in a panic",
        advice=(
            "Read the first goroutine of the trace from the top: the first call outside the runtime "
            "is the place."
        ),
        examples=(
            "panic: runtime error: invalid memory address or nil pointer dereference",
            "fatal error: all goroutines are asleep - deadlock!",
        ),
        counter_examples=(
            "panic: test timed out after 10m0s",
            "fatal error: acme.h: No such file or directory",
        ),
    ),
    Rule(
        name="null-dereference",
        classification=_PRODUCT,
        weight=Weight.HINT,
        hints=(
            "nullpointer",
            "nullreference",
            "nonetype",
            "nil pointer",
            "of undefined",
            "of null",
            "for nil",
        ),
        pattern=any_of(
            r"\bNullPointerException\b|\bNullReferenceException\b|nil pointer dereference",
            r"'NoneType' object (?:has no attribute|is not|does not)",
            r"cannot read propert(?:y|ies) .{0,40}of (?:undefined|null)",
            r"undefined method .{1,60} for nil",
        ),
        reason="code met an empty value where it needs one",
        advice="Find out which value was missing and who should have set it.",
        examples=("java.lang.NullPointerException", "TypeError: 'NoneType' object has no attribute 'id'"),
        counter_examples=("the pointer is null-safe",),
    ),
    Rule(
        name="deadlock",
        classification=_PRODUCT,
        weight=Weight.FAIR,
        hints=(
            "deadlock",
            "dead lock",
            "lock wait",
            "lock timeout",
            "cannot acquire",
            "rollback",
            "serialize",
            "is locked",
            "asleep",
        ),
        pattern=any_of(
            r"dead ?lock",
            r"lock wait timeout exceeded|lock timeout|cannot acquire .{0,30}lock",
            r"transaction ?rollback ?error|could not serialize access",
            r"database is locked|is locked by ",
            r"all goroutines are asleep",
        ),
        reason="work of the product blocked itself: a deadlock or a lock that was not given back",
        advice="Find the two sides that hold each other up; the product should order its locks or retry.",
        examples=(
            "(1213, 'Deadlock found when trying to get lock')",
            "fatal error: all goroutines are asleep - deadlock!",
        ),
        counter_examples=("the door is locked",),
    ),
    Rule(
        name="data-corruption",
        classification=_PRODUCT,
        weight=Weight.FAIR,
        severity=Severity.CRITICAL,
        hints=("corrupt", "integrityerror", "duplicate ", "constraint", "data loss", "inconsistent"),
        pattern=any_of(
            r"(?:data|index|table|file|database|block|page)\b.{0,20}\b(?:is |was )?corrupt(?:ed|ion)?\b",
            r"\bIntegrityError\b|violates (?:foreign key|unique|not-null|check) constraint",
            r"duplicate (?:entry|key value)",
            r"data loss|inconsistent (?:state|data)",
        ),
        reason="the product stored or read inconsistent data",
        advice="Keep the data as it is and find the write that broke it.",
        examples=('ERROR: duplicate key value violates unique constraint "cart_pkey"', "index is corrupted"),
        counter_examples=("corrupt officials",),
    ),
    Rule(
        name="memory-leak",
        classification=_PRODUCT,
        weight=Weight.FAIR,
        hints=("leak", "outofmemoryerror", "heap out of memory", "heap space"),
        pattern=any_of(
            r"(?:memory|resource|connection|goroutine|handle)s? leak|leaked \d+|leak detected",
            r"\bOutOfMemoryError\b|java heap space|gc overhead limit",
            r"javascript heap out of memory",
        ),
        reason="memory or another resource ran out inside the process",
        advice="Compare memory over the run with an earlier build, and take a heap dump at the peak.",
        examples=("java.lang.OutOfMemoryError: Java heap space", "goroutine leak detected"),
        counter_examples=("a leak in the roof",),
    ),
    Rule(
        name="denied-by-policy",
        classification=_PRODUCT,
        weight=Weight.FAIR,
        severity=Severity.MEDIUM,
        hints=("apparmor", "avc:", "selinux"),
        pattern=any_of(r'apparmor="denied"', r"avc:\s+denied", r"selinux .{0,40}(?:denied|prevent)"),
        reason="the system's security policy denied something that a shipped program needs",
        advice="Report it to the owner of the program or of its policy, with the denied operation.",
        examples=('apparmor="DENIED" operation="open" profile="shop"', "avc:  denied  { read }"),
        counter_examples=("access was denied by the shop",),
    ),
    Rule(
        name="awaited-state-never-reached",
        classification=_PRODUCT,
        weight=Weight.WEAK,
        severity=Severity.MEDIUM,
        hints=(
            "wait",
            "timeout",
            "timed out",
            "in time",
            "required time",
            "within",
            "tobe",
            "tohave",
            "condition",
        ),
        pattern=any_of(
            # The last call that a trace shows before the time was over is one that waits, whatever it is called.
            r"\bwait\w{0,40}\([^\n]{0,300}(?:\n[^\n]{0,300}){0,4}\n[^\n]{0,80}\b(?:timeout|timed out)",
            r"\bwait\w{0,40}\([^\n]{0,300}\b(?:timeout|timed out)\b(?!=)",
            (
                r"(?:failed to|did not|not) (?:reach|become|get|enter).{0,80}(?:within|in time|"
                r"state|required time|in the)"
            ),
            r"was not \w+ in time",
            r"timeout waiting for|timed out waiting for (?!privilege|container)",
            r"expect(?:ed)?\(.{0,80}\)\.(?:tobevisible|tohavetext|tobeenabled|tohavecount)",
            r"conditiontimeoutexception|condition .{0,60}(?:was )?not (?:fulfilled|met) within",
            r"timed out waiting for a (?:reply|response)|exceeded timeout(?! of \d+ ?ms for a)",
        ),
        reason="the product never reached the state that the test waited for",
        advice=(
            "See in the product's log what it was doing while the test waited; then decide between "
            "slow and broken."
        ),
        examples=(
            "Timed out waiting for server to become ACTIVE",
            "ConditionTimeoutException: Condition was not fulfilled within 10 seconds",
        ),
        counter_examples=("wait a minute", "Timeout (12s) waiting for privilege escalation prompt"),
    ),
    Rule(
        name="product-error-reported",
        classification=_PRODUCT,
        weight=Weight.HINT,
        severity=Severity.MEDIUM,
        hints=(
            "fail",
            "error",
            "exception",
            "could not",
            "cannot",
            "unable",
            "conflict",
            "not found",
            "in use",
            "invalid",
            "already",
            "required",
        ),
        pattern=any_of(
            (
                r"\b(?!Assertion|Mismatch|Comparison|Import|ModuleNotFound|Syntax|Name|"
                r"Reference)[A-Z][a-z]\w+(?:Error|Exception|NotFound|Conflict|InUse|Invalid|"
                r"Timeout)\b: "
            ),
            r"\b(?:failed to|could ?n[o']t|cannot|unable to) (?:\w+ ){0,2}[\w']+",
            r"unexpected (?:error|exception|\w+error)",
            r"already (?:exists|has)|in use\b|invalid argument|could not be found",
            # What was done is a noun that a verb became, in -tion, -ment, -al or -ing, or one of the plain ones.
            r"\b(?!assert|compila|connec|authentica|resolu)(?:\w{2,20}(?:tion|ment|[ie]val|posal|ing)"
            r"|request|update|upload|upgrade|operation|query|job|backup|build|call|check|copy|command)\b"
            r"[^\n]{0,20}\bfail(?:ed|s|ure)?\b",
            # What reports and checks write behind the name of what did not pass.
            r"(?-i:\bFAIL(?:ED|URE)?)[.!]?[ \t]*$",
            r"exited with error code|returned [1-9]\d* instead of",
        ),
        reason="the product itself reported that an operation failed",
        advice="Follow the message to the operation in the product's log.",
        examples=(
            "Volume deletion failed, volume in use",
            "QuotaExceededError: no more carts",
            "Unexpected error while running command",
        ),
        counter_examples=("all is well",),
    ),
)
