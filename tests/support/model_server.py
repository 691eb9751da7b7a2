"""A local server that speaks the protocols of three AI services, with the replies it is told to give.

Anthropic's Messages, Google's generateContent and OpenAI's chat completions, streamed where the client asks for it, and
the three lists of models. Requests to a model take the next reply of `script`, the last one again and again.
"""

import json
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply to a request for an answer."""

    text: str = ""
    tool: str = ""
    """Name of a tool that the model wants to use, instead of answering."""
    arguments: Json = field(default_factory=dict)
    status: int = 200
    """Other than 200: an error, `text` is its message."""
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0
    raw: bytes | None = None
    """Sent as it is."""
    cut: bool = False
    """The model stopped at its limit of output."""
    input_tokens: int = 100
    output_tokens: int = 20
    cached_tokens: int = 40


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: Json


class ModelServer:
    """Give it a `script`; look at its `requests` afterwards."""

    def __init__(self) -> None:
        self.script: list[Answer] = [Answer("OK")]
        self.models = ["model-a", "model-b"]
        self.models_reply: Answer | None = None
        """Sent to whoever asks for the models, instead of them."""
        self.requests: list[Request] = []
        self._lock = threading.Lock()
        self._given = 0
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def say(self, *answers: Answer) -> None:
        """Begin anew with these replies."""
        with self._lock:
            self.script = list(answers)
            self.requests = []
            self._given = 0

    def next_answer(self) -> Answer:
        """The next reply of the script."""
        with self._lock:
            answer = self.script[min(self._given, len(self.script) - 1)]
            self._given += 1
            return answer

    def tool_results(self) -> list[str]:
        """What clients sent back for the tools they were asked to use, in any of the three protocols."""
        asked = [request for request in self.requests if request.method == "POST"]
        return list(_tool_results(asked[-1].body)) if asked else []

    def tools_offered(self) -> set[str]:
        """Names of the tools that the last request let the model use."""
        asked = [
            request for request in self.requests if request.method == "POST" and request.body.get("tools")
        ]
        return {name for tool in asked[-1].body["tools"] for name in _tool_names(tool)} if asked else set()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def model_server() -> Iterator[ModelServer]:
    """A server for the length of a test."""
    server = ModelServer()
    try:
        yield server
    finally:
        server.close()


def _tool_names(tool: Json) -> list[str]:
    if "functionDeclarations" in tool:
        return [declared["name"] for declared in tool["functionDeclarations"]]
    return [tool["function"]["name"] if "function" in tool else tool["name"]]


def _tool_results(body: Json) -> Iterator[str]:
    for message in body.get("messages", []):
        if message["role"] == "tool":
            yield str(message["content"])
        elif isinstance(message["content"], list):
            yield from (json.dumps(part) for part in message["content"] if part.get("type") == "tool_result")
    for content in body.get("contents", []):
        parts = content.get("parts", [])
        yield from (json.dumps(part["functionResponse"]) for part in parts if "functionResponse" in part)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    owner: ModelServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is nothing to report."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        """Somebody looks whether we are there."""
        self._send(200, b"")

    def do_GET(self) -> None:
        """Answer with the list of models."""
        owner = self._note({})
        if owner.models_reply is not None:
            time.sleep(owner.models_reply.delay_s)
            return self._send_answer(owner.models_reply)
        names = owner.models
        if "/v1beta/" in self.path:
            methods = ["generateContent"]
            listed = [
                {"name": f"models/{n}", "displayName": n, "supportedGenerationMethods": methods}
                for n in names
            ]
            listed.append({"name": "models/embedder", "supportedGenerationMethods": ["embedContent"]})
            return self._send_json(200, {"models": listed})
        return self._send_json(200, {"object": "list", "data": [{"id": n, "object": "model"} for n in names]})

    def do_CONNECT(self) -> None:
        """Somebody takes us for a proxy and wants to get out."""
        self._note({})
        self._send(403, b"")

    def do_POST(self) -> None:
        """Answer a question in the protocol in which it was asked."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])) or b"{}")
        owner = self._note(body)
        if self.path.partition("?")[0].endswith(("count_tokens", ":countTokens")):
            return self._send_json(200, {"input_tokens": 1, "totalTokens": 1})
        answer = owner.next_answer()
        time.sleep(answer.delay_s)
        if answer.status != 200 or answer.raw is not None:
            return self._send_answer(answer)
        if "/messages" in self.path:
            events = list(_anthropic(answer, body["model"]))
            return self._send_events(event for name, data in events for event in (f"event: {name}", data))
        if ":generateContent" in self.path:
            return self._send_json(200, _gemini(answer))
        if ":streamGenerateContent" in self.path:
            return self._send_events([_gemini(answer)])
        return self._send_json(200, _openai(answer, body["model"]))

    def _note(self, body: Json) -> ModelServer:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.owner.requests.append(Request(self.command, self.path, headers, body))
        return self.server.owner

    def _send_answer(self, answer: Answer) -> None:
        if answer.raw is not None:
            return self._send(answer.status, answer.raw, answer.headers)
        problem = {
            "type": "error",
            "code": answer.status,
            "message": answer.text,
            "status": "X",
            "details": [],
        }
        return self._send_json(answer.status, {"type": "error", "error": problem}, answer.headers)

    def _send_json(self, status: int, document: Json, headers: dict[str, str] | None = None) -> None:
        kind = {"content-type": "application/json"}
        self._send(status, json.dumps(document).encode(), kind | (headers or {}))

    def _send_events(self, events: Iterable[Json | str]) -> None:
        lines = (
            event + "\n" if isinstance(event, str) else f"data: {json.dumps(event)}\n\n" for event in events
        )
        self._send(200, "".join(lines).encode(), {"content-type": "text/event-stream"})

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _anthropic(answer: Answer, model: str) -> Iterator[tuple[str, Json]]:
    """https://docs.claude.com/en/docs/build-with-claude/streaming."""
    usage = {
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "cache_read_input_tokens": answer.cached_tokens,
        "cache_creation_input_tokens": 0,
    }
    message = {
        "id": f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "usage": usage,
    }
    yield "message_start", {"type": "message_start", "message": message | {"stop_reason": None}}
    if answer.tool:
        block: Json = {
            "type": "tool_use",
            "id": f"toolu_{uuid.uuid4().hex}",
            "name": answer.tool,
            "input": {},
        }
        delta = {"type": "input_json_delta", "partial_json": json.dumps(answer.arguments)}
    else:
        block = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": answer.text}
    yield "content_block_start", {"type": "content_block_start", "index": 0, "content_block": block}
    yield "content_block_delta", {"type": "content_block_delta", "index": 0, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    stop = "tool_use" if answer.tool else "max_tokens" if answer.cut else "end_turn"
    end = {"stop_reason": stop, "stop_sequence": None}
    yield (
        "message_delta",
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": answer.output_tokens}},
    )
    yield "message_stop", {"type": "message_stop"}


def _gemini(answer: Answer) -> Json:
    """https://ai.google.dev/api/generate-content."""
    call = {"functionCall": {"name": answer.tool, "args": answer.arguments}}
    return {
        "candidates": [
            {
                "content": {"role": "model", "parts": [call if answer.tool else {"text": answer.text}]},
                "finishReason": "MAX_TOKENS" if answer.cut else "STOP",
                "index": 0,
            }
        ],
        "usageMetadata": {
            "promptTokenCount": answer.input_tokens,
            "candidatesTokenCount": answer.output_tokens,
            "cachedContentTokenCount": answer.cached_tokens,
            "totalTokenCount": answer.input_tokens + answer.output_tokens,
        },
    }


def _openai(answer: Answer, model: str) -> Json:
    """https://platform.openai.com/docs/api-reference/chat/object."""
    message: Json = {"role": "assistant", "content": answer.text or None}
    if answer.tool:
        function = {"name": answer.tool, "arguments": json.dumps(answer.arguments)}
        message["tool_calls"] = [{"id": f"call_{uuid.uuid4().hex}", "type": "function", "function": function}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [
            {
                "index": 0,
                "message": message,
                "finish_reason": "tool_calls" if answer.tool else "length" if answer.cut else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": answer.input_tokens,
            "completion_tokens": answer.output_tokens,
            "total_tokens": answer.input_tokens + answer.output_tokens,
            "prompt_tokens_details": {"cached_tokens": answer.cached_tokens},
        },
    }
