"""What `bench_fuzz` has schemathesis leave out: it names this file in the environment variable SCHEMATHESIS_HOOKS."""

from collections.abc import Mapping
from urllib.parse import urlencode

import schemathesis

LONGEST_QUERY = 60_000
"""The web server refuses a longer address by itself, with 400 and no JSON: nothing of ours is asked."""


@schemathesis.hook
def filter_query(_context: schemathesis.HookContext, query: Mapping[str, object] | None) -> bool:
    """Whether the query fits into an address."""
    return not query or len(urlencode(query, doseq=True, errors="replace")) < LONGEST_QUERY
