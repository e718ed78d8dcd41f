"""Tests that tools' schemas come from types, and that each call gives a text for the model and two events."""

import asyncio
import json
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from competitor.core.events import Event, SandboxEnd, SandboxStart, ToolCall, ToolEnd, ToolStart
from competitor.core.limits import MAX_RESULT_CHARACTERS
from competitor.core.tools.tool import Result, Tool, ToolError, tool
from competitor.core.tools.toolbox import Toolbox
from competitor.core.usage import Usage


class Place(BaseModel):
    city: str
    zip: int | None = None


async def travel(
    to: Annotated[Place, Field(description="Where to")], by: Literal["train", "ship"] = "train", days: int = 1
) -> str:
    """Plans a journey."""
    return f"{days} d by {by} to {to.city}"


async def nap(seconds: float) -> str:
    """Sleeps."""
    await asyncio.sleep(seconds)
    return f"slept {seconds:g}"


def ran(tools: Sequence[Tool], name: str, arguments: str = "{}", seconds: float = 5) -> tuple[Result, list[Event]]:
    events: list[Event] = []
    result = asyncio.run(Toolbox(tools, seconds=seconds).run(name, arguments, events.append))
    return result, events


def test_the_schema_comes_from_the_types() -> None:
    function = tool(travel).schema["function"]
    assert function["name"] == "travel"
    assert function["description"] == "Plans a journey."
    properties = function["parameters"]["properties"]
    assert properties["by"] == {"enum": ["train", "ship"], "type": "string"}
    assert properties["days"] == {"type": "integer"}
    assert function["parameters"]["required"] == ["to"]
    assert "title" not in json.dumps(function)


def test_arguments_arrive_as_their_types() -> None:
    result, _ = ran([tool(travel)], "travel", '{"to": {"city": "Bern"}, "days": 3}')
    assert result == Result("3 d by train to Bern")


def untyped(word) -> str:  # type: ignore[no-untyped-def]
    """Not async."""
    return str(word)


async def undocumented(word: str) -> str:
    return word


async def starred(*words: str) -> str:
    """Has no names."""
    return ""


async def without_a_type(word) -> str:  # type: ignore[no-untyped-def]
    """Has no types."""
    return str(word)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (untyped, "must be an `async def`"),
        (undocumented, "needs a docstring"),
        (starred, "cannot be passed by name"),
        (without_a_type, "needs a type"),
    ],
)
def test_a_function_that_cannot_be_a_tool_is_refused_in_words(function: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        tool(function)


def test_no_call_is_made_with_bad_arguments() -> None:
    called = []

    async def push(button: int) -> str:
        """Pushes."""
        called.append(button)
        return "pushed"

    for arguments in ('{"button": "red"}', "{", "[]", "null", '{"button": 1, "hard": true}', "[" * 100_000, '"x"'):
        result, events = ran([tool(push)], "push", arguments)
        assert result.status == "error"
        assert result.text.startswith("Bad arguments for push")
        assert [type(event) for event in events] == [ToolStart, ToolEnd]
    assert called == []


def test_calls_run_at_once_and_their_messages_keep_the_order() -> None:
    async def both() -> tuple[list[Event], list[dict[str, Any]]]:
        calls = [
            ToolCall("nap", '{"seconds": 0.4}', "a"),
            ToolCall("nap", '{"seconds": 0.1}', "b"),
            ToolCall("nope", "", "c"),
        ]
        async with Toolbox([tool(nap)], seconds=5).start(calls) as running:
            events = [event async for event in running]
        return events, running.messages

    events, messages = asyncio.run(both())
    ends = [event.details["result"] for event in events if isinstance(event, ToolEnd)]
    assert ends[1:] == ["slept 0.1", "slept 0.4"]
    assert [message["tool_call_id"] for message in messages] == ["a", "b", "c"]
    assert messages[0] == {"role": "tool", "tool_call_id": "a", "content": "slept 0.4"}


def test_leaving_ends_what_still_runs() -> None:
    async def left() -> set[asyncio.Task[Any]]:
        async with Toolbox([tool(nap)], seconds=60).start([ToolCall("nap", '{"seconds": 60}')] * 3) as running:
            async for _ in running:
                break
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(left()) == set()


def test_a_result_is_cut_and_cleaned() -> None:
    async def floods() -> str:
        """Floods."""
        return "x" * 10**6 + "\ud800"

    result, events = ran([tool(floods)], "floods")
    assert len(result.text) < MAX_RESULT_CHARACTERS + 100
    assert len(json.dumps(events[-1].details)) < 2_000  # type: ignore[union-attr]


def test_a_sandbox_has_its_events_and_its_seconds() -> None:
    result, events = ran([tool(nap, sandbox="box")], "nap", '{"seconds": 0.2}')
    assert result.text == "slept 0.2"
    assert [type(event) for event in events] == [ToolStart, SandboxStart, SandboxEnd, Usage, ToolEnd]
    usage = events[3]
    assert isinstance(usage, Usage)
    assert 0.1 < (usage.sandbox_seconds or 0) < 5
    _, events = ran([tool(nap, sandbox="box")], "nap", '{"seconds": 9}', seconds=0.1)
    assert [event.status for event in events if isinstance(event, SandboxEnd | ToolEnd)] == ["error", "error"]


def test_a_tool_s_own_sentence_reaches_the_model_and_its_exception_does_not() -> None:
    async def refuses() -> str:
        """Refuses."""
        raise ToolError("Ask the other one.")

    async def breaks() -> str:
        """Breaks."""
        raise ValueError("canary")

    assert ran([tool(refuses)], "refuses")[0] == Result("Ask the other one.", "error")
    assert ran([tool(breaks)], "breaks")[0] == Result("breaks failed with ValueError.", "error")
