import pytest

from rootcoz.domain.debate import Participant
from rootcoz.settings import MAX_PEERS, SettingsError, load_settings


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
