"""The project's outside: locks, Makefile, licence, the demo's report."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("uv", "runtime", "dev")
PACKAGE_HOSTS = re.compile(r"pypi\.org|pythonhosted\.org|npmjs\.(org|com)|test\.pypi")
ADDRESSES = re.compile(r"https?://|file:|(^|\s)/| @ |--(extra-)?index-url|--find-links")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def normalised(requirement: str) -> str:
    """The distribution's name as package indexes compare it."""
    name = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert name, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


def locked(name: str) -> dict[str, str]:
    """Versions by distribution. One that is locked apart for several Pythons keeps its last."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==", 1) for line in lines if "==" in line and not line.startswith(" ")]
    return {normalised(distribution): version.split()[0] for distribution, version in pins}


def test_the_runtime_lock_holds_every_dependency() -> None:
    wanted = project()["project"]["dependencies"] + project()["dependency-groups"]["setup"]

    assert {normalised(requirement) for requirement in wanted} <= set(locked("runtime"))


def test_the_developers_lock_holds_every_tool() -> None:
    wanted = project()["dependency-groups"]["dev"]

    assert {normalised(requirement) for requirement in wanted} <= set(locked("dev"))


def test_the_developers_lock_holds_the_runtime_s_versions() -> None:
    runtime, dev = locked("runtime"), locked("dev")

    assert runtime == {name: version for name, version in dev.items() if name in runtime}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")

    assert [line for line in text.splitlines() if ADDRESSES.search(line)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_a_hash_for_every_package(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")

    assert [line for line in text.splitlines() if "--hash=sha256:" not in line] == []


def test_no_tracked_file_names_a_package_host() -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    naming = []
    for name in filter(None, listing.stdout.split("\0")):
        file = ROOT / name
        if file != Path(__file__).resolve() and file.is_file():
            text = file.read_bytes().decode("utf-8", errors="replace")
            naming += [name] if PACKAGE_HOSTS.search(text) else []

    assert naming == []


def test_make_help_has_a_line_for_every_command() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony
    listing = subprocess.run(
        ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    assert set(re.findall(r"^  make ([a-z-]+) +\S", listing, re.MULTILINE)) == {
        target for target in phony[1].split() if target != "setup-runtime"
    }


def test_a_python_is_found_that_runs_and_is_new_enough() -> None:
    found = subprocess.run([ROOT / "scripts/find-python"], capture_output=True, text=True, check=True)
    version = subprocess.run(
        [found.stdout.strip(), "-c", "import sys; print(*sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert tuple(map(int, version.stdout.split())) >= (3, 11)


def test_a_python_that_is_named_but_does_not_run_is_refused_by_name(tmp_path: Path) -> None:
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\necho 'version 3.13 is not installed' >&2\nexit 127\n", encoding="utf-8")
    shim.chmod(0o755)

    found = subprocess.run([ROOT / "scripts/find-python", shim], capture_output=True, text=True, check=False)

    assert found.returncode == 1
    assert str(shim) in found.stderr


def test_a_shim_without_its_python_is_passed_over(tmp_path: Path) -> None:
    shim = tmp_path / "python3.13"
    shim.write_text("#!/bin/sh\nexit 127\n", encoding="utf-8")
    shim.chmod(0o755)
    (tmp_path / "python3").symlink_to(sys.executable)

    found = subprocess.run(
        [ROOT / "scripts/find-python"],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert found.returncode == 0
    assert found.stdout.strip() != str(shim)


def test_the_demo_s_report_says_what_it_holds() -> None:
    suites = ET.parse(ROOT / "examples/demo-report.xml").getroot()  # noqa: S314 - our own file
    cases = list(suites.iter("testcase"))
    counts = {
        "tests": len(cases),
        "failures": sum(case.find("failure") is not None for case in cases),
        "errors": sum(case.find("error") is not None for case in cases),
        "skipped": sum(case.find("skipped") is not None for case in cases),
    }

    assert {name: int(suites.attrib[name]) for name in counts} == counts
    assert counts["failures"] + counts["errors"] == 14


def test_the_licence_is_the_one_the_metadata_names() -> None:
    assert project()["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")[:200]
