"""What went wrong, as the sources read it: failures, the build they belong to, and their groups."""

from dataclasses import dataclass

NAME_LIMIT = 2_000
"""Characters of a test's, class's, suite's or file's name."""
MESSAGE_LIMIT = 20_000
"""Characters of an error message."""
STACK_LIMIT = 100_000
"""Characters of a stack trace."""
OUTPUT_LIMIT = 8_000
"""Characters of a test's own output (system-out and system-err) that are kept with its failure: the last ones."""


@dataclass(frozen=True, slots=True)
class ReportPosition:
    """Where a failing case stands in the report documents of one analysis.

    Cases are found again by position, never by name: names may hold dots, repeat, or be missing.
    """

    report: int
    """Index of the document among the reports of the analysis, from 0."""
    case: int
    """Ordinal of the `testcase` element within its document, from 0, in document order."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed test case, or the failed console of a build without a test report."""

    test_name: str
    """Fully qualified: `classname.name` for JUnit XML, whatever the caller sent for raw failures."""
    error_message: str = ""
    stack_trace: str = ""
    duration: float = 0.0
    """Seconds."""
    status: str = "FAILED"
    """`FAILED`, `ERROR`, `REGRESSION`, or another word the caller sent."""
    class_name: str = ""
    """The test's class, module or file as the report names it, when it names one apart."""
    suite: str = ""
    """Name of the innermost named suite around the case."""
    file: str = ""
    """Source file of the test as the report gives it, else empty."""
    line: int | None = None
    other_messages: tuple[str, ...] = ()
    """Messages of the case's further failures and errors, whose texts are in `stack_trace`; shortened."""
    output: str = ""
    """Tail of what the test itself printed, at most OUTPUT_LIMIT characters."""
    position: ReportPosition | None = None
    """None for raw failures."""


@dataclass(frozen=True, slots=True)
class ErrorSignature:
    """Equal exactly when it is the same failure happening again."""

    value: str
    """SHA-256 of the normalised error and stack, 64 lower-case hexadecimal digits."""
    version: int
    """Which version of the rules made it. Values of different versions are never compared."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """Groups of one analysis that look like one root cause although their signatures differ; merges nothing."""

    id: str
    """Version of the rules, a hyphen and 12 hexadecimal digits; the same for the same groups."""
    reason: str
    """What they have in common, in words, with the number of groups at the end."""


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """The failures of one analysis that share a signature: one question, one answer, all members get it."""

    number: int
    """From 1, in the order in which the groups first appear in the build."""
    signature: ErrorSignature
    representative: Failure
    members: tuple[int, ...]
    """Indices into the build's failures, ascending; the first one is the representative's."""
    cluster: Cluster | None = None
    """None when no other group looks like the same root cause."""


@dataclass(frozen=True, slots=True)
class ReportSummary:
    """Counts of one report document, as its elements say (not as its attributes claim)."""

    name: str
    """What the caller calls the document: a file's name, or empty."""
    tests: int
    failed: int
    skipped: int
    unaccounted: int = 0
    """Failures and errors that its attributes declare and no element shows: a suite that crashed, for example."""


@dataclass(frozen=True, slots=True)
class ChildBuild:
    """A failed build that another one started, or a part of it such as a configuration of a matrix."""

    job_name: str
    build_number: int
    url: str = ""
    result: str = ""
    """In the words of its server, for example `UNSTABLE`; empty when it could not be read."""
    failures: tuple[Failure, ...] = ()
    children: tuple["ChildBuild", ...] = ()
    note: str = ""
    """Why something of it is missing; shown to the user."""


@dataclass(frozen=True, slots=True)
class BuildOutline:
    """A build without its failures, and where they stand among those of all builds of the analysis."""

    job_name: str = ""
    build_number: int = 0
    note: str = ""
    first: int = 0
    """Index of its first own failure; the others follow it."""
    count: int = 0
    """How many failures are its own."""
    children: tuple["BuildOutline", ...] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """What a source read: the failures of one run and what is known about the run."""

    failures: tuple[Failure, ...]
    reports: tuple[ReportSummary, ...] = ()
    job_name: str = ""
    build_number: int = 0
    notes: tuple[str, ...] = ()
    """Sentences about what was left out or could not be read; shown to the user."""
    children: tuple[ChildBuild, ...] = ()
    """Failed ones, with failures of their own that are not among `failures`."""

    def flattened(self) -> tuple[tuple[Failure, ...], BuildOutline]:
        """All failures, the build's own first and then those of its children, and where each build's stand."""
        failures = list(self.failures)
        children = tuple(_flatten(child, failures) for child in self.children)
        outline = BuildOutline(self.job_name, self.build_number, "", 0, len(self.failures), children)
        return tuple(failures), outline


def _flatten(build: ChildBuild, failures: list[Failure]) -> BuildOutline:
    first = len(failures)
    failures += build.failures
    children = tuple(_flatten(child, failures) for child in build.children)
    return BuildOutline(build.job_name, build.build_number, build.note, first, len(build.failures), children)
