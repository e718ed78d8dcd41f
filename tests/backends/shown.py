"""What the client sees of an adapter's stream, and prompts for the mock upstream."""

import json
from collections.abc import AsyncIterable, Collection, Mapping
from typing import Any

from competitor.core.events import NO_FIELDS, Nobody, Reasoning, Source, Text, ToolCall


def script(**fields: Any) -> str:
    return f"mock{json.dumps(fields)}"


def call(name: str, /, **arguments: Any) -> dict[str, str]:
    return {"name": name, "arguments": json.dumps(arguments)}


def turns(*calls: dict[str, str], word: str = "done") -> str:
    """A model that makes these calls in its first turn and answers in its second one."""
    return script(turns=[{"tokens": 0, "calls": calls, "finish": "tool_calls"}, {"tokens": 1, "word": word}])


class Seen(Nobody):
    """A `Sink` that keeps the events, and knows which tools are the client's."""

    def __init__(self, client_tools: Collection[str]):
        self.found: list[Any] = []
        self._client_tools = client_tools

    def text(self, text: str) -> None:
        self.found.append(Text(text))

    def reasoning(self, text: str) -> None:
        self.found.append(Reasoning(text))

    def call(self, id: str, name: str, fields: Mapping[str, Any] = NO_FIELDS) -> int | None:
        if name not in self._client_tools:
            return None
        self.found.append(ToolCall(name, id=id))
        return len(self.found)


async def all_events(stream: AsyncIterable[Any], client_tools: Collection[str] = ()) -> list[Any]:
    """The events of an answer. The pieces of a model call that is shown to the client are among them."""
    seen = Seen(client_tools)
    async for event in stream:
        if isinstance(event, Source):
            await event.pour(seen)
        else:
            seen.found.append(event)
    return seen.found


def text(found: list[Any]) -> str:
    return "".join(event.text for event in found if isinstance(event, Text))
