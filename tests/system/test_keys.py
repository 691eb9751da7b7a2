"""`rootcoz keys` beside a real server, killed and run again."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from tests.support.postgres import PostgresServer
from tests.support.server import Server, running_server, scrubbed

ADMIN_KEY = "correct-horse-battery"
ADMIN = {"Authorization": f"Bearer {ADMIN_KEY}"}
SECRET = "a secret of these tests"  # noqa: S105 - of a database made here
USERS = 20
CUTS = 3


def keys(home: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "rootcoz.cli.main", "keys", *arguments, "--data-dir", str(home / "data")],
        cwd=home,
        env=scrubbed(home, settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def cut_off(home: Path, after_s: float, *arguments: str, **settings: str) -> None:
    """Run the command and kill it after so many seconds of its work."""
    # It says when it begins to work: what Python does before that takes most of the time.
    code = (
        "import rootcoz.cli.keys, rootcoz.cli.main as main, sys; print('go', flush=True);"
        "sys.exit(main.main(sys.argv[1:]))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "keys", *arguments, "--data-dir", str(home / "data")],
        cwd=home,
        env=scrubbed(home, settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(after_s)
        process.kill()


class People:
    """Users with a key and a saved token each."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._keys: list[str] = []

    def join(self, count: int) -> None:
        for _ in range(count):
            name = f"user-{len(self._keys)}"
            made = self._server.client.post(
                "/api/admin/users", json={"username": name, "role": "user"}, headers=ADMIN
            )
            self._keys.append(made.raise_for_status().json()["api_key"])
            reply = self._server.client.put(
                "/api/user/tokens", json={"github_token": f"token of {name}"}, headers=self._mine(-1)
            )
            reply.raise_for_status()

    def missing(self, client: httpx2.Client) -> list[str]:
        """Who has lost something."""
        lost = []
        for number in range(len(self._keys)):
            reply = client.get("/api/user/tokens", headers=self._mine(number))
            if reply.status_code != 200 or reply.json()["github_token"] != f"token of user-{number}":
                lost.append(f"user-{number}: {reply.text}")
        return lost

    def _mine(self, number: int) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._keys[number]}"}


def test_a_rotation_beside_a_server_that_is_killed_again_and_again_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "data" / "encryption.key"
    with running_server(tmp_path, {"ADMIN_KEY": ADMIN_KEY}) as server:
        people = People(server)
        people.join(USERS)
        first = file.read_text()
        for number in range(CUTS):
            cut_off(tmp_path, 0.05 + 0.05 * number, "rotate")
            assert not people.missing(server.client)
            people.join(1)
        finished = keys(tmp_path, "rotate")
        status = keys(tmp_path, "status")
        people.join(1)
        live = people.missing(server.client)
        server.kill()
    with running_server(tmp_path, {"ADMIN_KEY": ADMIN_KEY}) as server:
        restarted = people.missing(server.client)

    assert finished.returncode == 0, finished.stderr
    assert "Everything is sealed with the key" in finished.stderr
    assert "not finished" not in status.stderr
    assert status.stderr.count("values.") == 1, status.stderr
    assert not live
    assert not restarted
    assert file.read_text() != first
    assert file.stat().st_mode & 0o777 == 0o600
    assert first not in finished.stderr + status.stderr


@contextmanager
def shared_database(postgres: PostgresServer) -> Iterator[dict[str, str]]:
    with postgres.database() as name:
        yield {
            "ADMIN_KEY": ADMIN_KEY,
            "DATABASE_URL": postgres.url(name),
            "ROOTCOZ_ENCRYPTION_KEY": SECRET,
        }


def test_a_rotation_on_postgresql_reaches_every_server_and_ends_when_they_have_the_new_key(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    homes = [tmp_path / name for name in ("one", "two", "command")]
    for home in homes:
        home.mkdir()
    new = tmp_path / "new.key"
    with shared_database(postgres) as settings:
        with running_server(homes[0], settings) as one, running_server(homes[1], settings) as two:
            people = People(one)
            people.join(USERS)
            cut_off(homes[2], 0.2, "rotate", "--new-key-file", str(new), **settings)
            between = people.missing(two.client)
            rotated = keys(homes[2], "rotate", "--new-key-file", str(new), **settings)
            people.join(1)
            after = people.missing(one.client) + people.missing(two.client)
        renewed = settings | {"ROOTCOZ_ENCRYPTION_KEY": new.read_text()}
        with running_server(homes[0], renewed) as one:
            with_new = people.missing(one.client)
            ended = keys(homes[2], "rotate", **renewed)
            with_new += people.missing(one.client)
        late = subprocess.run(
            [
                sys.executable,
                "-m",
                "rootcoz.cli.main",
                "serve",
                "--port",
                "0",
                "--data-dir",
                str(homes[1] / "data"),
            ],
            cwd=homes[1],
            env=scrubbed(homes[1], settings),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert (rotated.returncode, ended.returncode) == (0, 0), rotated.stderr + ended.stderr
    assert "Set ROOTCOZ_ENCRYPTION_KEY to the new key" in rotated.stderr
    assert not between
    assert not after
    assert not with_new
    assert late.returncode == 2
    assert "ROOTCOZ_ENCRYPTION_KEY is not the one that the saved credentials are sealed with" in late.stderr
    assert SECRET not in late.stderr


def test_a_lost_key_is_told_at_the_start_and_given_up_on_purpose(tmp_path: Path) -> None:
    with running_server(tmp_path, {"ADMIN_KEY": ADMIN_KEY}) as server:
        People(server).join(2)
        server.stop()
    file = tmp_path / "data" / "encryption.key"
    kept = file.read_text()
    file.unlink()
    command = [
        sys.executable,
        "-m",
        "rootcoz.cli.main",
        "serve",
        "--port",
        "0",
        "--data-dir",
        str(tmp_path / "data"),
    ]
    lost = subprocess.run(
        command, cwd=tmp_path, env=scrubbed(tmp_path), capture_output=True, text=True, timeout=60, check=False
    )
    given_up = keys(tmp_path, "abandon")
    with running_server(tmp_path, {"ADMIN_KEY": ADMIN_KEY}) as server:
        health = server.client.get("/health").status_code

    assert lost.returncode == 2
    assert "is not the one that the saved credentials are sealed with" in lost.stderr
    assert "Traceback" not in lost.stderr
    assert given_up.returncode == 0, given_up.stderr
    assert "Deleted 2 values that no key opens, and 2 API keys" in given_up.stderr
    assert health == 200
    assert file.read_text() != kept


@pytest.mark.parametrize("command", ["status", "rotate", "abandon"])
def test_where_there_is_no_data_the_commands_say_so_and_make_none(tmp_path: Path, command: str) -> None:
    ended = keys(tmp_path, command)

    assert ended.returncode == 2
    assert "There is no data in" in ended.stderr
    assert not (tmp_path / "data" / "rootcoz.sqlite3").exists()
