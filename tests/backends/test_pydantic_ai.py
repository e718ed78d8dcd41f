"""Tests that the core's promises also hold for PydanticAI's agents, models and tools."""

import asyncio
import json
import time
from collections.abc import AsyncIterable, AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, DeferredToolRequests, ModelRetry, NativeOutput, PromptedOutput, RunContext
from pydantic_ai import Tool as TheirTool
from pydantic_ai.capabilities import AbstractCapability, ProcessHistory
from pydantic_ai.messages import AgentStreamEvent, ModelMessage, ModelRequest, PartDeltaEvent, UserPromptPart
from pydantic_ai.models.fallback import FallbackModel
from pydantic_ai.models.test import TestModel
from pydantic_ai.toolsets import FunctionToolset

from competitor.checks import Upstream
from competitor.core.errors import UpstreamError
from competitor.core.events import Reasoning, ToolEnd, ToolStart
from competitor.core.tools.tool import tool
from competitor.core.usage import Usage

from ..template_path import adapter
from .asking import ask, upstream
from .chats import Asked
from .shown import all_events, call, script, text, turns

__all__ = ["ask", "upstream"]

pydantic_ai: Any = adapter("pydantic_ai")
JanusModel, CompetitorTools, stream = pydantic_ai.JanusModel, pydantic_ai.CompetitorTools, pydantic_ai.stream
OUTPUT = [str, DeferredToolRequests]
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}


async def events(agent: Any, asked: Asked, **options: Any) -> list[Any]:
    offered = {tool.function.name for tool in asked.chat.request.offered_tools}
    return await all_events(stream(agent, asked.chat, **options), offered)


def agent(*capabilities: Any, **options: Any) -> Agent[Any, Any]:
    options = {"output_type": OUTPUT, **options}
    return Agent(JanusModel(shown=True), capabilities=[*capabilities, CompetitorTools()], **options)


def last_messages(upstream: Upstream) -> list[dict[str, Any]]:
    return list(upstream.requests()[-1]["body"]["messages"])


async def test_a_conversation_reaches_the_model_as_it_is(ask: Any, upstream: Upstream) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    made = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}, "extra_content": {"a": 1}}
    conversation = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "I am Ada.", "name": "ada"},
        {"role": "user", "content": "And I am here."},
        {"role": "assistant", "content": "", "tool_calls": [made], "reasoning_content": "Hm."},
        {"role": "tool", "content": "It is there.", "tool_call_id": "c1"},
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": script(tokens=1)}, picture]},
        {"role": "user", "content": [{"type": "file", "file": {"filename": "a.txt", "file_data": "data:,A"}}]},
        {"role": "assistant", "content": "Well,"},
    ]
    asked = ask(conversation)
    assert text(await events(agent(), asked))
    assert last_messages(upstream) == asked.chat.messages


async def test_what_a_capability_has_changed_reaches_the_model_changed(ask: Any, upstream: Upstream) -> None:
    def redacted(messages: list[ModelMessage]) -> list[ModelMessage]:
        for message in messages:
            for part in message.parts if isinstance(message, ModelRequest) else ():
                if isinstance(part, UserPromptPart) and isinstance(part.content, str):
                    part.content = part.content.replace("secret", "[redacted]")
        return messages

    asked = ask([{"role": "user", "content": f"secret {script(tokens=1)}", "name": "ada"}])
    await events(agent(ProcessHistory(redacted)), asked)
    assert last_messages(upstream) == [{"role": "user", "content": f"[redacted] {script(tokens=1)}"}]


async def test_instructions_come_first(ask: Any, upstream: Upstream) -> None:
    await events(agent(instructions="You are brief."), ask(script(tokens=1)))
    assert last_messages(upstream)[0] == {"role": "system", "content": "You are brief."}


async def test_usage_reaches_pydantic_ai_and_the_core(ask: Any) -> None:
    asked = ask("Hello")
    result = await Agent(JanusModel(asked.chat)).run(script(tokens=3))
    assert (result.usage.input_tokens, result.usage.output_tokens) == (11, 3)
    assert asked.spent == [Usage(11, 3)]


