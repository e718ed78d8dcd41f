"""Runs a PydanticAI agent and turns its work into the events of one answer.
Contract file: replaced by updates.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from pydantic_ai import DeferredToolRequests
from pydantic_ai.agent import AbstractAgent
from pydantic_ai.run import AgentRunResult
from pydantic_core import to_json

from ...api import Chat, Event, Text, ToolCall
from . import messages as wire
from .run import PydanticRun


async def stream(
    agent: AbstractAgent[Any, Any],
    chat: Chat,
    *,
    models: Sequence[str] = (),
    messages: Sequence[dict[str, Any]] | None = None,
    deps: Any = None,
) -> AsyncGenerator[Event]:
    """Runs `agent` on the conversation and yields the answer's events.

    `models` are for this request, as in `Chat.complete`: each `JanusModel` asks them that has no model and no chat of
    its own. `messages`, in OpenAI's wire format, replaces the caller's conversation. `deps` are what the agent's
    functions get as `ctx.deps`; it is the chat unless given. If no text of a model was shown, the answer is the agent's
    output, as JSON if it is no text. Raises the agent's errors, such as `UpstreamError`, and cancels the agent when
    nobody reads its events any more.
    """
    run = PydanticRun(chat, models)
    history = wire.to_pydantic_ai(chat.messages if messages is None else messages, run.kept)

    async def work() -> None:
        _end(run, await agent.run(message_history=history, deps=chat if deps is None else deps, infer_name=False))

    async with aclosing(run.events(work)) as events:
        async for event in events:
            yield event


def _end(run: PydanticRun, result: AgentRunResult[Any]) -> None:
    """Reports what the client has not seen yet of the agent's output."""
    output = result.output
    if isinstance(output, DeferredToolRequests):
        run.note_results(result.all_messages()[-1])
        if run.told:
            run.report(Text(run.told))
        for call in output.calls:
            if call.tool_call_id not in run.sent_calls:
                run.report(ToolCall(call.tool_name, call.args_as_json_str(), call.tool_call_id))
    elif not isinstance(output, str):
        run.report(Text(to_json(output, fallback=str).decode()))
    elif not run.has_shown:
        run.report(Text(output))
