"""Tests that the core's promises also hold for LangChain's chat model, and for LangChain's tools in the toolbox."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool, tool
from pydantic import BaseModel

from competitor.checks import Upstream
from competitor.core.errors import UpstreamError
from competitor.core.events import Event, ToolEnd
from competitor.core.tools.tool import tool as own_tool
from competitor.core.tools.toolbox import Toolbox
from competitor.core.usage import Usage

from ..template_path import adapter
from .asking import upstream
from .chats import Asked

__all__ = ["upstream"]

ChatJanus: Any = adapter("langchain").ChatJanus
messages: Any = adapter("langchain", "messages")
from_langchain: Any = adapter("langchain").from_langchain
to_langchain: Any = adapter("langchain").to_langchain

CALLS = [{"name": "look", "arguments": '{"at": "this"}'}, {"name": "look", "arguments": '{"at": "that"}'}]


@pytest.fixture
async def asked(upstream: Upstream) -> AsyncIterator[Asked]:
    made = Asked(f"{upstream.url}/v1")
    yield made
    await made.close()


def script(**fields: Any) -> str:
    return f"mock{json.dumps(fields)}"


async def test_calls_arrive_in_fragments_with_their_index_and_one_id(asked: Asked) -> None:
    chunks = [chunk async for chunk in ChatJanus(chat=asked.chat).astream(script(tokens=1, calls=CALLS))]
    fragments = [fragment for chunk in chunks for fragment in chunk.tool_call_chunks]
    assert [(one["index"], one["id"], one["name"]) for one in fragments if one["id"]] == [
        (0, "call_0", "look"),
        (1, "call_1", "look"),
    ]
    assert len(fragments) > 4
    assert all(fragment["name"] is None for fragment in fragments if fragment["id"] is None)
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert [call["args"] for call in whole.tool_calls] == [{"at": "this"}, {"at": "that"}]


@pytest.mark.parametrize("version", [None, "v1"])
async def test_reasoning_text_and_calls_are_kept_apart(version: str | None, asked: Asked) -> None:
    model = ChatJanus(chat=asked.chat, output_version=version)
    prompt = script(tokens=4, reasoning=2, calls=CALLS)
    whole: AIMessageChunk | None = None
    async for chunk in model.astream(prompt):
        whole = chunk if whole is None else whole + chunk
    for message in (whole, await model.ainvoke(prompt)):
        assert isinstance(message, AIMessage)
        blocks = {block["type"]: block for block in message.content_blocks}
        assert blocks["reasoning"].get("reasoning") == "tok0 tok1 "
        assert message.text == "tok2 tok3 "
        assert [call["id"] for call in message.tool_calls] == ["call_0", "call_1"]


async def test_usage_is_reported_to_langchain_and_to_the_core(asked: Asked) -> None:
    model = ChatJanus(chat=asked.chat)
    whole = await model.ainvoke(script(tokens=3))
    *_, last = [chunk async for chunk in model.astream(script(tokens=3)) if chunk.usage_metadata]
    assert asked.spent == [Usage(11, 3), Usage(11, 3)]
    expected = {"input_tokens": 11, "output_tokens": 3, "total_tokens": 14}
    assert whole.usage_metadata == last.usage_metadata == expected


async def test_a_temporary_failure_is_retried(asked: Asked) -> None:
    failing = script(status=503, fail_times=2, key="langchain", headers={"retry-after": "0"}, tokens=2)
    assert (await ChatJanus(chat=asked.chat).ainvoke(failing)).text == "tok0 tok1 "


async def test_a_permanent_failure_raises_the_core_s_error(asked: Asked) -> None:
    model = ChatJanus(chat=asked.chat)
    with pytest.raises(UpstreamError, match="refused_key"):
        await model.ainvoke(script(status=401))
    with pytest.raises(UpstreamError, match="broke_off"):
        async for _ in model.astream(script(tokens=9, die=3)):
            pass


async def test_a_host_that_is_not_listed_is_not_called(upstream: Upstream) -> None:
    with pytest.raises(UpstreamError, match="egress"):
        await ChatJanus(chat=Asked(f"{upstream.url}/v1", allowed=False).chat).ainvoke("Hello")


async def test_the_user_s_token_is_sent_to_an_allowed_host(upstream: Upstream) -> None:
    environment = {"JANUS_TOKEN_HOSTS": "127.0.0.1"}
    made = Asked(f"{upstream.url}/v1", environment=environment, chutes_access_token="the-users-own")
    await ChatJanus(chat=made.chat).ainvoke(script(tokens=1))
    await made.close()
    assert upstream.requests()[-1]["headers"]["authorization"] == "Bearer the-users-own"


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_caller_that_stops_waiting_stops_the_upstream(streamed: bool, asked: Asked, upstream: Upstream) -> None:
    model = ChatJanus(chat=asked.chat)
    before = upstream.stats()["cut"]
    prompt = script(endless=True, delay=0.01)
    if streamed:
        chunks = model.astream(prompt)
        await anext(chunks)
        await chunks.aclose()
    else:
        work = asyncio.create_task(model.ainvoke(prompt))
        await asyncio.sleep(0.2)
        work.cancel()
        await asyncio.wait({work})
    deadline = time.monotonic() + 60
    while upstream.stats()["cut"] == before:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def test_a_sync_call_in_the_loop_is_refused_and_one_in_a_thread_works(asked: Asked) -> None:
    model = ChatJanus(chat=asked.chat)
    with pytest.raises(RuntimeError, match="block the loop"):
        model.invoke(script(tokens=1))
    assert (await asyncio.to_thread(model.invoke, script(tokens=1))).text == "tok0 "


async def test_the_caller_s_options_are_passed_on_but_not_its_tools(upstream: Upstream) -> None:
    tools = [{"type": "function", "function": {"name": "get_weather"}}]
    made = Asked(f"{upstream.url}/v1", temperature=0.5, max_tokens=77, tools=tools)
    await ChatJanus(chat=made.chat, max_tokens=5).ainvoke(script(tokens=1))
    await made.close()
    body = upstream.requests()[-1]["body"]
    assert (body["temperature"], body["max_tokens"], body.get("tools")) == (0.5, 5, None)


class City(BaseModel):
    """A city."""

    name: str
    people: int


@pytest.mark.parametrize("method", ["json_schema", "json_mode"])
async def test_an_answer_fits_its_schema_or_reports_the_parsing_error(
    method: str, asked: Asked, upstream: Upstream
) -> None:
    model = ChatJanus(chat=asked.chat).with_structured_output(City, method=method, include_raw=True)
    good = await model.ainvoke(script(tokens=0, raw=[whole_text('{"name": "Rome", "people": 3}')]))
    assert good["parsed"] == City(name="Rome", people=3)
    assert upstream.requests()[-1]["body"]["response_format"]["type"] in ("json_schema", "json_object")
    bad = await model.ainvoke(script(tokens=0, raw=[whole_text("Rome")]))
    assert bad["parsed"] is None
    assert bad["parsing_error"]


def whole_text(text: str) -> str:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": "stop"}
    return f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n"


async def test_unreadable_arguments_are_marked_and_can_still_be_answered(asked: Asked) -> None:
    calls = [{"name": "look", "arguments": "{oh"}, {"name": "look", "arguments": "[1]"}, CALLS[0]]
    said = await ChatJanus(chat=asked.chat).ainvoke(script(tokens=1, calls=calls))
    assert [call["args"] for call in said.invalid_tool_calls] == ["{oh", "[1]"]
    assert [call["args"] for call in said.tool_calls] == [{"at": "this"}]
    sent = messages.to_openai([HumanMessage("look"), said, ToolMessage("bad", tool_call_id="call_0")])
    assert {call["id"] for call in sent[1]["tool_calls"]} == {"call_0", "call_1", "call_2"}
    assert all(isinstance(json.loads(call["function"]["arguments"]), dict) for call in sent[1]["tool_calls"])


def test_a_history_with_unreadable_arguments_is_read() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "look", "arguments": "{oh"}}
    (message,) = messages.to_langchain([{"role": "assistant", "tool_calls": [call]}])
    assert message.tool_calls[0]["args"] == {}


async def run(made: Any, arguments: str, seconds: float = 60) -> tuple[str, str]:
    """Runs a LangChain tool in the toolbox, expects two events, and returns the result's status and text."""
    events: list[Event] = []
    result = await Toolbox([from_langchain(made)], seconds=seconds).run(made.name, arguments, events.append)
    assert len(events) == 2
    assert isinstance(events[1], ToolEnd)
    return result.status, result.text


