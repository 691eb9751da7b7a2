"""A program that stands in for an AI that writes texts: says what a file says, and keeps what it was asked.

    draft_writer.py FOLDER

Prints `reply` of the folder; ends with exit code 1 where there is none. Each prompt is a file `prompt-<n>` there.
"""

import sys
from pathlib import Path


def main() -> int:
    """Answer one question."""
    folder = Path(sys.argv[1])
    prompt = sys.stdin.buffer.read()
    number = len(list(folder.glob("prompt-*")))
    (folder / f"prompt-{number}").write_bytes(prompt)
    reply = folder / "reply"
    if not reply.exists():
        sys.stderr.write("nothing to say\n")
        return 1
    sys.stdout.buffer.write(reply.read_bytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
