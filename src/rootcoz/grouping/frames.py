"""Stack frames of eight languages: which function a line names, and whose code it is.

Enters: one line of a stack trace. Leaves: what the line is (`LineKind`) and, for a frame, a key that survives edits
above it: the function and the end of the file's path, never the line number.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum

FRAME_LIMIT = 1_000
"""Characters of the longest line that is looked at as a frame."""


class LineKind(StrEnum):
    """What a line of a trace is."""

    TEXT = "text"
    """An exception's type and message, or anything that is no frame."""
    OWN = "own frame"
    LIBRARY = "library frame"
    RUNNER = "runner frame"
    """The test runner's or the interpreter's way of calling the test."""
    DECORATION = "decoration"
    """Says nothing about the error: `... 23 more`, rulers, frames without a symbol."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One frame line. Compared by identity, which is all that readers of many lines have time for."""

    key: str
    kind: LineKind
    innermost_last: bool = False
    """Whether traces of this language end (Python) or start (all others) where the error was raised."""

    code: str = field(init=False)
    """One letter: the first of its kind, as a capital when the trace ends where the error was raised."""

    def __post_init__(self) -> None:
        """Work out the code, which readers of many lines ask for again and again."""
        letter = self.kind.value[0]
        object.__setattr__(self, "code", letter.upper() if self.innermost_last else letter)


TEXT = Frame("", LineKind.TEXT)
"""What a line holds that is no frame, for those who keep frames by line."""

_RUNNER_FUNCTIONS = (
    "org.junit.", "junit.", "org.testng.", "org.apache.maven.", "org.gradle.", "org.spockframework.runtime.",
    "jdk.internal.reflect.", "sun.reflect.", "java.lang.reflect.",
    "com.intellij.rt.", "org.eclipse.jdt.internal.", "org.apache.tools.ant.", "io.kotest.", "org.scalatest.",
    "NUnit.", "Xunit.", "xunit.", "Microsoft.VisualStudio.TestPlatform.", "Microsoft.VisualStudio.TestTools.",
    "System.Runtime.CompilerServices.", "System.Runtime.ExceptionServices.", "System.RuntimeMethodHandle.",
    "System.Reflection.", "testing.", "runtime.", "PHPUnit\\", "test::run", "test::__rust_begin_short_backtrace",
    "core::ops::function::", "std::rt::", "std::panicking::", "core::panicking::", "rust_begin_unwind",
    "std::sys::", "std::panic::", "__libc_start", "_start",
)  # fmt: skip
_LIBRARY_FUNCTIONS = (
    "java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.", "kotlin.", "kotlinx.", "scala.", "groovy.", "clojure.",
    "org.codehaus.groovy.", "org.apache.groovy.", "org.springframework.", "org.hibernate.", "org.mockito.",
    "org.assertj.", "org.hamcrest.", "org.opentest4j.", "io.netty.", "com.google.common.", "reactor.", "okhttp3.",
    "org.apache.http.", "org.openqa.selenium.", "System.", "Microsoft.", "FluentAssertions.", "core::",
    "std::", "alloc::",
    "tokio::", "github.com/stretchr/", "github.com/onsi/",
)  # fmt: skip
_RUNNER_PATHS = (
    "/_pytest/", "/pluggy/", "/unittest/", "/pytest_", "/nose/", "<frozen runpy>", "/runpy.py",
    "/concurrent/futures/",
    "/threading.py", "/node_modules/mocha/", "/node_modules/jest", "/node_modules/@jest/", "/node_modules/vitest/",
    "/node_modules/@vitest/", "/node_modules/playwright", "/node_modules/@playwright/",
    "/node_modules/jasmine", "node:internal/",
    "internal/process/", "internal/modules/", "/gems/rspec", "/gems/minitest", "/bin/rspec", "/phpunit/",
    "/src/testing/",
    "/src/runtime/", "/importlib/",
)  # fmt: skip
_LIBRARY_PATHS = (
    "/site-packages/", "/dist-packages/", "/lib/python", "/Lib/", "<frozen ", "/node_modules/", "node:",
    "/gems/", "/lib/ruby/",
    "/vendor/", "/pkg/mod/", "/usr/local/go/src/", "/rustc/", "/.cargo/registry/", "/usr/lib/", "<anonymous>",
)  # fmt: skip


