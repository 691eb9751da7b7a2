import subprocess
import sys
import time
from pathlib import Path

from tests.support.server import ROOT

from rootcoz.kit.made_once import made_once

PROGRAM = """
import sys, time
from pathlib import Path
from rootcoz.kit.made_once import made_once
file, content, at = sys.argv[1:]
time.sleep(max(0.0, float(at) - time.time()))
print(made_once(Path(file), content.encode() * 100_000)[:1].decode())
"""


def test_the_first_content_stays_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "key"
    first, second = made_once(file, b"one"), made_once(file, b"two")

    assert (first, second) == (b"one", b"one")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_bytes(b"one")
    file.chmod(0o644)

    assert made_once(file, b"two") == b"one"
    assert file.stat().st_mode & 0o777 == 0o600


def test_of_processes_that_start_at_once_one_makes_it(tmp_path: Path) -> None:
    at = str(time.time() + 1.0)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, tmp_path / "key", letter, at],
            env={"PYTHONPATH": str(ROOT / "src")},
            stdout=subprocess.PIPE,
            text=True,
        )
        for letter in "abcdef"
    ]
    said = {process.communicate(timeout=60)[0].strip() for process in processes}

    assert len(said) == 1
    assert said == {(tmp_path / "key").read_text()[:1]}
