from pathlib import Path

import pytest

from rootcoz.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings but those of the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("PORT", "ROOTCOZ_PORT", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "port"),
    [
        ({"PORT": "1111"}, 1111),
        ({"ROOTCOZ_PORT": "2222"}, 2222),
        ({"PORT": "1111", "ROOTCOZ_PORT": "2222"}, 2222),
        ({"PORT": "1111", "ROOTCOZ_PORT": " "}, 1111),
        ({}, 8000),
    ],
)
def test_the_port_has_a_name_of_ours_and_one_of_the_platforms(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], port: int
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert load_settings().port == port


@pytest.mark.parametrize("name", ["PORT", "ROOTCOZ_PORT"])
def test_a_wrong_port_is_named_by_both_its_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "99999")

    with pytest.raises(SettingsError, match=r"^ROOTCOZ_PORT or PORT: "):
        load_settings()


def test_the_port_of_a_file_gives_way_to_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "rootcoz.toml").write_text("port = 3333\n", encoding="utf-8")
    of_the_file = load_settings(project_files=True).port
    monkeypatch.setenv("PORT", "1111")

    assert (of_the_file, load_settings(project_files=True).port) == (3333, 1111)


@pytest.mark.parametrize("name", [".env", "rootcoz.toml"])
def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes('AI_MODEL = "größe"\n'.encode("latin-1"))

    with pytest.raises(SettingsError, match=rf"^{name} cannot be read: it is not UTF-8"):
        load_settings(project_files=True)


def test_a_line_of_env_that_cannot_be_understood_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text('# who may enter\nAUTH_MODE="required\nADMIN_KEY="0123456789abcdef"\n')

    with pytest.raises(SettingsError, match=r"\.env cannot be read: line 2 ") as caught:
        load_settings(project_files=True)
    assert "0123456789abcdef" not in str(caught.value)


def test_a_folder_that_is_called_env_is_no_settings_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").mkdir()

    assert load_settings(project_files=True).port == Settings().port