def _kind_of_function(name: str) -> LineKind:
    if name.startswith(_RUNNER_FUNCTIONS):
        return LineKind.RUNNER
    return LineKind.LIBRARY if name.startswith(_LIBRARY_FUNCTIONS) else LineKind.OWN


def _kind_of_path(path: str) -> LineKind:
    for part in _RUNNER_PATHS:
        if part in path:
            return LineKind.RUNNER
    for part in _LIBRARY_PATHS:
        if part in path:
            return LineKind.LIBRARY
    return LineKind.OWN


_BUNDLE_HASH = re.compile(r"[.-](?=[0-9a-f]*[0-9])[0-9a-f]{8,20}(?=(?:\.\w{1,10})?\.m?js\Z)")
"""What bundlers put into a file's name: another one with each build."""


def _short(path: str) -> str:
    """The last folder and the file: what stays when the checkout moves."""
    short = "/".join(path.replace("\\", "/").rsplit("/", 2)[-2:])
    return _BUNDLE_HASH.sub("", short) if short.endswith("js") else short


_GENERATED = re.compile(
    r"\$\$(?:Lambda|Enhancer|FastClass|Spring|KtProxy|Proxy)[\w$]*+(?:[/.@][0-9a-fx]++)?|\$Proxy[0-9]++|\$[0-9]++|"
    r"(?<=Accessor)[0-9]++|(?<=lambda\$)[0-9]++|(?<=__)[0-9]++(?=_)|(?<=func)[0-9]++|::h[0-9a-f]{16}\b|"
    r"@[0-9a-f]{5,16}+|/0x[0-9a-f]++"
)


def _function(name: str) -> str:
    """A function's name without the numbers that compilers and proxies make up."""
    return (
        _GENERATED.sub("<n>", name)
        if "$" in name or "func" in name or "__" in name or "::h" in name
        else name
    )


def stable_function(name: str) -> str:
    """A function's name as other readers of traces spell it, without the numbers that compilers and proxies make up."""
    return _function(name)


_JVM_FILES = (".java", ".kt", ".scala", ".groovy", ".clj")
_JVM_PLACES = frozenset({"Native Method", "Unknown Source", "<generated>"})
_AT_LOCATION = re.compile(r"(?P<path>.*?)(?::(?P<line>[0-9]{1,7})(?::[0-9]{1,7})?)?\Z", re.DOTALL)
_CSHARP_NAME = re.compile(r"[\w.`<>\[\]+|$,]{3,500}+\Z")
_CSHARP_END = re.compile(r"\)(?: in (?:[A-Za-z]:)?[^:]{1,500}+:line [0-9]{1,7}+)?\Z")
_GO_NAME = re.compile(r"[\w./~*()%\[\]-]{3,500}+\Z")
_GO_ARGUMENTS = re.compile(r"[0-9a-fx., {}?_+]{0,500}+\)\Z")
_GO_STARTER = re.compile(r"created by (?P<name>[\w./~*()%-]{3,500}+)(?: in goroutine [0-9]{1,9})?\Z")
_GO_FILE = re.compile(r"(?P<path>[^\s:]{1,500}\.(?:go|s)):[0-9]{1,7}(?: \+0x[0-9a-f]{1,16})?\Z")
_PYTHON = re.compile(r'File "(?P<path>[^"]{1,500})", line [0-9]{1,7}(?:, in (?P<name>.{1,200}))?\Z')
_PYTEST = re.compile(r"(?P<path>[^\s:]{1,300}\.pyx?):[0-9]{1,7}: ?(?P<name>in [\w<>.]{1,200}|[\w.]{0,200})\Z")
_RUST_FUNCTION = re.compile(r"[0-9]{1,4}: (?:0x[0-9a-f]{1,16} - )?(?P<name>\S.{0,400})\Z")
_RUBY = re.compile(
    r"(?:from |# )?(?P<path>[^\s:'\"]{1,300}\.rb):[0-9]{1,7}(?::in [`'](?P<name>[^'`]{1,200})['`])?\Z"
)
_PHP = re.compile(
    r"#[0-9]{1,4} (?:(?P<path>(?:[A-Za-z]:)?[^\s(:]{1,300}\.(?:php|phtml|inc))\([0-9]{1,7}\)(?:: )?"
    r"|\{main\}|\[internal function\]: )(?P<name>.{0,300})\Z"
)
_NATIVE = re.compile(r"#[0-9]{1,4}[ :]+(?:0x[0-9a-f]{1,16} )?<unknown>\Z")
_NATIVE_PLACE = re.compile(r"(?::[0-9]{1,7}){1,2}\Z|\+0x[0-9a-f]{1,16}\Z")
"""What stands behind the file of a sanitizer's or gdb's frame."""
_NATIVE_LIBRARIES = (
    ".so",
    ".dylib",
    "sysdeps/",
    "/lib/",
    "/lib64/",
    "sanitizer_common",
    "asan_",
    "tsan_",
    "msan_",
)
_BROWSER = re.compile(
    r"(?P<name>[\w.$<>/\[\]*]{0,200})@(?P<path>(?:https?://|file://|/)[^\s@]{1,300}):[0-9]{1,7}:[0-9]{1,7}\Z"
)
"""Frames of Firefox and Safari."""
_MORE = re.compile(
    r"\.{3} [0-9]{1,6} (?:more|common frames omitted)\Z|--- End of (?:inner exception )?stack trace\b"
    r"|\+(?:-\+)?-{4,}(?: [0-9.]{1,4} -{4,})?\Z"
)
_RULER = re.compile(r"(?:[-=_*~^ ]{4,}|[-~^]+)\Z")


