"""Writes `requirements/*.txt` anew from `pyproject.toml`: exact versions and hashes, for every platform.

Nothing younger than a week is taken, so that a bad release is found by others first. No file names a package
index: they work with whatever index, or mirror, the machine that reads them uses.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COOLING = "7 days"
OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--no-header",
    "--no-annotate",
    "--no-config",
    "--system-certs",
    "--upgrade",
    "--quiet",
    f"--exclude-newer={COOLING}",
)
LOCKS = {
    "uv": ("--group=lock",),
    "runtime": ("pyproject.toml", "--group=setup"),
    "dev": ("pyproject.toml", "--group=setup", "--group=dev", "--constraint=requirements/runtime.txt"),
}
"""In this order: dev holds all of runtime, in the same versions."""


def main() -> int:
    """Compile each lock; returns the exit code of the first that fails."""
    # An index or folder that this machine happens to prefer must not decide what everybody installs.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_"))}
    for name, sources in LOCKS.items():
        command = [sys.executable, "-m", "uv", "pip", "compile", *OPTIONS, *sources]
        command.append(f"--output-file=requirements/{name}.txt")
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if code != 0:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
