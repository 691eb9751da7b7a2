"""Reading stack traces: which exceptions were thrown, through which frames, and whose frames those are.

Traces of Python (plain and pytest's), Java and Kotlin, JavaScript and TypeScript, Go, C#, Rust, Ruby, PHP and
C++ (sanitizers, googletest) are read line by line with a handful of expressions. An unknown format gives an
empty `Stack`, never an error. Pure: text in, frozen objects out.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Frame:
    """One call in a trace."""

    file: str
    """As the trace spells it: a path, or only a file name (Java). Empty when unknown."""
    line: int | None
    function: str
    """Qualified as far as the trace says, for example `org.acme.Cart.add`. May be empty."""
    text: str
    """The trace's own line, stripped."""


@dataclass(frozen=True, slots=True)
class Thrown:
    """One exception with the frames it was thrown through, deepest (where it was raised) first."""

    type: str
    """As the trace spells it, qualified or not; empty when the trace names none."""
    message: str
    """First line only."""
    text: str
    """The line of the trace that names it, stripped; empty when there is none."""
    frames: tuple[Frame, ...]

    @property
    def simple_type(self) -> str:
        """The type without its package or module."""
        return re.split(r"[.:$\\/]", self.type)[-1]


@dataclass(frozen=True, slots=True)
class Stack:
    """All exceptions of one trace: what the test saw first, the root cause last. Empty when none was read."""

    thrown: tuple[Thrown, ...] = ()

    @property
    def root(self) -> Thrown | None:
        """The innermost cause, the one that explains the others."""
        return self.thrown[-1] if self.thrown else None

    @property
    def has_frames(self) -> bool:
        """Whether any call was read at all."""
        return any(thrown.frames for thrown in self.thrown)


# --- reading frames ------------------------------------------------------------------------------

_PYTHON = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_JAVA = re.compile(
    r"at (?:[\w.@-]+/{1,2})*(?P<function>[\w.$<>]+\.[\w$<>-]+)"
    r"\((?P<file>[\w$-]+\.\w+)?(?::(?P<line>\d+))?[^()]*\)"
)
_CSHARP = re.compile(r"at (?P<function>[^()]+)\([^)]*\)(?: in (?P<file>.+?):line (?P<line>\d+))?$")
_SCRIPT_NAMED = re.compile(
    r"at (?:async )?(?P<function>.+?) \((?P<file>(?:file://|webpack://)?[^()]+?):(?P<line>\d+):\d+\)$"
)
_SCRIPT_BARE = re.compile(r"at (?:async )?(?P<file>(?:file://)?[^\s()]+?\.\w+):(?P<line>\d+)(?::\d+)?$")
_PHP = re.compile(r"#\d+ (?P<file>[^()]+\.php)\((?P<line>\d+)\): (?P<function>[^(]+)")
_NATIVE = re.compile(r"#\d+ +0x[0-9a-f]+ in (?P<function>.+?) (?P<file>\S+?):(?P<line>\d+)(?::\d+)?$")
_GDB = re.compile(
    r"#\d+ +(?:0x[0-9a-f]+ in )?(?P<function>[^\s(][^(]*) \(.*\) at (?P<file>[^\s:]+):(?P<line>\d+)$"
)
_BROWSER = re.compile(
    r"(?P<function>[\w.$<>/\[\]*]*)@(?P<file>(?:https?://|file://|/)[^\s@]+?):(?P<line>\d+):\d+$"
)
"""Frames of Firefox and Safari."""
_COLOURS = re.compile(r"\x1b\[[0-9;?]{0,20}[A-Za-z]")
_RSPEC = re.compile(r"# (?P<file>\S+\.rb):(?P<line>\d+)(?::in [`'](?P<function>[^']+)')?")
_PANICKED = re.compile(r"panicked at (?:'.*', )?(?P<file>[^\s:']+\.rs):(?P<line>\d+)(?::\d+)?")
_LOCATED = re.compile(
    r"(?:from |Error Trace:\s*|\u276f )?"
    r"(?P<file>(?:[A-Za-z]:)?[\w./\\@~+-]+\.[A-Za-z]{1,6}):(?P<line>\d+)(?P<rest>.*)$"
)
_LOCATED_FUNCTION = re.compile(r":in [`'](?P<ruby>[^']+)'|: in (?P<pytest>[\w.<>]+)$")
_GO_CALL = re.compile(r"(?P<function>(?:[\w.-]+/)*[\w-]+\.[\w.()*\[\]-]+)\(.*\)$")