def _located(name: str, path: str, *, innermost_last: bool = False) -> Frame:
    kind = _kind_of_path(path)
    if kind is LineKind.OWN and name:
        kind = _kind_of_function(name)
    return Frame(f"{_function(name)} {_short(path)}".strip(), kind, innermost_last)


def _read_at(text: str) -> Frame | None:
    """As `_read_call`; where a promise waits for several, JavaScript names their number and no place."""
    is_promise = text.startswith("at async ") and text.endswith(")") and " (index " in text
    return Frame("", LineKind.DECORATION) if is_promise else _read_call(text)


def _read_call(text: str) -> Frame | None:
    """Frames of Java, JavaScript and C#, which all start with `at`; and of Rust, whose second line does."""
    body = text[3:].strip()
    if body.endswith("]") and (") ~[" in body or ") [" in body):
        body = body[: body.rindex("[")].rstrip(" ~")  # logback's packaging data
    head, bracket, location = body.rpartition("(")
    if bracket and location.endswith(")"):
        place = location[:-1]
        file, _, line = place.rpartition(":")
        has_line = line.isdecimal() and "/" not in file and file.endswith(_JVM_FILES)
        is_java = has_line or place in _JVM_PLACES or place.endswith(_JVM_FILES)
        if is_java and " " not in head:
            name = _function(head.rpartition("/")[2])
            return Frame(name, _kind_of_function(name))
        if line.isdecimal() or place in {"<anonymous>", "native"}:
            path = _AT_LOCATION.match(place)
            return _located(
                head.strip().removeprefix("async ").removeprefix("new "), path["path"] if path else place
            )
    name, bracket, rest = body.partition("(")
    if bracket and "." in name and _CSHARP_NAME.match(name) and _CSHARP_END.search(rest, rest.rfind(")")):
        return Frame(_function(name), _kind_of_function(name))
    if "/" in body or "\\" in body:
        match = _AT_LOCATION.match(body.removeprefix("async "))
        if match and match["line"]:
            return _located("", match["path"].removeprefix("file://"))
    return None


def _read_native(text: str) -> Frame | None:
    if text.startswith("#"):
        if _NATIVE.match(text):
            return Frame("", LineKind.DECORATION)
        match = _PHP.match(text)
        if match:
            path = match["path"] or ""
            return (
                _located(match["name"].partition("(")[0], path)
                if path
                else Frame(match["name"], LineKind.RUNNER)
            )
        return _read_ruby(text) if text.startswith("# ") else _read_symbol(text)
    return None


