"""Stands in for Claude Code, Gemini CLI, Cursor's agent and an operator's program: output, failures, traps.

The name under which it is started says which one it is. `scenario.json` beside that name says what happens: a list of
names of scenes, one for each run, the last one again and again. Each run adds a line to `calls.jsonl` there. Flags and
variables that keep the real program from obeying its working folder do the same here: without them a hook or server
that lies there is run.
"""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(sys.argv[0]).parent
ANSWER = {
    "classification": "PRODUCT BUG",
    "confidence": 0.8,
    "details": "The server answers 500.",
    "evidence": [],
}
WAIT = "Please try again in 0.05s."
GEMINI_SETTINGS = ".gemini/settings.json"


def main() -> None:
    """Be the program of that name."""
    scene = next_scene()
    note_call(scene)
    if "--version" in sys.argv:
        print("0.0.0")
        return
    {"claude": claude, "gemini": gemini, "cursor-agent": cursor, "command": command}[Path(sys.argv[0]).name](
        scene
    )


def next_scene() -> str:
    """What happens in this run."""
    scenes: list[str] = json.loads((HERE / "scenario.json").read_text())
    calls = HERE / "calls.jsonl"
    number = len(calls.read_text().splitlines()) if calls.exists() else 0
    return scenes[min(number, len(scenes) - 1)]


def note_call(scene: str) -> None:
    """Write down how we were started."""
    settings = Path(os.environ["HOME"], GEMINI_SETTINGS)
    call = {
        "scene": scene,
        "pid": os.getpid(),
        "arguments": sys.argv[1:],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "settings": settings.read_text() if settings.exists() else "",
    }
    with (HERE / "calls.jsonl").open("a") as file:
        file.write(json.dumps(call) + "\n")


def options(with_value: set[str], flags: set[str]) -> dict[str, str]:
    """The command line, refused like the real programs refuse what they do not know."""
    words = iter(sys.argv[1:])
    found = {}
    for word in words:
        option, joined, value = word.partition("=")
        if option in with_value:
            found[option] = value if joined else next(words)
        elif word in flags:
            found[word] = ""
        else:
            fail(f"error: unknown option '{word}'")
    return found


def fail(message: str, code: int = 1) -> NoReturn:
    """End like a program that failed."""
    print(message, file=sys.stderr)
    raise SystemExit(code)


def show(document: dict[str, Any], code: int = 0) -> NoReturn:
    """End with the one object on standard output."""
    print(json.dumps(document))
    raise SystemExit(code)


def run_commands_in(text: str) -> None:
    """Do what a hostile file asks for."""
    for command in re.findall(r'"command": "((?:[^"\\]|\\.)*)"', text):
        subprocess.run(["/bin/sh", "-c", json.loads(f'"{command}"')], check=False)


def played_by_all(scene: str) -> None:
    """Scenes that are the same for all three."""
    match scene:
        case "hang":
            subprocess.Popen(["sleep", "60"])
            time.sleep(60)
        case "garbage":
            print('{"type":"result","subty')
            raise SystemExit(0)
        case "silence":
            raise SystemExit(0)
        case "oversized":
            sys.stdout.write("x" * 11_000_000)
            raise SystemExit(0)
        case "crash":
            fail("Segmentation fault", 139)


def command(scene: str) -> None:
    """A program of the operator's own."""
    sys.stdin.read()
    played_by_all(scene)
    if scene == "bad_key":
        fail(f"key {os.environ['OWN_KEY']} was refused")
    print("" if scene == "empty" else json.dumps(ANSWER))


# --- Claude Code ---------------------------------------------------------------------------------


def claude(scene: str) -> None:
    """Its errors come as a result with `subtype: success` and exit code 1."""
    given = options(
        {"--output-format", "--model", "--tools", "--permission-mode", "--setting-sources", "--json-schema"},
        {"-p", "--strict-mcp-config", "--safe-mode", "--no-session-persistence", "--disable-slash-commands"},
    )
    prompt = sys.stdin.read()
    if not prompt:
        fail("Error: Input must be provided either through stdin or as a prompt argument when using --print")
    if given.get("--setting-sources") != "" and (file := Path(".claude/settings.json")).exists():
        run_commands_in(file.read_text())
    if "--strict-mcp-config" not in given and (file := Path(".mcp.json")).exists():
        run_commands_in(file.read_text())
    key = os.environ.get("ANTHROPIC_API_KEY", "")
    played_by_all(scene)
    result: dict[str, Any] = {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "api_error_status": None,
        "num_turns": 1,
        "result": json.dumps(ANSWER),
        "total_cost_usd": 0.0123,
        "usage": {
            "input_tokens": 100,
            "output_tokens": 20,
            "cache_read_input_tokens": 40,
            "cache_creation_input_tokens": 10,
        },
        "permission_denials": [],
    }
    failures = {
        "bad_key": (401, f"Failed to authenticate. API Error: 401 invalid x-api-key {key}"),
        "unknown_model": (404, "There's an issue with the selected model. It may not exist."),
        "rate_limit": (429, f"API Error: Request rejected (429) · {WAIT}"),
        "overload": (529, f"API Error: 529 overloaded. {WAIT}"),
        "too_long": (400, "Prompt is too long"),
        "failed_well": (None, "API Error: something odd"),
        "unreachable": (None, "API Error: Connection refused"),
        "cut": (None, "API Error: Claude's response exceeded the 32000 output token maximum."),
    }
    if scene in failures:
        status, said = failures[scene]
        result |= {"is_error": True, "api_error_status": status, "result": said, "total_cost_usd": 0}
        if code := {"unreachable": "connection_failed", "cut": "max_output_tokens"}.get(scene):
            result["api_error"] = code
        show(result, 0 if scene == "failed_well" else 1)
    match scene:
        case "empty":
            show(result | {"result": ""})
        case "turns":
            del result["result"]
            show(result | {"subtype": "error_max_turns"})
        case "prose":
            show(result | {"result": "I think that the server is broken."})
        case "structured":
            show(result | {"result": "Done.", "structured_output": ANSWER})
    show(result)