_SOURCE_SUFFIXES = frozenset(
    (
        "py", "pyx", "java", "kt", "kts", "scala", "groovy", "js", "jsx", "mjs", "cjs", "ts", "tsx",
        "vue", "go", "cs", "fs", "vb", "rs", "rb", "php", "c", "cc", "cpp", "cxx", "h", "hpp",
        "swift", "ex", "exs", "feature", "robot", "lua", "pl", "dart",
    )
)  # fmt: skip


def _made(match: re.Match[str], text: str) -> Frame:
    parts = match.groupdict()
    line = parts.get("line")
    return Frame(
        file=parts.get("file") or "",
        line=int(line) if line and len(line) < _LINE_DIGITS else None,
        function=(parts.get("function") or "").strip(),
        text=text,
    )


_LINE_DIGITS = 9
"""No source file has a line number of more digits; longer ones are other numbers."""


def _located(text: str) -> Frame | None:
    """A line that starts with `path:line`: Ruby, Go, pytest's short style, googletest, PHPUnit."""
    match = _LOCATED.match(text)
    if match is None or match["file"].rpartition(".")[2] not in _SOURCE_SUFFIXES:
        return None
    frame = _made(match, text)
    named = _LOCATED_FUNCTION.match(match["rest"])
    if named is None:
        return frame
    return Frame(frame.file, frame.line, named["ruby"] or named["pytest"] or "", text)


_AT = (_JAVA, _SCRIPT_NAMED, _SCRIPT_BARE, _CSHARP)


@lru_cache(maxsize=4096)
def read_frame(line: str) -> Frame | None:
    """Read one line of a trace as a call, or None when it is something else.

    Remembered by line: the failures of a build have most of their frames in common.
    """
    text = line.strip()
    if text.startswith("at "):
        patterns: tuple[re.Pattern[str], ...] = _AT if ":line " not in text else (_CSHARP,)
    elif text.startswith('File "'):
        patterns = (_PYTHON,)
    elif text.startswith("#"):
        patterns = (_PHP, _GDB, _NATIVE, _RSPEC)
    elif "panicked at" in text:
        panicked = _PANICKED.search(text)
        return _made(panicked, text) if panicked else None
    elif "@" in text and (browser := _BROWSER.match(text)) is not None:
        return _made(browser, text)
    else:
        return _located(text) if ":" in text and len(text) < _FRAME_LENGTH else None
    for pattern in patterns:
        match = pattern.match(text)
        if match is not None:
            return _made(match, text)
    return None


_FRAME_LENGTH = 1_000
"""Characters. Longer lines are data, not calls."""

# --- reading exceptions --------------------------------------------------------------------------

_TYPE = r"(?:[A-Za-z_][\w$]*(?:\.|::|\\))*[A-Z][\w$]*"
_THROWN = re.compile(
    rf"(?:E +)?(?:(?:Uncaught|Unhandled exception\.|Caused by:|---> |Exception in thread \"[^\"]*\"|"
    rf"\[?(?:ERROR|FATAL)\]?:?|Failure/Error:|\*\*\*?) *)*\(?(?P<type>{_TYPE})\)? ?(?::|$) ?(?P<message>.*)"
)
_TYPE_ENDINGS = (
    "Error", "Exception", "Failure", "Failed", "Timeout", "Interrupt", "Exit", "Fault", "Refused",
    "Mismatch", "NotFound", "Expired",
)  # fmt: skip
_PLAIN_WORDS = frozenset(("Failed", "Failure", "Timeout", "Exit", "Fault", "Refused", "NotFound", "Expired"))
"""Endings that are no type alone; `Error` and `Exception` are."""
_LOWER_TYPE = re.compile(rf"(?P<type>{_TYPE}|[a-z_][\w.]*\.[A-Za-z_]\w*)(?::|$) ?(?P<message>.*)")
_CHAINED_PYTHON = ("The above exception was the direct cause", "During handling of the above exception")
_PANIC = re.compile(r"(?:panic|fatal error): (?P<message>.+)")


