"""Tests that a client sees the same of each server's answers, in every variant, streamed and whole."""

import base64
import json
from typing import Any

import pytest

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed
from competitor.checks.sources.answers import WEATHER
from tools import tables

from .wires import FOLDER, WIRES, ModelServer


def test_every_file_is_a_wire_and_the_document_lists_it() -> None:
    files = {f"{file.parent.name}/{file.name}" for file in FOLDER.glob("*/*") if file.suffix in (".sse", ".json")}
    assert files == WIRES.keys()
    assert tables.PAGES["models"].read_text(encoding="utf-8").count("\n| ") > len(WIRES)


@pytest.mark.parametrize("mode", ["stream", "whole"])
@pytest.mark.parametrize("wire", WIRES)
def test_a_client_sees_what_the_server_means(wire: str, mode: str, target: Target, models: ModelServer) -> None:
    assert_seen(WIRES[wire].seen, *(streamed if mode == "stream" else whole)(target, f"wire: {wire} ?"))


def streamed(target: Target, prompt: str) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """The message, the finish reason and the usage of a streamed answer."""
    stream = target.stream(prompt, tools=[WEATHER])
    well_formed(stream, prompt)
    calls: list[dict[str, Any]] = []
    artifacts = []
    for _, delta in stream.deltas:
        artifacts += delta.get("janus", {}).get("payload", {}).get("items", [])
        for piece in delta.get("tool_calls", ()):
            if piece["index"] == len(calls):
                calls.append({"function": {"arguments": ""}})
            call = calls[piece["index"]]
            arguments = call["function"]["arguments"] + piece.get("function", {}).get("arguments", "")
            call |= {name: value for name, value in piece.items() if name not in ("index", "function")}
            call["function"] |= piece.get("function", {}) | {"arguments": arguments}
    message = {"content": stream.text, "reasoning_content": stream.reasoning, "artifacts": artifacts}
    return {**message, "tool_calls": calls}, stream.finish_reasons[0], stream.usages[0]


def whole(target: Target, prompt: str) -> tuple[dict[str, Any], str, dict[str, Any]]:
    """The message, the finish reason and the usage of an answer that is not streamed."""
    body = target.ask(prompt, tools=[WEATHER]).json()
    choice = body["choices"][0]
    return choice["message"], choice["finish_reason"], body["usage"]


def assert_seen(seen: dict[str, Any], message: dict[str, Any], finish: str, usage: dict[str, Any]) -> None:
    text = seen.get("text", "")
    assert message["content"].startswith(text[:-1]) if text.endswith("*") else message["content"] == text
    assert seen.get("failure", "") in message["content"]
    assert message["reasoning_content"].strip() == seen.get("reasoning", "")
    assert [described(call) for call in message.get("tool_calls") or ()] == [*map(expected, seen.get("calls", ()))]
    ids = [call["id"] for call in message.get("tool_calls") or ()]
    assert len(set(ids)) == len(ids)
    assert all(ids)
    for call, wanted in zip(message.get("tool_calls") or (), seen.get("calls", ()), strict=True):
        assert call["id"] == wanted.get("id", call["id"])
    assert finish == seen["finish"]
    assert usage.items() >= seen.get("usage", {}).items()
    if "artifact" in seen:
        (artifact,) = message["artifacts"]
        assert artifact["mime_type"] == seen["artifact"]
        assert base64.b64decode(artifact["url"].partition(",")[2]).startswith(b"\x89PNG")
        assert artifact["url"] in message["content"]


def described(call: dict[str, Any]) -> dict[str, Any]:
    fields = {name: value for name, value in call.items() if name not in ("id", "type", "function")}
    return {"name": call["function"]["name"], "arguments": json.loads(call["function"]["arguments"]), **fields}


def expected(call: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in call.items() if name != "id"}
