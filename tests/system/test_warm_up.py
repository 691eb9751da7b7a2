"""What a server loads before it is up, and what after it."""

import subprocess
import sys
from pathlib import Path

from tests.support.server import running_server, scrubbed

LATER = ("rootcoz.analysis.pipeline", "rootcoz.triage", "rootcoz.sources.jenkins.client", "httpx2", "stamina")
_CODE = """
import asyncio, sys
from types import SimpleNamespace
import rootcoz.cli.serve
from rootcoz.settings import load_settings
from rootcoz import wiring

later = sys.argv[1:]
print(*(name in sys.modules for name in later))
wiring.warm_up(SimpleNamespace(providers=wiring.ProviderShelf(load_settings())))
print(*(name in sys.modules for name in later))
"""


def test_what_only_an_analysis_needs_is_loaded_by_the_warming_up_and_not_by_the_start(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CODE, *LATER],
        env=scrubbed(tmp_path, {}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    before, after = done.stdout.splitlines()

    assert done.stderr == ""
    assert set(before.split()) == {"False"}
    assert set(after.split()) == {"True"}


def test_a_server_that_is_stopped_while_it_warms_up_stops_in_order(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        code = server.stop()

    assert code == 0