def read_thrown(line: str) -> tuple[str, str] | None:
    """Type and message when the line names an exception the way traces do, else None."""
    text = line.strip()
    match = _THROWN.match(text)
    if match is not None and match["type"].endswith(_TYPE_ENDINGS) and match["type"] not in _PLAIN_WORDS:
        return match["type"], match["message"].strip()
    match = _PANIC.match(text)
    if match is not None:
        return "panic", match["message"].strip()
    return None


_GROUP_MARGIN = re.compile(r"^ *(?:[|+] ?)+", re.MULTILINE)
"""What Python draws beside the members of an exception group."""


def read_stack(text: str) -> Stack:
    """Read a whole trace. The order of `Stack.thrown` and of their frames does not depend on the language."""
    if "\x1b" in text:
        text = _COLOURS.sub("", text)
    if "Exception Group Traceback" in text:
        text = _GROUP_MARGIN.sub("", text)
    lines = text.splitlines()
    if 'File "' in text or _is_pytest(text):
        return Stack(_python_thrown(lines))
    return Stack(_header_first_thrown(lines))


def _is_pytest(text: str) -> bool:
    return ".py:" in text and ("\nE  " in text or text.startswith("E  ") or ": in " in text)


class _Block:
    """One exception while its lines are being read."""

    def __init__(self) -> None:
        self.type = ""
        self.message = ""
        self.text = ""
        self.frames: list[Frame] = []

    def name(self, thrown: tuple[str, str], text: str) -> None:
        self.type, self.message = thrown
        self.text = text.strip()

    def finish(self, *, oldest_first: bool) -> Thrown:
        frames = reversed(self.frames) if oldest_first else self.frames
        return Thrown(self.type, self.message, self.text, tuple(frames))

    @property
    def is_empty(self) -> bool:
        return not self.frames and not self.type


def _header_first_thrown(lines: Iterable[str]) -> tuple[Thrown, ...]:
    """Languages that print the exception, then its calls, deepest first; causes follow."""
    blocks = [_Block()]
    current = 0
    go_call = ""
    for line in lines:
        frame = read_frame(line)
        if frame is not None:
            if go_call and not frame.function:
                frame = Frame(frame.file, frame.line, go_call, frame.text)
            go_call = ""
            blocks[current].frames.append(frame)
            if "panicked at" in line and not blocks[current].type:
                blocks[current].name(("panic", _panic_message(line)), line)
            continue
        call = _GO_CALL.match(line) if line[:1].isalpha() and line.endswith(")") else None
        go_call = call["function"] if call else ""
        if _END_OF_INNER in line:
            current = max(current - 1, 0)
            continue
        # C# writes `outer ---> inner` on one line or two, then the calls of the inner one.
        for part in line.split(" ---> ") if "--->" in line else (line,):
            thrown = read_thrown(part)
            if thrown is None:
                continue
            if blocks[current].is_empty:
                blocks[current].name(thrown, part)
            elif part is not line or line.lstrip().startswith(("Caused by", "--->")):
                blocks.append(_Block())
                current = len(blocks) - 1
                blocks[current].name(thrown, part)
    return tuple(block.finish(oldest_first=False) for block in blocks if not block.is_empty)


_END_OF_INNER = "--- End of inner exception stack trace"


def _panic_message(line: str) -> str:
    quoted = re.search(r"panicked at '(.*)', ", line)
    return quoted[1] if quoted else ""


def _python_thrown(lines: list[str]) -> tuple[Thrown, ...]:
    """Python prints calls oldest first, then the exception; the cause comes before what it caused."""
    chain: list[_Block] = [_Block()]
    for line in lines:
        text = line.strip()
        block = chain[-1]
        if text.startswith(_CHAINED_PYTHON):
            chain.append(_Block())
            continue
        if text.startswith("Traceback (most recent call last)") and block.type and block.frames:
            break  # An unrelated trace, for example from captured output: the first one is the test's.
        frame = read_frame(line)
        if frame is not None:
            block.frames.append(frame)
            _name_from_location(block, text)
            continue
        thrown = _python_exception(line, inside=bool(block.frames))
        if thrown is not None and not block.type:
            block.name(thrown, line)
    done = [block.finish(oldest_first=True) for block in chain if not block.is_empty]
    return tuple(reversed(done))