# --- Gemini CLI ----------------------------------------------------------------------------------

_TRACE = "\n    at throwErrorIfNotOK (file:///bundle/chunk.js:267833:24)\n    at async Turn.run (file:///bundle/c.js:1:2)"


def gemini(scene: str) -> None:
    """Exit code 0 may be a failure; other exit codes are HTTP statuses less 256."""
    options({"--output-format", "--model"}, {"--skip-trust"})
    prompt = sys.stdin.read()
    for variable in ("HOME", "TMPDIR"):
        Path(os.environ[variable], "session.jsonl").write_text(prompt)
    if "GOOGLE_GEMINI_BASE_URL" not in os.environ and Path(".env").exists():
        (HERE / "redirected").write_text(Path(".env").read_text())
    limits = json.loads(Path(os.environ["HOME"], GEMINI_SETTINGS).read_text())
    if os.environ.get("GEMINI_CLI_TRUST_WORKSPACE") or limits["hooksConfig"]["enabled"]:
        run_commands_in(Path(GEMINI_SETTINGS).read_text())
    key = os.environ.get("GEMINI_API_KEY", "")
    print("Warning: 256-color support not detected.", file=sys.stderr)
    played_by_all(scene)
    failures = {
        "bad_key": (145, "_ApiError", 401, f"API key not valid: {key}"),
        "bad_key_400": (144, "_ApiError", 400, "API key not valid. Please pass a valid API key."),
        "rate_limit": (173, "_ApiError", 429, f"Quota exceeded. {WAIT}"),
        "overload": (247, "_ApiError", 503, f"The model is overloaded. {WAIT}"),
    }
    if scene in failures:
        code, name, status, said = failures[scene]
        error = json.dumps({"error": {"code": status, "message": said, "status": "X", "details": []}})
        fail(
            f"Error when talking to Gemini API Full report available at: /x.json {name}: {error}{_TRACE}",
            code,
        )
    if scene == "unknown_model":
        fail(f"Error when talking to Gemini API ModelNotFoundError: models/x is not found{_TRACE}")
    tokens = {
        "input": 60,
        "prompt": 100,
        "candidates": 15,
        "total": 120,
        "cached": 40,
        "thoughts": 5,
        "tool": 0,
    }
    output: dict[str, Any] = {
        "session_id": "s",
        "response": json.dumps(ANSWER),
        "stats": {"models": {"gemini-2.5-pro": {"api": {"totalRequests": 1}, "tokens": tokens}}},
    }
    match scene:
        case "empty":
            problem = {"type": "INVALID_STREAM", "message": "The model returned an empty response."}
            show(output | {"response": "", "error": problem})
        case "nothing":
            show(output | {"response": ""})
        case "prose":
            show(output | {"response": "I think that the server is broken."})
    show(output)


# --- Cursor's agent ------------------------------------------------------------------------------


def cursor(scene: str) -> None:
    """Failures have text on standard error alone, but for the rare one with `is_error` and exit code 0."""
    given = options({"--output-format", "--model", "--mode"}, {"-p", "--trust", "--force", "--list-models"})
    key = os.environ.get("CURSOR_API_KEY", "")
    if "--list-models" in given:
        print("Available models\n\nauto - Auto (default)\ngpt-5.1 - GPT-5.1\n")
        return
    if "--trust" not in given:
        fail("Workspace Trust Required")
    if given.get("--mode") != "ask" or "--force" in given:
        Path("written-by-the-agent").write_text("")
    sys.stdin.read()
    played_by_all(scene)
    failures = {
        "bad_key": f"Error: Invalid API key {key}",
        "unknown_model": "Cannot use this model: m. Available models: auto, gpt-5.1",
        "rate_limit": f"Error: rate limit reached. {WAIT}",
        "unreachable": "Error: [unavailable] connect ECONNREFUSED",
        "used_up": "Error: You've hit your usage limit",
    }
    if scene in failures:
        fail(failures[scene])
    result: dict[str, Any] = {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "result": json.dumps(ANSWER),
        "session_id": "s",
        "usage": {"inputTokens": 100, "outputTokens": 20, "cacheReadTokens": 40, "cacheWriteTokens": 0},
    }
    match scene:
        case "failed_well":
            show(result | {"subtype": "error", "is_error": True, "result": "runtime boom"})
        case "empty":
            show(result | {"result": ""})
        case "no_usage":
            del result["usage"]
        case "prose":
            show(result | {"result": "I think that the server is broken."})
    show(result)


if __name__ == "__main__":
    main()
