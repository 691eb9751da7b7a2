"""Makes the packages of a new version and tries them; publishes nothing.

    python scripts/release.py 1.2.3

Writes the version into the package, turns the news fragments into a section of CHANGELOG.md, builds `dist/`,
and installs the built wheel into an empty environment to see that it starts. Committing, tagging and
uploading are left to the person who releases, who reads the changelog first.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "rootcoz" / "__init__.py"
VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")


def main() -> int:
    """Make the release named on the command line; returns the exit code."""
    version = sys.argv[1] if len(sys.argv) > 1 else ""
    if not VERSION.fullmatch(version):
        print("Say which version: make release VERSION=1.2.3", file=sys.stderr)
        return 2
    write_version(version)
    run(sys.executable, "-m", "towncrier", "build", "--yes", "--version", version)
    run(sys.executable, "-m", "hatchling", "build", "--clean")
    try_wheel(version)
    print(f"\ndist/ holds {version}. Read CHANGELOG.md, then: git commit, git tag v{version}, upload dist/*.")
    return 0


def write_version(version: str) -> None:
    """Into the package, whence the metadata takes it."""
    text = PACKAGE.read_text(encoding="utf-8")
    changed = re.sub(r'(?m)^__version__ = ".*"$', f'__version__ = "{version}"', text)
    PACKAGE.write_text(changed, encoding="utf-8")


def try_wheel(version: str) -> None:
    """Install the wheel, with the locked packages, where no source of ours is in reach, and start it."""
    wheel = ROOT / "dist" / f"rootcoz-{version}-py3-none-any.whl"
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder, "venv", "bin", "python")
        uv = (sys.executable, "-m", "uv", "--quiet", "--no-config")
        run(*uv, "venv", "--python", sys.executable, str(python.parent.parent))
        install = (*uv, "pip", "install", "--python", str(python))
        run(*install, "--require-hashes", "-r", "requirements/runtime.txt")
        run(*install, "--no-deps", str(wheel))
        run(str(python.parent / "rootcoz"), "--version")


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
