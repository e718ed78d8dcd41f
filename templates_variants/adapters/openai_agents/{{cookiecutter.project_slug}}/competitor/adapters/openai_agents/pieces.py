"""A completion as the stream of the SDK's events, for a `Runner.run_streamed` of the owner's."""
# Contract file: replaced by updates.

import time
from collections.abc import AsyncIterator
from typing import Any, cast

from agents.items import TResponseStreamEvent
from agents.models.chatcmpl_stream_handler import ChatCmplStreamHandler
from agents.models.fake_id import FAKE_RESPONSES_ID
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import Response

from ...api import Completion, Reasoning, Text


async def response_events(completion: Completion) -> AsyncIterator[TResponseStreamEvent]:
    """The events of a completion that nobody has asked yet."""
    begun = Response(
        id=FAKE_RESPONSES_ID,
        created_at=time.time(),
        model=completion.model,
        object="response",
        output=[],
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=True,
    )
    async for event in ChatCmplStreamHandler.handle_stream(begun, cast(Any, _chunks(completion))):
        yield event


async def _chunks(completion: Completion) -> AsyncIterator[ChatCompletionChunk]:
    async for piece in completion.pieces():
        if isinstance(piece, Text):
            yield _chunk(completion, {"content": piece.text})
        elif isinstance(piece, Reasoning):
            yield _chunk(completion, {"reasoning_content": piece.text})
        else:
            function = {"name": piece.name, "arguments": piece.text}
            call = {"index": piece.number, "id": piece.id, "type": "function", "function": function}
            yield _chunk(completion, {"tool_calls": [call]})
    usage = completion.usage
    asked, said = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
    counted = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
    yield _chunk(completion, {}, completion.finish_reason, counted)


def _chunk(
    completion: Completion, delta: dict[str, Any], finish: str | None = None, usage: dict[str, int] | None = None
) -> ChatCompletionChunk:
    choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
    kind, made = "chat.completion.chunk", int(time.time())
    chunk = {"id": "chunk", "object": kind, "created": made, "model": completion.model, "choices": [choice]}
    return ChatCompletionChunk.model_validate({**chunk, "usage": usage})