def _python_exception(line: str, *, inside: bool) -> tuple[str, str] | None:
    if line.startswith("E  ") or not line[:1].isspace():
        named = read_thrown(line)
        if named is not None:
            return named
        if inside and not line[:1].isspace():
            match = _LOWER_TYPE.match(line)
            return (match["type"], match["message"].strip()) if match else None
    return None


def _name_from_location(block: _Block, text: str) -> None:
    """Pytest ends a failing function with `path:line: ExceptionType`."""
    ending = text.rpartition(": ")[2]
    if not block.type and ending.endswith(_TYPE_ENDINGS) and ending.isidentifier():
        block.name((ending, ""), text)


# --- whose frames --------------------------------------------------------------------------------


class FrameKind(Enum):
    """Whose code a frame stands in."""

    TEST = "test"
    PRODUCT = "product"
    LIBRARY = "library"
    RUNNER = "runner"


_TEST_FILE = re.compile(
    r"(?:^|[/\\])(?:tests?|specs?|__tests__|e2e|testing|integration[_-]tests?|unit[_-]tests?|src[/\\]\w*[tT]est)[/\\]"
    r"|(?:^|[/\\])(?:test_[\w-]*|[\w-]+_(?:test|tests|spec)|conftest)\.?\w*$"
    r"|[.-](?:test|spec|cy|e2e)\.\w+$"
    r"|\.Tests?[/\\]"
    r"|(?:Tests?|Spec|Specs|IT|ITCase|TestCase|TestBase)\.(?:java|kt|scala|groovy|cs|php|swift|ts|js)$"
    r"|\.(?:feature|robot)$"
)
_TEST_CLASS = re.compile(r"(?:^|[.$])(?:Test[A-Z]\w*|\w*Tests?|\w+(?:Spec|IT|ITCase|TestCase))(?:[.$]|$)")
_TEST_MODULE = re.compile(r"(?:^|::)tests?::")
_RUNNER_FUNCTION = (
    "org.junit.", "junit.", "org.testng.", "sun.reflect.", "jdk.internal.reflect.",
    "java.lang.reflect.", "org.apache.maven.surefire.", "org.apache.tools.ant.", "org.gradle.",
    "worker.org.gradle.", "com.intellij.", "testing.tRunner", "NUnit.", "Xunit.",
    "Microsoft.VisualStudio.TestPlatform.", "PHPUnit\\", "io.kotest.", "org.spockframework.",
    "org.scalatest.", "org.hamcrest.", "org.assertj.", "org.mockito.", "kotlin.test.",
    "com.google.common.truth.", "Shouldly.", "FluentAssertions.", "github.com/stretchr/testify",
    "Mocha.", "test::", "core::ops::function",
)  # fmt: skip
_RUNNER_FILE = re.compile(
    r"(?:^|[/\\])(?:_pytest|pluggy|unittest2?|nose2?|testtools|fixtures|mocha|jest[\w-]*|vitest|jasmine[\w-]*|karma|"
    r"rspec-\w+[\d.-]*|minitest[\d.-]*|phpunit|@playwright|@jest|@vitest|chai|cypress|testify|pytest[\w-]*|"
    r"ex_unit)(?:[/\\]|\.py$)"
    r"|[/\\]src[/\\]testing[/\\]testing\.go$|__cypress/runner"
)
_LIBRARY_FUNCTION = (
    "java.", "javax.", "jdk.", "sun.", "com.sun.", "kotlin.", "kotlinx.", "scala.", "groovy.",
    "jakarta.", "System.", "Microsoft.", "std::", "core::", "alloc::", "tokio::",
    "rust_begin_unwind", "__rust", "runtime.", "reflect.", "org.springframework.", "org.hibernate.",
    "com.google.common.", "io.netty.", "okhttp3.", "retrofit2.", "reactor.", "org.openqa.selenium.",
    "com.fasterxml.", "org.eclipse.jetty.", "org.apache.http.", "org.apache.catalina.",
    "com.mysql.", "org.postgresql.", "com.zaxxer.hikari.", "io.restassured.",
    "org.codehaus.groovy.", "feign.", "net.bytebuddy.", "org.slf4j.", "ch.qos.logback.", "panic(",
)  # fmt: skip
_LIBRARY_FILE = re.compile(
    r"(?:^|[/\\])(?:site-packages|dist-packages|node_modules|vendor|gems|\.cargo|rustc|pkg[/\\]mod|\.m2|\.nuget)[/\\]"
    r"|[/\\]lib(?:64)?[/\\]python\d|^node:|^internal[/\\]|[/\\]go[\d.]*[/\\]src[/\\](?:runtime|net|testing|reflect|sync)[/\\]"
    r"|^<frozen |/usr/lib/ruby|^\[native|^native$"
)


