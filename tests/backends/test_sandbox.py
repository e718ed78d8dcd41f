"""Tests command-line agents in a sandbox: what the client sees of them, and that every sandbox is ended."""

import asyncio
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from competitor.core.events import Reasoning, SandboxEnd, Text, ToolEnd, ToolStart
from competitor.core.usage import Usage

from ..template_path import adapter
from .chats import Asked

sandy: Any = adapter("cli_agents")
sandboxes: Any = adapter("cli_agents", "stand_in.sandboxes")
server: Any = adapter("cli_agents", "stand_in.server")
AgentOutput: Any = adapter("cli_agents", "output").AgentOutput
Make = Callable[..., Any]
MODEL = "http://127.0.0.1:1/v1"


class Scripted(sandboxes.StandIn):  # type: ignore[misc]  # imported by its path
    """Sandboxes whose agent sends these events, and then does `then`."""

    def __init__(self, *events: dict[str, Any], then: Callable[[], object] = lambda: None):
        super().__init__()
        self.events, self.then = events, then

    def run(self, sandbox: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        yield from self.events
        self.then()


@pytest.fixture
async def ask() -> AsyncIterator[Make]:
    """A function that makes the chat of a request, for sandboxes at a URL."""
    made: list[Asked] = []

    def asking(url: str, prompt: Any = "Build it.", **environment: str) -> Any:
        messages = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
        made.append(Asked(MODEL, environment={"SANDY_BASE_URL": url, **environment}, messages=messages))
        return made[-1].chat

    yield asking
    for one in made:
        await one.close()


async def events(chat: Any, **options: Any) -> list[Any]:
    return [event async for event in sandy.run_agent(chat, "claude-code", prompt=sandy.transcript(chat), **options)]


def text(found: list[Any]) -> str:
    return "".join(event.text for event in found if isinstance(event, Text))


def said(data: dict[str, Any]) -> dict[str, Any]:
    return {"type": "agent-output", "data": data}


def message(*blocks: dict[str, Any], kind: str = "assistant") -> dict[str, Any]:
    return said({"type": kind, "message": {"content": list(blocks)}})


def piece(**delta: str) -> dict[str, Any]:
    return said({"type": "stream_event", "event": {"delta": delta}})


DONE = {"type": "complete", "success": True, "exitCode": 0, "duration": 1}


async def test_an_answer_is_said_once_though_it_comes_three_times(ask: Make) -> None:
    again = message({"type": "text", "text": "Hello there."})
    ways: list[tuple[dict[str, Any], ...]] = [
        (piece(text="Hello "), piece(text="there."), again, said({"type": "result", "result": "Hello there."})),
        (again, said({"type": "result", "result": "Hello there."})),
        (said({"type": "result", "result": "Hello there."}),),
        ({"type": "output", "text": "\x1b[32mHello there.\x1b[0m\r\n"},),
    ]
    for way in ways:
        with server.serving(Scripted(*way, DONE)) as (url, _):
            assert text(await events(ask(url))) == "Hello there."


async def test_two_messages_are_two_paragraphs_and_thoughts_are_reasoning(ask: Make) -> None:
    first = message({"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "I look."})
    pieces = [piece(thinking="So."), piece(text="It is "), piece(text="here.")]
    with server.serving(Scripted(first, *pieces, DONE)) as (url, _):
        found = await events(ask(url))
    assert text(found) == "I look.\n\nIt is here."
    assert [event.text for event in found if isinstance(event, Reasoning)] == ["Hm.\n", "So."]


async def test_tools_start_and_end_with_their_ids(ask: Make) -> None:
    calls: list[dict[str, Any]] = [
        {"type": "tool_use", "id": f"t{number}", "name": "Bash", "input": {"n": number}} for number in (1, 2, 3)
    ]
    results: list[dict[str, Any]] = [{"type": "tool_result", "tool_use_id": "t1", "content": "fine"}]
    results += [{"type": "tool_result", "tool_use_id": "t2", "content": "bad", "is_error": True}]
    with server.serving(Scripted(message(*calls), message(*results, kind="user"), DONE)) as (url, _):
        found = await events(ask(url))
    assert [(event.id, event.name) for event in found if isinstance(event, ToolStart)] == [
        ("t1", "Bash"), ("t2", "Bash"), ("t3", "Bash"),
    ]  # fmt: skip
    assert [(event.id, event.status) for event in found if isinstance(event, ToolEnd)] == [
        ("t1", "ok"), ("t2", "error"), ("t3", "error"),
    ]  # fmt: skip


async def test_tokens_and_price_are_counted_if_the_agent_says_them_and_the_time_always(ask: Make) -> None:
    used = {"input_tokens": 10, "cache_read_input_tokens": 5, "output_tokens": 7}
    result = said({"type": "result", "result": "Done.", "usage": used, "total_cost_usd": 0.25})
    with server.serving(Scripted(result, DONE)) as (url, _):
        tokens, seconds = [event for event in await events(ask(url)) if isinstance(event, Usage)]
    assert tokens == Usage(15, 7, cost_usd=0.25)
    assert seconds.sandbox_seconds is not None
    assert seconds.sandbox_seconds > 0


async def test_files_go_in_and_come_out(ask: Make) -> None:
    class Copies(sandboxes.StandIn):  # type: ignore[misc]  # imported by its path
        def script(self, sandbox: str, prompt: str) -> Iterator[dict[str, Any]]:
            for name in ("a.txt", "b.bin"):
                data = self.place(sandbox, f"{sandboxes.WORKSPACE}/{name}").read_bytes()
                self.place(sandbox, f"{sandboxes.ARTIFACTS}/{name}").write_bytes(data)
            yield piece(text="Copied.")

    files = [("a.txt", "data:text/plain,hello"), ("b.bin", "data:application/octet-stream;base64,AAECgP8=")]
    parts = [{"type": "file", "file": {"filename": name, "file_data": data}} for name, data in files]
    with server.serving(Copies()) as (url, _):
        found = await events(ask(url, [{"role": "user", "content": [{"type": "text", "text": "Copy."}, *parts]}]))
    sizes = {event.display_name: event.size_bytes for event in found if hasattr(event, "size_bytes")}
    assert sizes == {"a.txt": 5, "b.bin": 5}


@pytest.mark.parametrize(
    ("last", "why"),
    [
        ({"type": "error", "error": "no more money"}, "no more money"),
        ({"type": "complete", "success": False, "exitCode": 3}, "exit code 3"),
        (None, "ended before the agent did"),
    ],
)
async def test_a_failure_is_told_after_what_was_said(last: dict[str, Any] | None, why: str, ask: Make) -> None:
    with server.serving(Scripted(piece(text="I begin."), *([last] if last else []))) as (url, made):
        found = await events(ask(url))
    assert text(found).startswith("I begin.\n\nThe work in the sandbox was not finished: ")
    assert why in text(found)
    assert [event.status for event in found if isinstance(event, SandboxEnd)] == ["error"]
    assert len(made.terminated) == 1


async def test_an_agent_that_hangs_is_stopped_and_its_files_are_kept(ask: Make) -> None:
    release = threading.Event()

    class Hangs(sandboxes.StandIn):  # type: ignore[misc]  # imported by its path
        def script(self, sandbox: str, prompt: str) -> Iterator[dict[str, Any]]:
            self.write(sandbox, {"path": f"{sandboxes.ARTIFACTS}/half.txt", "content": "half"})
            yield piece(text="I begin.")
            release.wait(60)

    with server.serving(Hangs()) as (url, made):
        found = await events(ask(url), seconds=1)
        release.set()
        assert len(made.terminated) == 1
    assert "did not answer within 1 s" in text(found)
    assert [event.display_name for event in found if hasattr(event, "size_bytes")] == ["half.txt"]


async def test_a_client_that_goes_away_ends_the_sandbox(ask: Make) -> None:
    release = threading.Event()
    with server.serving(Scripted(piece(text="I begin."), then=lambda: release.wait(60))) as (url, made):
        running = sandy.run_agent(ask(url), "claude-code", prompt="Build it.")
        async for event in running:
            if isinstance(event, Text):
                break
        await running.aclose()
        assert len(made.terminated) == 1
        release.set()


async def test_a_sandbox_that_is_made_after_the_client_has_gone_is_ended(ask: Make) -> None:
    class Slow(sandboxes.StandIn):  # type: ignore[misc]  # imported by its path
        def make(self) -> dict[str, Any]:
            time.sleep(0.5)
            return dict(super().make())

    with server.serving(Slow()) as (url, made):
        work = asyncio.ensure_future(events(ask(url)))
        await asyncio.sleep(0.2)
        work.cancel()
        deadline = time.monotonic() + 60
        while not made.terminated:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert not made.folders


async def test_without_a_sandbox_nothing_is_said_and_the_reason_is_raised(ask: Make) -> None:
    class Refuses(sandboxes.StandIn):  # type: ignore[misc]  # imported by its path
        def make(self) -> dict[str, Any]:
            raise ValueError("full")

    with server.serving(Refuses()) as (url, _):
        for chat, why in [(ask(url), "answered with the HTTP status 400"), (Asked(MODEL).chat, "SANDY_BASE_URL")]:
            with pytest.raises(sandy.NoSandbox, match=why):
                await events(chat)


async def test_a_sandbox_without_agents_runs_the_agent_as_a_command(ask: Make) -> None:
    class Old(sandboxes.StandIn):  # type: ignore[misc]  # imported by its path
        def execute(self, sandbox: str, asked: dict[str, Any]) -> dict[str, Any]:
            if "claude --print" in asked["command"]:
                prompt = self.place(sandbox, "/workspace/.prompt.txt").read_text()
                return {"stdout": f"I was asked: {prompt}", "exitCode": 0}
            return dict(super().execute(sandbox, asked))

    class OldHandler(server.Handler):  # type: ignore[misc]  # imported by its path
        def _stream(self, events: Any) -> None:
            self._send(404, {"error": "not found"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "Handler", OldHandler)
        with server.serving(Old()) as (url, made):
            found = await events(ask(url), instructions="Be brief.")
    assert text(found) == "I was asked: Be brief.\n\nBuild it."
    assert len(made.terminated) == 1


async def test_the_agent_is_told_the_model_s_server_and_its_key(ask: Make) -> None:
    with server.serving(Scripted(DONE)) as (url, made):
        chat = ask(url, JANUS_LLM_API_KEY="the-key", JANUS_LLM_MODEL="m-1", SANDY_API_KEY="other")
        await events(chat, instructions="Be brief.")
    asked = next(body for what, body in made.asked if what == "agent/run")
    assert asked["agent"] == "claude-code"
    assert asked["model"] == "m-1"
    assert asked["apiBaseUrl"] == MODEL
    assert asked["env"] == {"OPENAI_BASE_URL": MODEL, "OPENAI_API_KEY": "the-key"}
    assert asked["systemPrompt"] == "Be brief."


async def test_a_conversation_becomes_one_text(ask: Make) -> None:
    turns = [("system", "Be brief."), ("user", "Hi."), ("assistant", "Hello."), ("user", "Build it.")]
    chat = ask("http://127.0.0.1:2", [{"role": role, "content": content} for role, content in turns])
    assert sandy.transcript(chat) == "User: Hi.\n\nAssistant: Hello.\n\nUser: Build it."


ODD: list[Any] = [None, 1, [], {}, {"type": 1}, {"type": "agent-output", "data": []}, {"type": "files-update"}]


@pytest.mark.parametrize("event", ODD)
def test_an_odd_event_is_passed_over(event: Any) -> None:
    assert list(AgentOutput().read(event)) == []


def test_no_web_page_may_use_the_stand_in() -> None:
    with server.serving(sandboxes.StandIn()) as (url, made):
        for headers in ({"origin": "https://evil.example"}, {"host": "rebound.example"}):
            given = urllib.request.Request(f"{url}/api/sandboxes", b"{}", headers)
            with pytest.raises(urllib.error.HTTPError, match="403"):
                urllib.request.urlopen(given, timeout=60)
        assert not made.folders


@pytest.mark.parametrize("path", ["/workspace/../../etc/passwd", "/../x", "../../x"])
def test_the_stand_in_reads_and_writes_only_in_its_folder(path: str) -> None:
    made = sandboxes.StandIn()
    sandbox = made.make()["sandboxId"]
    with pytest.raises(ValueError, match="not in the sandbox"):
        made.read(sandbox, {"path": path})
    with pytest.raises(ValueError, match="not in the sandbox"):
        made.write(sandbox, {"path": path, "content": "x"})
    made.close()


def test_the_stand_in_ends_with_the_process_that_started_it() -> None:
    folder = Path(server.__file__).parents[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "stand_in"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline().startswith("SANDY_BASE_URL=http://127.0.0.1:")
    process.stdin.close()
    assert process.wait(60) == 0
    process.stdout.close()
