"""Tests the tool loop with a model server that is not ours: fakellm, a package from PyPI, in its own process.

fakellm answers according to rules; a rule can require the result of a tool. It reports no usage in a stream, so the
core has to count tokens.
"""

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from openai import OpenAI

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed

from .conftest import Serve, processes
from .faulty_tools import CANARY
from .test_openai_sdk import function, said_calls, streamed
from .test_tool_faults import FAULTS

# fakellm writes the arguments as JSON itself, so it cannot send invalid JSON.
SCRIPTABLE = {fault: given for fault, given in FAULTS.items() if fault != "arguments that are not JSON"}
NUMBER = random.Random().randrange(10**6, 10**7)


def rule(name: str, when: dict[str, Any], **respond: Any) -> dict[str, Any]:
    return {"name": name, "when": when, "respond": respond}


def asks_for(*calls: tuple[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, "arguments": arguments} for name, arguments in calls]


def rules() -> Iterator[dict[str, Any]]:
    for fault, (calls, sentence) in SCRIPTABLE.items():
        about = {"messages_contain": f"fault: {fault}."}
        yield rule(f"{fault}, told", {**about, "tool_result_contains": sentence}, content="recovered")
        parsed = [(call["name"], json.loads(call["arguments"])) for call in calls]
        yield rule(fault, about, tool_calls=asks_for(*parsed))
    three = {"messages_contain": "three tools"}
    yield rule("third, told", {**three, "tool_result_contains": f"{NUMBER}"}, content=f"The third said {NUMBER}.")
    code = {"code": f"print({NUMBER - 1} + 1)"}
    yield rule("two, told", {**three, "tool_result_contains": "= 42"}, tool_calls=asks_for(("run_code", code)))
    both = asks_for(("calculator", {"expression": "6 * 7"}), ("web_search", {"query": "otters"}))
    yield rule("two at once", three, tool_calls=both)
    yield rule("endless", {"messages_contain": "for ever"}, tool_calls=both)
    mixed = {"messages_contain": "mixed", "tools_include": "lookup_bird"}
    yield rule("mixed, told", {**mixed, "tool_result_contains": "wading"}, content="It wades.")
    yield rule(
        "mixed", mixed, tool_calls=asks_for(("lookup_bird", {"bird": "Heron"}), ("calculator", {"expression": "6 * 7"}))
    )


def wait_until_it_listens(port: int, server: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"fakellm did not start (exit code {server.poll()})")


@pytest.fixture(scope="session")
def another(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Starts fakellm and returns its base URL. Each variant has its own, because fakellm remembers conversations."""
    config = tmp_path_factory.mktemp("another") / "rules.yaml"
    config.write_text(yaml.safe_dump({"rules": list(rules())}), encoding="utf-8")
    port = processes.free_port()
    command = [sys.executable, "-m", "uvicorn", "fakellm.server:app", "--port", str(port), "--log-level", "error"]
    server = subprocess.Popen(command, env={**os.environ, "FAKELLM_CONFIG": str(config)})
    try:
        wait_until_it_listens(port, server)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.terminate()
        server.wait(120)


@pytest.fixture(scope="session")
def usual(project: Path, serve: Serve, another: str) -> Target:
    switches = {"JANUS_LOCAL_CODE": "true", "JANUS_SEARCH_DOUBLE": "true"}
    return serve(project, {"JANUS_LLM_BASE_URL": another, **switches})


@pytest.fixture(scope="session")
def faulty_there(faulty_project: Path, serve: Serve, another: str) -> Target:
    return serve(faulty_project, {"JANUS_LLM_BASE_URL": another, "JANUS_TOOL_SECONDS": "1"})


@pytest.fixture(scope="session")
def client(usual: Target) -> OpenAI:
    return OpenAI(base_url=f"{usual.url}/v1", api_key="none", max_retries=0, timeout=120)


@pytest.mark.parametrize("fault", SCRIPTABLE)
def test_the_model_is_told_about_a_fault_and_continues(fault: str, faulty_there: Target) -> None:
    stream = faulty_there.stream(f"fault: {fault}.")
    well_formed(stream, fault)
    assert stream.text == "recovered"
    assert stream.finish_reasons == ["stop"]
    assert stream.usages[0]["prompt_tokens"] > 0
    assert CANARY not in repr(stream.lines)


def test_two_tools_at_once_and_then_a_third(client: OpenAI) -> None:
    text, events, final = streamed(client, "Use three tools.")
    assert text == f"The third said {NUMBER}."
    names = [(event["event"], event["payload"]["name"]) for event in events]
    assert names[:2] == [("tool_start", "calculator"), ("tool_start", "web_search")]
    assert [kind for kind, _ in names[4:]] == ["tool_start", "sandbox_start", "sandbox_end", "tool_end"]
    usage = final.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.prompt_tokens > 0


def test_a_model_that_never_stops_calling_tools_is_stopped(usual: Target) -> None:
    stream = usual.stream("for ever")
    well_formed(stream)
    assert stream.text
    assert stream.finish_reasons == ["stop"]


def test_calls_of_the_client_s_tool_and_of_ours_in_one_turn_and_the_next_request(client: OpenAI) -> None:
    tools = [function("lookup_bird", bird="string")]
    text, _, final = streamed(client, "mixed", tools=tools)
    assert "calculator: 6 * 7 = 42" in text
    assert said_calls(final) == [("lookup_bird", {"bird": "Heron"})]
    assert final.choices[0].finish_reason == "tool_calls"
    asked = final.choices[0].message.model_dump(include={"role", "content", "tool_calls"}, exclude_none=True)
    result = {"role": "tool", "tool_call_id": asked["tool_calls"][0]["id"], "content": "A wading bird."}
    text, _, final = streamed(client, [{"role": "user", "content": "mixed"}, asked, result], tools=tools)
    assert text == "It wades."
    assert final.choices[0].finish_reason == "stop"
