"""For each provider something real that it can be pointed at, and the scenes that can be played there."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support import stand_in_agent
from tests.support.model_server import Answer, ModelServer, model_server

from rootcoz.domain.failure import ErrorSignature, Failure, FailureGroup
from rootcoz.providers.base import Access, Question
from rootcoz.providers.registry import ProviderConfig

KEY = "k3y-of-the-tests-0123456789"
MODEL = "m-1"
ANSWER_TEXT = json.dumps(stand_in_agent.ANSWER)
BACKOFF_S = (0.05, 0.05)

SCENES = {
    "builtin": {"answer"},
    "claude": {
        *(
            "answer",
            "structured",
            "prose",
            "bad_key",
            "unknown_model",
            "rate_limit",
            "overload",
            "unreachable",
            "cut",
        ),
        *("hang", "garbage", "silence", "empty", "turns", "oversized", "crash", "failed_well", "too_long"),
    },
    "command": {"answer", "hang", "empty", "oversized", "crash", "silence", "bad_key"},
    "cursor": {
        *("answer", "no_usage", "prose", "bad_key", "unknown_model", "rate_limit", "unreachable", "used_up"),
        *("hang", "garbage", "silence", "empty", "oversized", "crash", "failed_well"),
    },
    "gemini": {
        *(
            "answer",
            "prose",
            "bad_key",
            "bad_key_400",
            "unknown_model",
            "rate_limit",
            "overload",
        ),
        *("hang", "garbage", "silence", "empty", "nothing", "oversized", "crash"),
    },
    "openai": {
        *(
            "answer",
            "prose",
            "bad_key",
            "unknown_model",
            "rate_limit",
            "overload",
            "hang",
            "garbage",
            "empty",
        ),
        *("oversized", "cut", "filtered"),
    },
}
"""The scenes that each provider's stand-in knows."""

_HTTP_SCENES = {
    "answer": Answer(ANSWER_TEXT),
    "prose": Answer("I think that the server is broken."),
    "bad_key": Answer(f"Incorrect API key provided: {KEY}", status=401),
    "unknown_model": Answer("The model does not exist", status=404),
    "rate_limit": Answer("Rate limit reached", status=429, headers={"retry-after": "0.05"}),
    "overload": Answer("Overloaded", status=503, headers={"retry-after": "0.05"}),
    "hang": Answer(ANSWER_TEXT, delay_s=3),
    "garbage": Answer(raw=b"<html><body>Sign in</body></html>", headers={"content-type": "text/html"}),
    "empty": Answer(""),
    "oversized": Answer(raw=b" " * 11_000_000, headers={"content-type": "application/json"}),
    "cut": Answer('{"classification": "PRODUCT BUG", "det', cut=True),
    "filtered": Answer("content filter", status=400),
}


class StandIn:
    """What a provider is pointed at in a test."""

    def __init__(self, config: ProviderConfig, play: Callable[..., None], folder: Path | None = None) -> None:
        self.config = config
        self.play = play
        """Takes names of scenes, one for each call, the last one again and again."""
        self._folder = folder

    @property
    def calls(self) -> list[dict[str, Any]]:
        """How the program was started each time; empty for what is no program."""
        file = self._folder / "calls.jsonl" if self._folder else None
        return [json.loads(line) for line in file.read_text().splitlines()] if file and file.exists() else []


@contextmanager
def stand_in(name: str, folder: Path) -> Iterator[StandIn]:
    """A stand-in for what the provider talks to; `folder` is an empty one for its files."""
    if name == "openai":
        with model_server() as server:
            yield StandIn(
                openai_config(server), lambda *scenes: server.say(*(_HTTP_SCENES[s] for s in scenes))
            )
        return
    binary = program(folder, {"cursor": "cursor-agent"}.get(name, name))
    access = Access(api_key=KEY, binary=str(binary), base_url="http://127.0.0.1:9")
    config = ProviderConfig(
        command=(str(binary),),
        command_env=("OWN_KEY",),
        claude=access,
        gemini=access,
        cursor=access,
        backoff_s=BACKOFF_S,
    )
    yield StandIn(config, lambda *scenes: play(folder, *scenes), folder)


def openai_config(server: ModelServer) -> ProviderConfig:
    """The server as an OpenAI-compatible service."""
    return ProviderConfig(openai=Access(api_key=KEY, base_url=f"{server.url}/v1"))


def program(folder: Path, name: str) -> Path:
    """An executable of that name in the folder."""
    file = folder / name
    file.write_text(f"#!{sys.executable} -IS\n{Path(stand_in_agent.__file__).read_text()}")
    file.chmod(0o755)
    play(folder, "answer")
    return file


def play(folder: Path, *scenes: str) -> None:
    """Begin anew with these scenes."""
    (folder / "scenario.json").write_text(json.dumps(scenes))
    (folder / "calls.jsonl").unlink(missing_ok=True)


def question(workspace: Path | None, **changes: Any) -> Question:  # noqa: ANN401 - any field of it
    """A question about some failure."""
    failure = Failure("tests.test_a", error_message="AssertionError: 1 != 2")
    facts: dict[str, Any] = {
        "group": FailureGroup(1, ErrorSignature("0" * 64, 1), failure, (0,)),
        "affected_tests": ("tests.test_a",),
        "job_name": "",
        "prompt": "Why?",
        "workspace": workspace,
        "model": MODEL,
        "timeout_s": 20.0,
    }
    return Question(**facts | changes)