async def test_the_caller_s_options_apply_unless_the_agent_has_its_own(ask: Any, upstream: Upstream) -> None:
    asked = ask(script(tokens=1), temperature=0.5, max_tokens=77, tools=[WEATHER])
    settings: Any = {"max_tokens": 5, "stop_sequences": ["x"], "extra_body": {"top_k": 3}}
    await Agent(JanusModel(asked.chat)).run(script(tokens=1), model_settings=settings)
    body = upstream.requests()[-1]["body"]
    assert (body["temperature"], body["max_tokens"], body["stop"], body["top_k"]) == (0.5, 5, ["x"], 3)
    assert "tools" not in body


@pytest.mark.parametrize(("fields", "kind"), [({"status": 401}, "refused_key"), ({"tokens": 9, "die": 3}, "broke_off")])
async def test_a_failure_of_the_model_s_server_is_the_core_s_error(fields: Any, kind: str, ask: Any) -> None:
    with pytest.raises(UpstreamError) as failed:
        await Agent(JanusModel(ask("Hello").chat)).run(script(**fields))
    assert failed.value.kind == kind


async def test_a_fallback_model_of_pydantic_ai_asks_the_next_one(ask: Any, upstream: Upstream) -> None:
    refusing = Asked(f"{upstream.url}/v1", allowed=False).chat
    model = FallbackModel(JanusModel(refusing), JanusModel(ask("Hello").chat), fallback_on=(UpstreamError,))
    assert (await Agent(model).run(script(tokens=1))).output == "tok0 "


class City(BaseModel):
    """A city."""

    name: str
    people: int


def whole_text(said: str) -> str:
    choice = {"index": 0, "delta": {"content": said}, "finish_reason": "stop"}
    return script(tokens=0, raw=[f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n"])


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        (City, script(tokens=0, calls=[call("final_result", name="Rome", people=3)])),
        (NativeOutput(City), whole_text('{"name": "Rome", "people": 3}')),
        (PromptedOutput(City), whole_text('{"name": "Rome", "people": 3}')),
    ],
)
async def test_an_output_fits_its_class(kind: Any, answer: str, ask: Any, upstream: Upstream) -> None:
    result = await Agent(JanusModel(ask("Hello").chat), output_type=kind).run(answer)
    assert result.output == City(name="Rome", people=3)
    body = upstream.requests()[-1]["body"]
    assert body.get("tool_choice") == ("required" if kind is City else None)
    assert body.get("response_format", {}).get("type") in (None, "json_schema", "json_object")


async def test_the_output_of_the_main_agent_becomes_the_answer_as_json(ask: Any) -> None:
    answer = script(tokens=0, calls=[call("final_result", name="Rome", people=3)])
    found = await events(agent(output_type=[City, DeferredToolRequests]), ask(answer))
    assert json.loads(text(found)) == {"name": "Rome", "people": 3}


async def test_tools_of_the_agent_run_in_the_toolbox(ask: Any, upstream: Upstream) -> None:
    asked = ask(turns(call("price", item="tea"), call("weigh", item="tea"), call("price"), call("refuse")))
    made = agent(deps_type=object, toolsets=[FunctionToolset([weigh])])

    @made.tool
    async def price(ctx: RunContext[Any], item: str) -> str:
        """Says what something costs."""
        assert ctx.deps is asked.chat
        return f"{item}: 3 EUR"

    @made.tool_plain
    async def refuse() -> str:
        """Does not work."""
        raise ModelRetry("Ask for coffee instead.")

    found = await events(made, asked)
    assert [event.name for event in found if isinstance(event, ToolStart)] == ["price", "weigh", "price", "refuse"]
    results = [message["content"] for message in last_messages(upstream) if message["role"] == "tool"]
    assert results[:2] == ["tea: 3 EUR", '{"grams":100}']
    assert "item: Field required" in results[2]
    assert results[3] == "Ask for coffee instead."
    assert text(found) == "done0 "


async def weigh(item: str) -> dict[str, int]:
    """Says what something weighs."""
    return {"grams": 100}


