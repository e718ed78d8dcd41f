"""Tests that the core's promises also hold for the agents, models and tools of the OpenAI Agents SDK."""

import asyncio
import json
import time
from typing import Any

import pytest
from agents import (
    Agent,
    GuardrailFunctionOutput,
    InputGuardrail,
    InputGuardrailTripwireTriggered,
    ModelSettings,
    RunContextWrapper,
    Runner,
    function_tool,
    handoff,
)
from agents.tracing import get_trace_provider
from pydantic import BaseModel

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

sdk: Any = adapter("openai_agents")
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}


async def events(agent: Agent[Any], asked: Asked, **options: Any) -> list[Any]:
    offered = {tool.function.name for tool in asked.chat.request.offered_tools}
    return await all_events(sdk.stream(agent, asked.chat, **options), offered)


def last_body(upstream: Upstream) -> Any:
    return upstream.requests()[-1]["body"]


async def test_a_conversation_reaches_the_model_as_it_is(ask: Any, upstream: Upstream) -> None:
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    made = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}, "extra_content": {"a": 1}}
    conversation = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "I am Ada.", "name": "ada"},
        {"role": "assistant", "content": "", "tool_calls": [made], "reasoning_content": "Hm."},
        {"role": "tool", "content": "It is there.", "tool_call_id": "c1"},
        {"role": "user", "content": [{"type": "text", "text": script(tokens=1)}, picture]},
        {"role": "assistant", "content": "Well,"},
    ]
    asked = ask(conversation)
    assert text(await events(Agent(name="A", instructions="You are kind."), asked))
    assert last_body(upstream)["messages"] == [{"role": "system", "content": "You are kind."}, *asked.chat.messages]


async def test_usage_reaches_the_sdk_and_the_core(ask: Any) -> None:
    asked = ask("Hello")
    result = await Runner.run(Agent(name="A", model=sdk.JanusModel(asked.chat)), script(tokens=3))
    used = result.context_wrapper.usage
    assert (used.requests, used.input_tokens, used.output_tokens) == (1, 11, 3)
    assert asked.spent == [Usage(11, 3)]


async def test_the_caller_s_options_apply_unless_the_agent_has_its_own(ask: Any, upstream: Upstream) -> None:
    asked = ask(script(tokens=1), temperature=0.5, max_tokens=77, tools=[WEATHER])
    settings = ModelSettings(max_tokens=5, extra_body={"top_k": 3})
    await Runner.run(Agent(name="A", model=sdk.JanusModel(asked.chat), model_settings=settings), script(tokens=1))
    body = last_body(upstream)
    assert (body["temperature"], body["max_tokens"], body["top_k"]) == (0.5, 5, 3)
    assert "tools" not in body


@pytest.mark.parametrize(("fields", "kind"), [({"status": 401}, "refused_key"), ({"tokens": 9, "die": 3}, "broke_off")])
async def test_a_failure_of_the_model_s_server_is_the_core_s_error(fields: Any, kind: str, ask: Any) -> None:
    with pytest.raises(UpstreamError) as failed:
        await events(Agent(name="A"), ask(script(**fields)))
    assert failed.value.kind == kind


@function_tool
async def price(context: RunContextWrapper[Any], item: str) -> str:
    """Says what something costs."""
    assert context.context.text
    return f"{item}: 3 EUR"


@function_tool
async def fails() -> str:
    """Does not work."""
    raise RuntimeError("broken")


async def test_function_tools_run_in_the_toolbox(ask: Any, upstream: Upstream) -> None:
    found = await events(Agent(name="A", tools=[price, fails]), ask(turns(call("price", item="tea"), call("fails"))))
    assert [event.name for event in found if isinstance(event, ToolStart)] == ["price", "fails"]
    results = [message["content"] for message in last_body(upstream)["messages"] if message["role"] == "tool"]
    assert results[0] == "tea: 3 EUR"
    assert results[1] == "fails failed with RuntimeError."
    assert [event.status for event in found if isinstance(event, ToolEnd)] == ["ok", "error"]
    assert text(found) == "done0 "


async def test_a_call_whose_id_was_used_before_is_run_again(ask: Any, upstream: Upstream) -> None:
    """Many servers count the calls of each turn from 0. The SDK takes the second one for a repetition."""
    again = {"tokens": 0, "calls": [call("price", item="tea")], "finish": "tool_calls"}
    asked = ask(script(turns=[again, again, {"tokens": 1, "word": "done"}]))
    found = await events(Agent(name="A", tools=[price]), asked)
    assert [event.name for event in found if isinstance(event, ToolStart)] == ["price", "price"]
    messages = last_body(upstream)["messages"]
    called = [each["id"] for message in messages for each in message.get("tool_calls") or ()]
    assert called == [message["tool_call_id"] for message in messages if message["role"] == "tool"]
    assert len(set(called)) == 2