_SCRIPT_BUILT_IN = " (<anonymous>)"
"""What JavaScript writes behind its own functions: `at new Promise (<anonymous>)`."""


@dataclass(frozen=True, slots=True)
class KnownTest:
    """What is known of the failing test apart from its trace; any of it may be empty."""

    name: str = ""
    class_name: str = ""
    file: str = ""

    @property
    def package(self) -> str:
        """The first names of the test's package that its project's own code shares; empty when too short."""
        parts = (self.class_name or self.name).split(".")
        package = [part for part in parts[:-1] if part[:1].islower()]
        return ".".join(package[:_OWN_PACKAGE_DEPTH]) + "." if len(package) >= _OWN_PACKAGE_MIN else ""


_OWN_PACKAGE_DEPTH = 3
"""`org.apache.commons` tells projects apart where `org.apache` would not."""
_OWN_PACKAGE_MIN = 2


def frame_kind(frame: Frame, test: KnownTest) -> FrameKind:
    """Tell whose code a frame stands in, by its path and its function's name."""
    if _is_of_test(frame, test):
        return FrameKind.TEST
    function, file = frame.function, frame.file
    if frame.text.endswith(_SCRIPT_BUILT_IN):
        return FrameKind.LIBRARY
    if function.startswith(_RUNNER_FUNCTION) or _RUNNER_FILE.search(file):
        return FrameKind.RUNNER
    if test.package and function.startswith(test.package):
        return FrameKind.TEST if _looks_like_test(frame) else FrameKind.PRODUCT
    if function.startswith(_LIBRARY_FUNCTION) or _LIBRARY_FILE.search(file):
        return FrameKind.LIBRARY
    return FrameKind.TEST if _looks_like_test(frame) else FrameKind.PRODUCT


def _is_of_test(frame: Frame, test: KnownTest) -> bool:
    if _is_of_class(frame, test.class_name) or _is_of_module(frame, test.class_name):
        return True
    return bool(test.file and frame.file and _same_file(frame.file, test.file))


_NO_CLASS_OWNER = frozenset(("go", "js", "jsx", "mjs", "cjs", "ts", "tsx", "vue", "rs"))
"""Suffixes of files in whose reports a class name is a package or a title: `acme/shop/cart` is where the product's
files are, too, and a `describe("Cart")` is called like the class it is about."""


def _is_of_class(frame: Frame, class_name: str) -> bool:
    """Whether the call is a method of that very class or of one nested in it, and not of one in that package."""
    if not class_name or frame.file.rpartition(".")[2] in _NO_CLASS_OWNER:
        return False
    if not frame.function.startswith(class_name):
        return False
    rest = frame.function[len(class_name) :]
    return rest.startswith(("$", "+", ".<")) or (rest.startswith(".") and "." not in rest[1:])


def _is_of_module(frame: Frame, class_name: str) -> bool:
    """Whether the file is the Python module that pytest or unittest calls a class, perhaps with a class in it."""
    if not class_name or not frame.file.endswith(".py"):
        return False
    module = frame.file.removesuffix(".py").removeprefix("./").replace("\\", "/").replace("/", ".")
    parts = class_name.split(".")
    while len(parts) > 1 and parts[-1][:1].isupper():
        parts.pop()
    name = ".".join(parts)
    return module == name or (len(parts) > 1 and module.endswith("." + name))


def _same_file(one: str, other: str) -> bool:
    """Whether two paths may name one file: the shorter is the end of the longer."""
    one, other = one.replace("\\", "/"), other.replace("\\", "/")
    shorter, longer = sorted((one, other), key=len)
    return longer == shorter or longer.endswith("/" + shorter.removeprefix("./"))


def _looks_like_test(frame: Frame) -> bool:
    if _TEST_FILE.search(frame.file):
        return True
    if _TEST_MODULE.search(frame.function):
        return True
    owner = frame.function.rpartition(".")[0]
    return bool(owner and _TEST_CLASS.search(owner))