def _read_symbol(text: str) -> Frame | None:
    """Frames of sanitizers (`#0 0x4f in f(int) a.cc:3:1`) and of gdb (`#0  f (n=3) at a.cc:3`)."""
    number, _, rest = text[1:].partition(" ")
    address, is_placed, called = rest.strip().partition(" in ")
    is_placed = is_placed if address.startswith("0x") else ""
    rest = called if is_placed else rest.strip()
    name, mark, place = rest.rpartition(" at ")
    if not mark:
        name, mark, place = rest.rpartition(" from ")
    if not mark and is_placed:
        name, mark, place = rest.rpartition(" ")
    place = place.strip("()")
    path = _NATIVE_PLACE.sub("", place)
    if not (number.isdecimal() and mark and (path != place or mark == " from ")):
        return None
    return _native_frame(_without_arguments(name), path)


def _without_arguments(name: str) -> str:
    nameless = "(anonymous namespace)"
    begin = len(nameless) if name.startswith(nameless) else 0
    end = name.find("(", begin)
    return name[: end if end > 0 else None].strip()


def _native_frame(name: str, path: str) -> Frame:
    if name.startswith(("__libc_start", "_start")):
        return Frame(name, LineKind.RUNNER)
    if any(part in path for part in _NATIVE_LIBRARIES):
        return Frame(name, LineKind.LIBRARY)
    return _located(name, path)


def _read_browser(text: str) -> Frame | None:
    match = _BROWSER.match(text)
    return _located(match["name"], match["path"]) if match else None


def _read_python(text: str) -> Frame | None:
    match = _PYTHON.match(text)
    return _located(match["name"] or "", match["path"], innermost_last=True) if match else None


def _read_pytest(text: str) -> Frame | None:
    match = _PYTEST.match(text)
    if match is None:
        return None
    name = match["name"].removeprefix("in ") if match["name"].startswith("in ") else ""
    return _located(name, match["path"], innermost_last=True)


def _read_ruby(text: str) -> Frame | None:
    match = _RUBY.match(text)
    return _located(match["name"] or "", match["path"]) if match else None


def _read_go_file(text: str) -> Frame | None:
    # The function stands on the line above; the file would say the same again.
    return Frame("", LineKind.DECORATION) if _GO_FILE.match(text) else None


def _read_go_function(text: str) -> Frame | None:
    name, _, arguments = text.rpartition("(")
    if "." not in name or not _GO_NAME.match(name) or not _GO_ARGUMENTS.match(arguments):
        return None
    return Frame(_function(name), _kind_of_function(name))


def _read_go_starter(text: str) -> Frame | None:
    match = _GO_STARTER.match(text)
    return Frame(_function(match["name"]), LineKind.RUNNER) if match else None


def _read_rust(text: str) -> Frame | None:
    match = _RUST_FUNCTION.match(text)
    if match is None:
        return None
    name = _function(match["name"])
    return Frame(name, _kind_of_function(name.lstrip("<")))


def _read_decoration(text: str) -> Frame | None:
    return Frame("", LineKind.DECORATION) if _MORE.match(text) or _RULER.match(text) else None


_BY_START = (
    ("at ", _read_at),
    ('File "', _read_python),
    ("#", _read_native),
    ("created by ", _read_go_starter),
)
_FIRST_OF_STARTS = frozenset(start[0] for start, _ in _BY_START)
_BY_CONTENT = (
    (".go:", _read_go_file),
    (".s:", _read_go_file),
    (".rb:", _read_ruby),
    (".py", _read_pytest),
    ("::", _read_rust),
    ("@", _read_browser),
)


def read_frame(line: str) -> Frame | None:
    """The frame a line holds, or None for text. `line` may be indented; lines longer than FRAME_LIMIT hold none."""
    text = line.strip()
    if text[:1] == "|":  # Python draws a line beside the members of an exception group
        text = text.lstrip("| ")
    if not text:
        return Frame("", LineKind.DECORATION)
    if len(text) > FRAME_LIMIT:
        return None
    if text[0] in _FIRST_OF_STARTS:
        for start, read in _BY_START:
            if text.startswith(start):
                return read(text)
    for content, read in _BY_CONTENT:
        if content in text and (frame := read(text)) is not None:
            return frame
    if text[-1] == ")" and (frame := _read_go_function(text)) is not None:
        return frame
    return _read_decoration(text) if text[0] in ".-=_*~^+" else None