async def test_an_agent_hands_over_to_another_with_tools_of_its_own(ask: Any, upstream: Upstream) -> None:
    for target in (Agent(name="Prices", tools=[price]), handoff(Agent(name="Prices", tools=[price]))):
        first = Agent(name="A", handoffs=[target])
        script_of_both = [
            {"tokens": 0, "calls": [call("transfer_to_prices")], "finish": "tool_calls"},
            {"tokens": 0, "calls": [call("price", item="tea")], "finish": "tool_calls"},
            {"tokens": 1, "word": "done"},
        ]
        found = await events(first, ask(script(turns=script_of_both)))
        assert [event.name for event in found if isinstance(event, ToolStart)] == ["price"]
        assert last_body(upstream)["messages"][-1]["content"] == "tea: 3 EUR"
        assert text(found) == "done0 "
        assert "Prices goes on.\n" in [event.text for event in found if isinstance(event, Reasoning)]


async def test_a_guardrail_refuses_before_anything_is_said(ask: Any, upstream: Upstream) -> None:
    async def forbids(context: Any, agent: Any, given: Any) -> GuardrailFunctionOutput:
        assert given[-1]["content"] == "Hello"
        return GuardrailFunctionOutput(output_info=None, tripwire_triggered=True)

    guard = InputGuardrail(guardrail_function=forbids, run_in_parallel=False)
    before = upstream.asked
    with pytest.raises(InputGuardrailTripwireTriggered):
        await events(Agent(name="A", input_guardrails=[guard]), ask("Hello"))
    assert upstream.asked == before


class City(BaseModel):
    name: str
    people: int


async def test_an_output_fits_its_class(ask: Any, upstream: Upstream) -> None:
    choice = {"index": 0, "delta": {"content": '{"name": "Rome", "people": 3}'}, "finish_reason": "stop"}
    answer = script(tokens=0, raw=[f"data: {json.dumps({'choices': [choice]})}\n\ndata: [DONE]\n\n"])
    result = await Runner.run(Agent(name="A", model=sdk.JanusModel(ask("Hello").chat), output_type=City), answer)
    assert result.final_output == City(name="Rome", people=3)
    assert last_body(upstream)["response_format"]["type"] == "json_schema"


async def test_a_streamed_run_of_the_owner_s_gets_each_piece(ask: Any) -> None:
    agent = Agent(name="A", model=sdk.JanusModel(ask("Hello").chat), tools=[price])
    running = Runner.run_streamed(agent, turns(call("price", item="tea")), context=ask("Hello").chat)
    kinds = [event.data.type async for event in running.stream_events() if event.type == "raw_response_event"]
    assert kinds.count("response.completed") == 2
    assert "response.output_text.delta" in kinds
    assert running.final_output == "done0 "


async def test_our_tools_are_theirs_and_theirs_ours(ask: Any, upstream: Upstream) -> None:
    async def weigh(item: str) -> str:
        """Says what something weighs."""
        return f"{item}: 100 g"

    async def expert(question: str) -> str:
        """Asks an agent of its own."""
        inner = Agent(name="Inner", tools=[sdk.to_openai_agents(tool(weigh))])
        return str((await Runner.run(inner, turns(call("weigh", item="tea")), run_config=sdk.QUIET)).final_output)

    asked = ask(turns(call("expert", question="x"), call("price", item="tea")))
    found = await events(Agent(name="A"), asked, tools=[tool(expert), sdk.from_openai_agents(price)])
    assert sorted(event.name for event in found if isinstance(event, ToolStart)) == ["expert", "price", "weigh"]
    assert {event.status for event in found if isinstance(event, ToolEnd)} == {"ok"}
    results = [message["content"] for message in last_body(upstream)["messages"] if message["role"] == "tool"]
    assert results == ["done0 ", "tea: 3 EUR"]
    assert text(found) == "done0 "


async def test_a_caller_that_stops_waiting_stops_the_upstream(ask: Any, upstream: Upstream) -> None:
    before = upstream.stats()["cut"]
    work = asyncio.ensure_future(events(Agent(name="A"), ask(script(endless=True, delay=0.01))))
    await asyncio.sleep(0.2)
    work.cancel()
    await asyncio.wait({work})
    deadline = time.monotonic() + 60
    while upstream.stats()["cut"] == before:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


def test_tracing_is_off() -> None:
    assert get_trace_provider().create_trace("x").__class__.__name__ == "NoOpTrace"
