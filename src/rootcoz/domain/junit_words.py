"""The words of JUnit XML that its reader and its exporter must agree on.

A case is found again by the ordinal of its `testcase` element; both count every element of that local name.
"""

CASE = "testcase"
SUITE = "testsuite"
ROOTS = frozenset({"testsuites", SUITE})
SYSTEM_OUT = "system-out"
SYSTEM_ERR = "system-err"
PROPERTIES = "properties"
PROPERTY = "property"

BLOCK_START = "=== rootcoz analysis ==="
BLOCK_END = "=== end of rootcoz analysis ==="
"""Lines around the text that the exporter writes into a test's output. The reader takes it out again: our own
words are no evidence for the next analysis."""

BLOCK_LIMIT = 6_000
"""Characters between the two lines, at most."""
