import re
from pathlib import Path

import pytest

from rootcoz.domain.debate import Participant
from rootcoz.settings import MAX_PEERS, AuthMode, Settings, SettingsError, environment_name, load_settings

NAMES = {environment_name(name): name for name in Settings.model_fields}


@pytest.fixture(autouse=True)
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory, a home and an environment that hold nothing."""
    for name in [*NAMES, "DB_PATH"]:
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    (tmp_path / "xdg_config_home" / "rootcoz").mkdir(parents=True)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def write_user_file(clean: Path, text: str) -> None:
    (clean / "xdg_config_home" / "rootcoz" / "rootcoz.toml").write_text(text)


def test_the_defaults_need_nothing(clean: Path) -> None:
    settings = load_settings()

    assert (settings.host, settings.port, settings.auth_mode) == ("127.0.0.1", 8000, AuthMode.OPEN)
    assert settings.data_dir == clean / "xdg_data_home" / "rootcoz"


@pytest.mark.parametrize("name", ["AI_BUDGET_PER_ANALYSIS_USD", "AI_BUDGET_PER_DAY_TOKENS"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "much"])
def test_a_budget_is_a_positive_figure(
    clean: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=name):
        load_settings()


def test_each_source_wins_over_the_next(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def port(**overrides: object) -> int:
        return load_settings(project_files=True, **overrides).port

    seen = [port()]
    write_user_file(clean, "port = 1001")
    seen.append(port())
    Path("rootcoz.toml").write_text("port = 1002")
    seen.append(port())
    Path(".env").write_text("PORT=1003\n")
    seen.append(port())
    monkeypatch.setenv("PORT", "1004")
    seen.append(port())
    seen.append(port(port=1005))
    seen.append(port(port=None))

    assert seen == [8000, 1001, 1002, 1003, 1004, 1005, 1004]


def test_each_source_wins_over_the_next_for_names_with_a_prefix_too(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_user_file(clean, 'host = "127.0.0.2"')
    seen = [load_settings().host]
    monkeypatch.setenv("ROOTCOZ_HOST", "127.0.0.3")
    seen.append(load_settings().host)
    seen.append(load_settings(host="127.0.0.4").host)

    assert seen == ["127.0.0.2", "127.0.0.3", "127.0.0.4"]


def test_files_of_the_working_directory_are_read_only_when_asked_for() -> None:
    Path("rootcoz.toml").write_text('server = "http://evil.test"\nnonsense = 1')
    Path(".env").write_text("AI_COMMAND=evil\nROOTCOZ_API_KEY=x\n")

    settings = load_settings()

    assert (settings.server, settings.ai_command, settings.api_key) == ("", (), None)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_blank_value_counts_as_unset(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    default = getattr(load_settings(), NAMES[name])
    monkeypatch.setenv(name, "  ")

    assert getattr(load_settings(), NAMES[name]) == default


@pytest.mark.parametrize("name", ["HOST", "DATA_DIR", "SERVER", "API_KEY", "ALLOW_OPEN"])
def test_names_that_other_programs_use_need_the_prefix(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    default = load_settings()
    monkeypatch.setenv(name, "https://other.test")

    assert load_settings() == default


def test_the_older_name_of_the_data_directory_is_a_file_in_it(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DB_PATH", str(clean / "data" / "results.db"))
    older = load_settings().data_dir
    monkeypatch.setenv("ROOTCOZ_DATA_DIR", str(clean / "new"))

    assert older == clean / "data"
    assert load_settings().data_dir == clean / "new"
    assert load_settings(data_dir=clean / "option").data_dir == clean / "option"


def test_the_older_name_wins_over_a_file(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_user_file(clean, 'data_dir = "/elsewhere"')
    monkeypatch.setenv("DB_PATH", str(clean / "data" / "results.db"))

    assert load_settings().data_dir == clean / "data"


def test_a_relative_data_directory_does_not_move_with_the_working_directory(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(data_dir="data")
    monkeypatch.chdir(clean)

    assert settings.data_dir == clean / "here" / "data"


def test_lists_and_commands_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_USERS", " alice, bob ,,")
    monkeypatch.setenv("AI_COMMAND", "answer --with 'two words'")
    monkeypatch.setenv("LOG_LEVEL", "warning")
    settings = load_settings()

    assert settings.allowed_users == ("alice", "bob")
    assert settings.ai_command == ("answer", "--with", "two words")
    assert settings.log_level == "WARNING"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "s3cret"),
        ("PORT", "65536"),
        ("AI_CLI_TIMEOUT", "0"),
        ("MAX_CONCURRENT_AI_CALLS", "-3"),
        ("LOG_LEVEL", "s3cret"),
        ("AUTH_MODE", "s3cret"),
        ("ADMIN_KEY", "s3cret"),
        ("PUBLIC_BASE_URL", "ftp://s3cret"),
        ("PUBLIC_BASE_URL", "https://[s3cret"),
        ("ROOTCOZ_SERVER", "s3cret"),
        ("ROOTCOZ_ALLOW_OPEN", "s3cret"),
        ("AI_COMMAND", "s3cret 'unfinished"),
    ],
)
def test_a_wrong_value_is_named_and_never_shown(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert re.search(rf"(^|or ){name}: ", str(caught.value))
    assert "s3cret" not in str(caught.value)


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "x")
    monkeypatch.setenv("AUTH_MODE", "x")

    with pytest.raises(SettingsError, match=r"PORT: .*; AUTH_MODE: "):
        load_settings()


def test_a_misspelt_name_in_a_file_is_refused_with_a_suggestion(clean: Path) -> None:
    write_user_file(clean, 'ai_provder = "builtin"')

    with pytest.raises(SettingsError, match=r"rootcoz\.toml: .*'ai_provder'; did you mean ai_provider\?"):
        load_settings()


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"port = 1\nport = 2"])
def test_a_file_that_cannot_be_read_is_named(clean: Path, content: bytes) -> None:
    (clean / "xdg_config_home" / "rootcoz" / "rootcoz.toml").write_bytes(content)

    with pytest.raises(SettingsError, match=r"rootcoz\.toml cannot be read"):
        load_settings()


def test_a_broken_file_does_not_show_its_secrets(clean: Path) -> None:
    write_user_file(clean, 'admin_key = "s3cret-of-the-house\nport = 1')

    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert "s3cret" not in str(caught.value)


def test_secrets_are_not_shown_with_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ADMIN_KEY", "ROOTCOZ_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "s3cret-of-the-house")

    assert "s3cret" not in repr(load_settings())


def test_the_addresses_lose_their_last_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_BASE_URL", "https://ci.example.com/rootcoz/")

    assert load_settings().public_base_url == "https://ci.example.com/rootcoz"


def test_the_names_of_all_settings_differ() -> None:
    assert len(NAMES) == len(Settings.model_fields)


@pytest.mark.parametrize(
    ("written", "peers"),
    [
        ("", ()),
        ("claude:opus", (Participant("claude", "opus"),)),
        (
            " claude : opus , openai:qwen3:8b,",
            (Participant("claude", "opus"), Participant("openai", "qwen3:8b")),
        ),
    ],
)
def test_peers_are_read_as_provider_and_model(
    written: str, peers: tuple[Participant, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEER_AI_CONFIGS", written)

    assert load_settings().peer_ai_configs == peers


@pytest.mark.parametrize("written", ["claude", ":opus", "claude:", "claude:opus,gemini", "claude opus"])
def test_peers_that_are_written_otherwise_are_refused(written: str) -> None:
    with pytest.raises(SettingsError, match=r"PEER_AI_CONFIGS: peer \d must be written as provider:model"):
        load_settings(peer_ai_configs=written)


def test_peers_may_come_as_a_list() -> None:
    assert load_settings(peer_ai_configs=["claude:opus"]).peer_ai_configs == (Participant("claude", "opus"),)


def test_too_many_peers_are_refused() -> None:
    with pytest.raises(SettingsError, match=f"at most {MAX_PEERS}"):
        load_settings(peer_ai_configs=",".join(["claude:opus"] * (MAX_PEERS + 1)))


@pytest.mark.parametrize("rounds", [0, 11])
def test_rounds_are_one_to_ten(rounds: int) -> None:
    with pytest.raises(SettingsError, match="PEER_ANALYSIS_MAX_ROUNDS"):
        load_settings(peer_analysis_max_rounds=rounds)
