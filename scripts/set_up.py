"""Makes the checkout's own virtual environment, `.venv`, and fills it from the lock files.

    python scripts/set_up.py runtime     what `rootcoz` itself needs
    python scripts/set_up.py dev         that, and the tools that check and test it

Runs on a bare Python, so it imports nothing outside the standard library. A second run with the same locks
does nothing and says nothing: a stamp in `.venv` holds the digest of everything that decided its content. A
mark is set before anything is changed and removed after the stamp is written, so an interrupted run is
noticed and the environment is made anew.
"""

import argparse
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / "set-up-unfinished"
LOCKS = {"runtime": ("uv.txt", "runtime.txt"), "dev": ("uv.txt", "runtime.txt", "dev.txt")}
DECIDING = ("pyproject.toml", "scripts/set_up.py", "src/rootcoz/__init__.py")
"""Besides the locks: the entry points, how they are installed, and the version that the metadata carries."""


class SetUpError(Exception):
    """Set-up stopped; the message tells the user why and what to do."""


def main() -> int:
    """Bring `.venv` to the asked level; returns the exit code."""
    parser = argparse.ArgumentParser(description="Make the checkout's own virtual environment.")
    parser.add_argument("level", choices=sorted(LOCKS))
    parser.add_argument(
        "--exact", action="store_true", help="the environment must be of this very Python version"
    )
    arguments = parser.parse_args()
    try:
        with only_one_at_a_time():
            set_up(arguments.level, exact=arguments.exact)
    except SetUpError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


@contextmanager
def only_one_at_a_time() -> Iterator[None]:
    """Hold a lock on the checkout, so that two `make` at once do not fill one environment together."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def set_up(level: str, *, exact: bool) -> None:
    """Do what is still to be done for the level, if anything."""
    if is_usable(exact=exact) and any(is_stamped(name) for name in (level, "dev")):
        return
    started = time.monotonic()
    print(f"Setting up .venv for {level} ...", flush=True)
    if not is_usable(exact=exact):
        make_environment()
    UNFINISHED.touch()
    for name in LOCKS:
        stamp(name).unlink(missing_ok=True)
    install(level)
    stamp(level).write_text(digest(level), encoding="utf-8")
    UNFINISHED.unlink()
    print(f"Set up in {time.monotonic() - started:.0f} s.", flush=True)


def is_usable(*, exact: bool) -> bool:
    """Whether `.venv` is complete and its Python runs (a moved checkout or a removed Python breaks it)."""
    if UNFINISHED.exists() or not PYTHON.exists():
        return False
    question = "import sys; print(sys.prefix, *sys.version_info[:2], sep='\\n')"
    answer = subprocess.run([PYTHON, "-c", question], capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        return False
    prefix, *version = answer.stdout.splitlines()
    wanted = [str(part) for part in sys.version_info[:2]]
    return Path(prefix).resolve() == VENV.resolve() and (version == wanted or not exact)


def stamp(level: str) -> Path:
    """Where the digest of the level's installed content is kept."""
    return VENV / f"set-up-{level}"


def is_stamped(level: str) -> bool:
    """Whether the level is installed as its locks stand now."""
    try:
        return stamp(level).read_text(encoding="utf-8") == digest(level)
    except FileNotFoundError:
        return False


def digest(level: str) -> str:
    """Of everything that decides what the level's environment holds, its place on disk included."""
    content = hashlib.sha256(str(ROOT).encode())
    for path in (*(f"requirements/{name}" for name in LOCKS[level]), *DECIDING):
        content.update(b"\0" + (ROOT / path).read_bytes())
    return content.hexdigest()


def make_environment() -> None:
    """Make an empty `.venv` with pip in it, over whatever was there."""
    if importlib.util.find_spec("ensurepip") is None:
        install_venv_package()
    if VENV.exists():
        shutil.rmtree(VENV)
    VENV.mkdir()
    UNFINISHED.touch()
    run(sys.executable, "-m", "venv", VENV, doing="make a virtual environment")


def install_venv_package() -> None:
    """Debian and Ubuntu keep `ensurepip` in a package of its own: install it if we may, else say so."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        message = (
            f"{sys.executable} cannot make virtual environments because its ensurepip is missing. "
            f"On Debian and Ubuntu: sudo apt-get install {package}. "
            "Elsewhere: install the rest of your Python, or name another: make setup PYTHON=/path/to/python3"
        )
        raise SetUpError(message)
    print(f"Installing {package}, which this Python needs to make virtual environments ...", flush=True)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    # A fresh container has no package lists, or old ones; fetching them first costs seconds and always works.
    run("apt-get", "update", "-qq", doing="fetch the package lists", environment=quiet)
    run(
        *("apt-get", "install", "-qq", "--yes", "--no-install-recommends", "-o=Dpkg::Use-Pty=0", package),
        doing=f"install {package}",
        environment=quiet,
    )


def install(level: str) -> None:
    """Install the locked packages, then the project itself as an editable one, then compile its modules."""
    requirements = ROOT / "requirements"
    run(
        *(PYTHON, "-m", "pip", "install", "-qq", "--require-hashes", "-r", requirements / "uv.txt"),
        doing="install uv, which installs the rest",
    )
    install_locked(requirements / f"{level}.txt")
    # Without isolation the build needs no network: its tools are in the lock.
    run(
        *(PYTHON, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"),
        *("--editable", ROOT),
        doing="install rootcoz",
        environment=uv_settings(),
    )
    # Start-up time counts, and PYTHONDONTWRITEBYTECODE keeps Python from doing this by itself.
    run(PYTHON, "-m", "compileall", "-q", ROOT / "src", doing="compile rootcoz")


def install_locked(lock: Path) -> None:
    """With uv in seconds. Where uv cannot reach a package index but pip can, with pip in half a minute."""
    fast = (PYTHON, "-m", "uv", "pip", "install", "--quiet", "--compile-bytecode")
    if attempt(*fast, "--require-hashes", "-r", lock, environment=uv_settings()):
        return
    print("uv could not install the packages; trying again with pip ...", file=sys.stderr)
    run(
        *(PYTHON, "-m", "pip", "install", "-qq", "--require-hashes", "-r", lock),
        doing=f"install the packages of {lock.name}",
    )


def uv_settings() -> dict[str, str]:
    """Make uv work on our environment only, with the package index that pip is told to use, if any."""
    # The certificates of the system are those that pip and a company's proxy count on.
    settings = {"VIRTUAL_ENV": str(VENV), "UV_NO_CONFIG": "1", "UV_SYSTEM_CERTS": "1"}
    listing = subprocess.run(
        [PYTHON, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    for line in listing.stdout.splitlines():
        name, _, value = line.partition("=")
        if name in {"global.index-url", "install.index-url", ":env:.index-url"}:
            settings["UV_DEFAULT_INDEX"] = value.strip("'\"")
    return settings


def attempt(*command: str | Path, environment: dict[str, str] | None = None) -> bool:
    """Run a command and tell whether it succeeded; its complaints are shown."""
    settings = os.environ | (environment or {})
    return subprocess.run(command, cwd=ROOT, env=settings, check=False).returncode == 0


def run(*command: str | Path, doing: str, environment: dict[str, str] | None = None) -> None:
    """Run a command that must succeed."""
    if not attempt(*command, environment=environment):
        message = f"Could not {doing}: the message above says why. The same command may be started again."
        raise SetUpError(message)


if __name__ == "__main__":
    sys.exit(main())
