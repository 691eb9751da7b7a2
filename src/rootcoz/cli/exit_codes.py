"""What a script learns from a command's end."""

NOTHING_FAILED = 0
FAILURES_FOUND = 1
COULD_NOT_ANALYSE = 2
"""Also wrong arguments, and whatever else went wrong."""
INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""
