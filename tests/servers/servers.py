"""Starts the model servers, each with a text and, where it can, a tool call. Each runs in a process of its own.

LiteLLM's proxy passes the wires of tests/models on; the others answer by rules.
"""

import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ..clients.install import NODE
from ..template_path import contract_tests
from .install import FOLDER, VENV

processes = contract_tests("processes")
BIN = VENV / "bin"
MODULES = FOLDER / "node_modules"
KEY = "sk-" + "0123456789abcdef" * 4
SAID = "Hello from another server."
# The prompts of the tests. They also name the wires that LiteLLM gets.
GREETING = "Say hello, please. (wire: openai/text.sse )"
QUESTION = "How is the weather in Paris? (wire: openai/tools.sse )"
PATIENCE_SECONDS = 180.0


@dataclass(frozen=True)
class Server:
    """How to start a server. `text` is what it says to the greeting; None if any text will do."""

    command: Callable[[int, Path, str], list[str]]  # from a port, an empty folder and the URL of the wires
    text: str | None = SAID
    has_tools: bool = True
    # Of its tool call; None if any city will do.
    arguments: Mapping[str, str] | None = field(default_factory=lambda: {"city": "Paris"})
    model: str = "gpt-4o-mini"
    question: str = QUESTION
    environment: Callable[[int, Path], dict[str, str]] = lambda port, folder: {}


def written(folder: Path, name: str, content: Any) -> str:
    file = folder / name
    file.write_text(yaml.safe_dump(content), encoding="utf-8")  # JSON is YAML
    return str(file)


def fakellm(port: int, folder: Path, _: str) -> list[str]:
    weather = {"name": "get_weather", "arguments": {"city": "Paris"}}
    rules = [
        {
            "name": "weather",
            "when": {"messages_contain": "weather", "tools_include": "get_weather"},
            "respond": {"tool_calls": [weather]},
        },
        {"name": "hello", "when": {"messages_contain": "hello"}, "respond": {"content": SAID}},
    ]
    written(folder, "rules.yaml", {"rules": rules})
    return [str(BIN / "uvicorn"), "fakellm.server:app", "--port", str(port), "--log-level", "error"]


def litellm(port: int, folder: Path, wires: str) -> list[str]:
    passed_on = {"model": "openai/*", "api_base": wires, "api_key": "unused"}
    config = {
        "model_list": [{"model_name": "*", "litellm_params": passed_on}],
        "litellm_settings": {"telemetry": False},
    }
    given = ("--config", written(folder, "config.yaml", config), "--host", "127.0.0.1", "--port", str(port))
    return [str(BIN / "litellm"), *given, "--telemetry", "False"]


def llmock(port: int, folder: Path, _: str) -> list[str]:
    return [str(BIN / "llmock"), "serve", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]


def mockllm(port: int, folder: Path, _: str) -> list[str]:
    responses = written(folder, "responses.yml", {"responses": {}, "defaults": {"unknown_response": SAID}})
    return [str(BIN / "mockllm"), "start", "--responses", responses, "--host", "127.0.0.1", "--port", str(port)]


def aimock(port: int, folder: Path, _: str) -> list[str]:
    called = {"toolCalls": [{"name": "get_weather", "arguments": json.dumps({"city": "Paris"})}]}
    fixtures = [
        {"match": {"userMessage": "hello"}, "response": {"content": SAID}},
        {"match": {"userMessage": "weather"}, "response": called},
    ]
    file = folder / "fixtures.json"
    file.write_text(json.dumps({"fixtures": fixtures}), encoding="utf-8")
    return [str(NODE), str(MODULES / "@copilotkit/aimock/dist/cli.js"), "--port", str(port), "--fixtures", str(file)]


def mock_llm(port: int, folder: Path, _: str) -> list[str]:
    def rule(match: str, message: dict[str, Any], finish: str) -> dict[str, Any]:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
        content = {"id": "x", "object": "chat.completion", "model": "m", "choices": [choice]}
        response = {"status": 200, "content": json.dumps(content)}
        return {"path": "/v1/chat/completions", "match": match, "response": response}

    function = {"name": "get_weather", "arguments": json.dumps({"city": "Paris"})}
    called = {"content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
    rules = [rule("@", {"content": SAID}, "stop"), rule("body.tools", called, "tool_calls")]
    config = written(folder, "mock-llm.yaml", {"streaming": {"chunkSize": 8, "chunkIntervalMs": 1}, "rules": rules})
    return [str(NODE), str(MODULES / "@dwmkerr/mock-llm/dist/main.js"), "--config", config]


def openai_mock_api(port: int, folder: Path, _: str) -> list[str]:
    def flow(word: str, answer: dict[str, Any]) -> dict[str, Any]:
        asked = {"role": "user", "content": word, "matcher": "contains"}
        return {"id": word, "messages": [asked, {"role": "assistant", **answer}]}

    function = {"name": "get_weather", "arguments": json.dumps({"city": "Paris"})}
    called = {"tool_calls": [{"id": "call_1", "type": "function", "function": function}]}
    responses = [flow("hello", {"content": SAID}), flow("weather", called)]
    config = written(folder, "config.yaml", {"apiKey": KEY, "port": port, "responses": responses})
    return [str(NODE), str(MODULES / "openai-mock-api/dist/cli.js"), "--config", config, "--port", str(port)]


def mock_openai_api(port: int, folder: Path, _: str) -> list[str]:
    return [str(NODE), str(MODULES / "mock-openai-api/dist/cli.js"), "--host", "127.0.0.1", "--port", str(port)]


SERVERS = {
    "fakellm": Server(fakellm, environment=lambda _, folder: {"FAKELLM_CONFIG": str(folder / "rules.yaml")}),
    "litellm": Server(
        litellm,
        text="Hello",
        environment=lambda *_: {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": KEY},
    ),
    "llmock": Server(llmock, text=None, arguments=None),
    "mockllm": Server(mockllm, has_tools=False),
    "aimock": Server(aimock),
    "openai-mock-api": Server(openai_mock_api),
    "mock-openai-api": Server(
        mock_openai_api,
        text=None,
        question="What's the weather like in Beijing today?",
        arguments={"location": "Beijing", "date": "today"},
        model="gpt-4-mock",
    ),
    # It streams texts only, and a competitor always asks for a stream.
    "mock-llm": Server(mock_llm, has_tools=False, environment=lambda port, _: {"PORT": str(port), "HOST": "127.0.0.1"}),
}


@contextmanager
def running(name: str, folder: Path, wires: str) -> Iterator[str]:
    """Starts a server and waits until it listens. Yields its base URL."""
    server, port = SERVERS[name], processes.free_port()
    command = server.command(port, folder, wires)
    with (folder / "log").open("wb") as log:
        environment = {**os.environ, **server.environment(port, folder)}
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_until_it_listens(port, process, folder / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


def _wait_until_it_listens(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"the server did not start:\n{log.read_text(encoding='utf-8', errors='replace')[-3000:]}")
