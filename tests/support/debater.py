"""Stands in for the models of a debate: what each says, in turn, stands in a file named after it.

    debater.py FOLDER

The model is the one of ROOTCOZ_MODEL; `FOLDER/<model>.json` is a list of what it says: an object is printed as JSON, a
text as it is, null means exit code 1. The last one is said again and again. Each run writes a line to
`FOLDER/calls.jsonl` before it says anything: the model, the group's files, the prompt. With a file
`FOLDER/pause` it waits for so many seconds first.
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> int:
    """Say the next thing."""
    folder, model = Path(sys.argv[1]), os.environ["ROOTCOZ_MODEL"]
    call = {
        "model": model,
        "files": {str(file): file.read_text() for file in Path().glob("group-*/*")},
        "prompt": sys.stdin.read(),
    }
    log = os.open(folder / "calls.jsonl", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.write(log, (json.dumps(call) + "\n").encode())
    os.fsync(log)
    os.close(log)
    lines = (folder / "calls.jsonl").read_text().splitlines()
    number = sum(json.loads(line)["model"] == model for line in lines)
    pause = folder / "pause"
    time.sleep(float(pause.read_text()) if pause.exists() else 0)
    script = json.loads((folder / f"{model}.json").read_text())
    said = script[min(number, len(script)) - 1]
    if said is None:
        sys.stderr.write("out of order\n")
        return 1
    sys.stdout.write(said if isinstance(said, str) else json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
