from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from rootcoz.worker import recovery
from rootcoz.worker.recovery import empty_folder, remove_left_over


async def test_what_a_link_leads_to_is_left_alone(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "scratch"
    outside.mkdir()
    (outside / "precious.txt").write_text("keep me")
    (folder / "run").mkdir(parents=True)
    (folder / "run" / "link").symlink_to(outside)
    (folder / "link").symlink_to(outside)
    await empty_folder(folder)

    assert list(folder.iterdir()) == []
    assert (outside / "precious.txt").read_text() == "keep me"


async def test_what_is_to_be_kept_is_kept_and_read_only_folders_go(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "file").touch()
        (tmp_path / name / "deep").chmod(0o500)
    await remove_left_over(tmp_path, keep=["two"])

    assert not (tmp_path / "one").exists()
    assert (tmp_path / "two" / "deep" / "file").exists()


async def test_a_missing_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    await empty_folder(tmp_path / "scratch")

    assert (tmp_path / "scratch").stat().st_mode & 0o777 == 0o700


async def test_what_cannot_be_removed_is_logged_and_hinders_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_root: Path, _keep: object) -> list[str]:
        raise PermissionError(1, "Operation not permitted")

    # Only root could make a folder that we cannot remove, and tests may run as root.
    monkeypatch.setattr(recovery, "remove_abandoned", refuse)
    structlog.reset_defaults()  # an application in this process may have been told to log errors alone
    with capture_logs() as logs:
        await empty_folder(tmp_path / "scratch")

    assert (tmp_path / "scratch").is_dir()
    assert [entry["event"] for entry in logs] == ["left_over_stays"]
