"""What stops a start, and what lies on the disk after one."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.server import running_server, scrubbed


def refused(folder: Path, **settings: str) -> str:
    """What is said when the server does not start."""
    command = [
        sys.executable,
        "-m",
        "rootcoz.cli.main",
        "serve",
        "--port",
        "0",
        "--data-dir",
        str(folder / "data"),
    ]
    done = subprocess.run(
        command,
        cwd=folder,
        env=scrubbed(folder, settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"AI_PROVIDER": "nobody"}, "AI_PROVIDER=nobody"),
        ({"AI_PROVIDER": "command"}, "AI_COMMAND"),
        ({"AI_PROVIDER": "openai", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, "AI_MODEL"),
    ],
)
def test_a_provider_that_cannot_be_asked_stops_the_start(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    assert said in refused(tmp_path, **settings)


@pytest.mark.parametrize(
    ("file", "text"), [(".env", "AI_COMMAND=touch x\n"), ("rootcoz.toml", 'claude_binary = "./x"\n')]
)
def test_a_file_of_the_working_directory_does_not_choose_what_is_run(
    tmp_path: Path, file: str, text: str
) -> None:
    (tmp_path / file).write_text(text)
    said = refused(tmp_path)

    assert file in said
    assert "configuration directory" in said


def test_the_databases_are_their_owner_s_alone(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    with running_server(tmp_path) as server:
        server.finished(server.submit({"failures": [{"test_name": "t", "error_message": "boom"}]}))
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in data.iterdir() if file.is_file()}
        health = server.client.head("/health")

    assert {mode & 0o077 for mode in modes.values()} == {0}, modes
    assert health.status_code == 200
