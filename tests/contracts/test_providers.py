"""What every provider must do, whoever is behind it. The cases come from the registry."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.provider_stand_ins import KEY, MODEL, SCENES, StandIn, question, stand_in

from rootcoz.domain.errors import NotConfigured, OutsideError, RateLimited, Refused, Unavailable
from rootcoz.domain.finding import Finding
from rootcoz.prompts.answer import parse_answer
from rootcoz.providers.base import Provider
from rootcoz.providers.registry import PROVIDERS, ProviderConfig

FAILURES: dict[str, tuple[type[OutsideError], str]] = {
    "bad_key": (Refused, "key"),
    "bad_key_400": (Refused, "check GEMINI_API_KEY"),
    "unknown_model": (Refused, f"no model '{MODEL}'"),
    "rate_limit": (RateLimited, "rate limit"),
    "overload": (RateLimited, "overload"),
    "unreachable": (Unavailable, "refused|REFUSED"),
    "hang": (Unavailable, r"did not answer within 0\.\d seconds"),
    "garbage": (Refused, "no reply|unusable"),
    "silence": (Refused, "no reply|no answer"),
    "empty": (Refused, "answer|empty"),
    "nothing": (Refused, "without an answer"),
    "turns": (Refused, "without an answer .error_max_turns"),
    "oversized": (Refused, "more than|longer than"),
    "crash": (Refused, "exit code 139|Segmentation fault"),
    "failed_well": (Refused, "odd|boom"),
    "too_long": (Refused, "too long"),
    "used_up": (Refused, "usage limit"),
    "filtered": (Refused, "content filter"),
}
"""Scenes that end in an error: which, and what it must say."""
LOCAL = {"builtin"}


def providers_with(scene: str) -> pytest.MarkDecorator:
    """Run the test with each provider that knows the scene."""
    return pytest.mark.parametrize("name", sorted(name for name in PROVIDERS if scene in SCENES[name]))


@pytest.fixture(params=sorted(PROVIDERS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("CANARY_OF_THE_SERVER", "tweet")
    monkeypatch.setenv("OWN_KEY", KEY)
    folder = tmp_path / "stand-in"
    folder.mkdir()
    with stand_in(name, folder) as found:
        yield found


@pytest.fixture
def provider(name: str, place: StandIn) -> Provider:
    return PROVIDERS[name](place.config)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (folder / "error.txt").write_text("AssertionError: 1 != 2")
    return folder


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_there(path: str) -> bool:
    return Path(path).exists()


def names_below(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*"))


def test_every_provider_has_a_stand_in() -> None:
    assert set(SCENES) == set(PROVIDERS)


def test_a_provider_is_registered_under_its_own_name(name: str, provider: Provider) -> None:
    assert provider.name == name


def test_what_is_set_up_passes_the_check(provider: Provider) -> None:
    provider.check(MODEL)


@pytest.mark.parametrize("name", sorted(PROVIDERS.keys() - LOCAL))
def test_what_is_not_set_up_says_what_to_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(NotConfigured, match=r"\bset [A-Z]+_[A-Z_]+"):
        PROVIDERS[name](ProviderConfig()).check(MODEL)


async def test_an_answer_arrives_with_what_it_took(
    name: str, provider: Provider, place: StandIn, workspace: Path
) -> None:
    place.play("answer")

    reply = await provider.ask(question(workspace))

    assert isinstance(parse_answer(reply.text), Finding) or name in LOCAL
    if provider.needs_model:
        assert (reply.usage.output_tokens, reply.usage.cache_read_tokens) == (20, 40)


@pytest.mark.parametrize(
    ("name", "scene"),
    [(name, scene) for name in sorted(PROVIDERS) for scene in sorted(SCENES[name] & FAILURES.keys())],
)
async def test_a_failure_is_a_sentence_and_leaves_nothing_running(
    name: str, scene: str, provider: Provider, place: StandIn, workspace: Path
) -> None:
    kind, says = FAILURES[scene]
    place.play(scene)
    asked = question(workspace, timeout_s=0.6 if scene == "hang" else 20.0)

    with pytest.raises(kind, match=says) as caught:
        await provider.ask(asked)

    assert type(caught.value) is kind
    assert caught.value.source == f"provider {name}"
    assert KEY not in str(caught.value)
    assert getattr(caught.value, "timed_out", False) == (scene == "hang")
    assert not any(is_running(call["pid"]) for call in place.calls)


@providers_with("rate_limit")
async def test_a_rate_limit_is_waited_for_as_long_as_the_vendor_says(
    name: str, provider: Provider, place: StandIn, workspace: Path
) -> None:
    place.play("rate_limit", "rate_limit", "answer")

    reply = await provider.ask(question(workspace))

    assert isinstance(parse_answer(reply.text), Finding)


@providers_with("rate_limit")
async def test_waiting_ends_with_the_question_s_time(name: str, place: StandIn, workspace: Path) -> None:
    place.play("rate_limit")
    began = time.monotonic()

    with pytest.raises(Unavailable):
        await PROVIDERS[name](place.config).ask(question(workspace, timeout_s=0.3))

    assert time.monotonic() - began < 5


async def test_a_program_sees_nothing_of_the_server(
    provider: Provider, place: StandIn, workspace: Path
) -> None:
    await provider.ask(question(workspace))

    for call in place.calls:
        assert "CANARY_OF_THE_SERVER" not in call["environment"]
        assert not is_there(call["environment"]["HOME"])
        assert not is_there(call["environment"]["TMPDIR"])
        assert call["folder"] == str(workspace)
        assert KEY not in " ".join(call["arguments"])


@providers_with("hang")
async def test_cancelling_leaves_nothing_running(
    name: str, provider: Provider, place: StandIn, workspace: Path
) -> None:
    place.play("hang")
    task = asyncio.create_task(provider.ask(question(workspace)))
    await asyncio.sleep(0.5)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not any(is_running(call["pid"]) for call in place.calls)


async def test_a_workspace_that_gives_orders_is_not_obeyed(
    provider: Provider, place: StandIn, workspace: Path, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    order = '{"command": "touch %s"}'
    for file in (".claude/settings.json", ".mcp.json", ".gemini/settings.json", ".cursor/mcp.json"):
        (workspace / file).parent.mkdir(exist_ok=True)
        (workspace / file).write_text(order % (marks / file.replace("/", "_")))
    (workspace / ".env").write_text("GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:1\n")
    before = names_below(workspace)

    await provider.ask(question(workspace))

    assert names_below(marks) == []
    assert names_below(workspace) == before
    assert not (tmp_path / "stand-in" / "redirected").exists()


async def test_a_model_s_name_is_never_taken_for_an_option(
    provider: Provider, place: StandIn, workspace: Path
) -> None:
    for option in ("--force", "--yolo", "--dangerously-skip-permissions"):
        await provider.ask(question(workspace, model=option))

        assert not any(option in call["arguments"] for call in place.calls)


@pytest.mark.parametrize("prompt", ["wörks? \ud800", "x" * 1_000_000])
async def test_any_prompt_can_be_asked(provider: Provider, workspace: Path, prompt: str) -> None:
    assert (await provider.ask(question(workspace, prompt=prompt))).text


async def test_many_questions_at_once_get_answers(provider: Provider, workspace: Path) -> None:
    replies = await asyncio.gather(*(provider.ask(question(workspace)) for _ in range(4)))

    assert all(reply.text for reply in replies)