@tool
def slow_echo(word: str, seconds: float = 0) -> str:
    """Repeats the word, later."""
    time.sleep(seconds)
    return f"{word} from {threading.current_thread() is threading.main_thread()}"


async def test_a_blocking_tool_of_langchain_s_runs_in_a_thread_and_has_a_time_limit() -> None:
    assert await run(slow_echo, '{"word": "hi"}') == ("ok", "hi from False")
    status, text = await run(slow_echo, '{"word": "hi", "seconds": 1}', seconds=0.5)
    assert (status, "0.5 s" in text) == ("error", True)
    status, text = await run(slow_echo, '{"sound": "hi"}')
    assert (status, "word" in text) == ("error", True)


async def test_tools_that_hang_in_threads_do_not_use_up_the_loop_s_own_threads() -> None:
    release = threading.Event()

    def stuck() -> None:
        """Waits for ever."""
        release.wait()

    made = tool(stuck)
    try:
        hanging = [run(made, "{}", seconds=0.5) for _ in range(40)]
        assert {status for status, _ in await asyncio.gather(*hanging)} == {"error"}
        assert await asyncio.wait_for(asyncio.to_thread(lambda: "free"), 120) == "free"
    finally:
        release.set()


async def test_a_tool_with_a_plain_schema_such_as_an_mcp_server_s_works() -> None:
    async def add(**numbers: int) -> int:
        return sum(numbers.values())

    schema = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}, "required": ["a"]}
    made = StructuredTool(name="add", description="Adds.", args_schema=schema, coroutine=add)
    assert from_langchain(made).parameters["required"] == ["a"]
    assert from_langchain(made).parameters["properties"].keys() == {"a", "b"}
    assert await run(made, '{"a": 2, "b": 5}') == ("ok", "7")


async def test_a_tool_of_ours_is_one_of_langchain() -> None:
    async def weigh(item: str) -> str:
        """Says what something weighs."""
        return f"{item}: 100 g"

    made = to_langchain(own_tool(weigh))
    assert await made.ainvoke({"item": "tea"}) == "tea: 100 g"
    assert "item: Field required" in await made.ainvoke({"thing": "tea"})
