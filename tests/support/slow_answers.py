"""A program that stands in for an AI: slow, steady, and it says in a log when it begins and ends.

    slow_answers.py --log FILE --seconds S [--fail-every N]

Reads the prompt from standard input, appends `start <id> <pid>` to the log, sleeps, prints an answer, and
appends `done <id> <pid>`. Each line is on disk before the next step, so that a test can kill anything at
any time and count afterwards. The id is the number in `group <n>` of the prompt, else a hash of the prompt.
With --fail-every every Nth question of this log ends with exit code 1 and `fail <id> <pid>` instead of
`done`.
"""

import argparse
import hashlib
import json
import os
import re
import sys
import time
from pathlib import Path

ERROR_LINE = re.compile(
    r"^[ \t]*(?:error(?:[ _]message)?[ \t]*[:=][ \t]*)?(\S.*(?:error|exception|fail|assert).*)$",
    re.IGNORECASE | re.MULTILINE,
)


def identity(prompt: str) -> str:
    """How the log calls this question."""
    if numbered := re.search(r"\bgroup (\d+)", prompt, re.IGNORECASE):
        return numbered[1]
    return hashlib.sha256(prompt.encode(errors="replace")).hexdigest()[:12]


def quotation(prompt: str) -> str:
    """A line of the prompt that looks like an error, else its first line."""
    if found := ERROR_LINE.search(prompt):
        return found[1].strip()
    lines = [line.strip() for line in prompt.splitlines() if line.strip()]
    return lines[0] if lines else ""


def note(log: Path, event: str, name: str) -> None:
    """Append one line and have it on disk; one write, so that lines of many programs do not mix."""
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(file, f"{event} {name} {os.getpid()}\n".encode())
    os.fsync(file)
    os.close(file)


def turn(log: Path, name: str) -> int:
    """Which question of the log this one is, from 1: unlike a count, the same whoever else starts
    meanwhile."""
    starts = [line for line in log.read_text().splitlines() if line.startswith("start ")]
    return starts.index(f"start {name} {os.getpid()}") + 1


def main() -> int:
    """Answer one question."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=0.0)
    parser.add_argument("--fail-every", type=int, default=0)
    options = parser.parse_args()
    prompt = sys.stdin.buffer.read().decode(errors="replace")
    name = identity(prompt)
    note(options.log, "start", name)
    time.sleep(options.seconds)
    if options.fail_every and turn(options.log, name) % options.fail_every == 0:
        note(options.log, "fail", name)
        sys.stderr.write("this question was chosen to fail\n")
        return 1
    answer = {
        "classification": "PRODUCT BUG",
        "confidence": 0.8,
        "details": f"Answer to question {name}.",
        "evidence": [{"quote": quotation(prompt), "source": "error_message"}],
    }
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    note(options.log, "done", name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