async def test_a_tool_of_pydantic_ai_is_one_of_the_toolbox(ask: Any, upstream: Upstream) -> None:
    tools = CompetitorTools(lambda chat: [pydantic_ai.from_pydantic_ai(TheirTool(weigh))])
    made: Agent[Any, Any] = Agent(JanusModel(shown=True), output_type=OUTPUT, capabilities=[tools])
    found = await events(made, ask(turns(call("weigh", item="tea"))))
    assert [event.status for event in found if isinstance(event, ToolEnd)] == ["ok"]
    assert last_messages(upstream)[-1]["content"] == '{"grams":100}'
    offered = upstream.requests()[-1]["body"]["tools"]
    assert offered[0]["function"]["parameters"]["properties"] == {"item": {"type": "string"}}


async def test_a_tool_of_ours_is_one_of_pydantic_ai_and_runs_in_a_toolbox(ask: Any) -> None:
    async def grams(item: str) -> str:
        """Says what something weighs."""
        return f"{item}: 100 g"

    async def expert(question: str) -> str:
        """Asks an agent of its own."""
        inner = Agent(JanusModel(), tools=[pydantic_ai.to_pydantic_ai(tool(grams))])
        return str((await inner.run(turns(call("grams", item="tea")))).output)

    tools = CompetitorTools(lambda chat: [tool(expert)])
    made: Agent[Any, Any] = Agent(JanusModel(shown=True), output_type=OUTPUT, capabilities=[tools])
    found = await events(made, ask(turns(call("expert", question="x"))))
    assert [event.name for event in found if isinstance(event, ToolStart)] == ["expert", "grams"]
    assert {event.status for event in found if isinstance(event, ToolEnd)} == {"ok"}


async def test_a_test_model_of_pydantic_ai_calls_every_tool(ask: Any) -> None:
    made = agent(tools=[weigh])
    with made.override(model=TestModel(call_tools=["weigh"])):
        found = await events(made, ask("Hello"))
    assert [event.name for event in found if isinstance(event, ToolStart)] == ["weigh"]
    assert "grams" in text(found)


async def test_a_tool_of_the_client_replaces_one_of_the_agent_and_goes_back_to_it(ask: Any) -> None:
    for capabilities in ([], [_Looks()]):  # a whole response, and one piece by piece
        made = agent(*capabilities, tools=[TheirTool(weigh, name="get_weather")])
        calls = [call("get_weather", city="Rome")]
        found = await events(made, ask(script(tokens=0, calls=calls, finish="tool_calls"), tools=[WEATHER]))
        assert not [event for event in found if isinstance(event, ToolStart)]
        assert [event.name for event in found if getattr(event, "name", None)] == ["get_weather"]


async def test_an_agent_that_could_not_hand_calls_back_is_refused() -> None:
    with pytest.raises(ValueError, match="DeferredToolRequests"):
        agent(output_type=str)


class _Looks(AbstractCapability[Any]):
    """Looks at each piece of each answer."""

    def __init__(self) -> None:
        self.seen = ""

    async def wrap_run_event_stream(
        self, ctx: RunContext[Any], *, stream: AsyncIterable[AgentStreamEvent]
    ) -> AsyncIterator[AgentStreamEvent]:
        async for event in stream:
            if isinstance(event, PartDeltaEvent):
                self.seen += getattr(event.delta, "content_delta", None) or ""
            yield event


async def test_a_capability_that_looks_at_each_piece_sees_them_and_the_client_too(ask: Any, upstream: Upstream) -> None:
    looking = _Looks()
    found = await events(agent(looking), ask(script(tokens=5, reasoning=2)))
    assert text(found) == "tok2 tok3 tok4 "
    assert [event.text for event in found if isinstance(event, Reasoning)] == ["tok0 ", "tok1 "]
    assert looking.seen == "tok1 tok3 tok4 "  # PydanticAI gives the first piece of a part in another event


async def test_an_answer_without_text_is_not_asked_for_again(ask: Any, upstream: Upstream) -> None:
    before = upstream.asked
    found = await events(agent(), ask(script(tokens=2, reasoning=2, finish="length")))
    assert text(found) == ""
    assert upstream.asked == before + 1


async def test_a_caller_that_stops_waiting_stops_the_upstream(ask: Any, upstream: Upstream) -> None:
    before = upstream.stats()["cut"]
    running = stream(agent(_Looks()), ask(script(endless=True, delay=0.01)).chat)
    await anext(running)
    await running.aclose()
    deadline = time.monotonic() + 60
    while upstream.stats()["cut"] == before:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
