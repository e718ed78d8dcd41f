"""Runs an agent of the SDK and turns its work into the events of one answer.
Contract file: replaced by updates.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from agents import Agent, RunHooks, Runner
from pydantic_core import to_json

from ...api import Chat, Event, Offers, Reasoning, Text, Tool
from ..shared import LAST_WORDS, MAX_OUTPUT_BYTES, MAX_TURNS, Budget
from . import messages as wire
from .model import SHOWN
from .run import AgentsRun
from .tools import prepared


async def stream(
    agent: Agent[Any],
    chat: Chat,
    *,
    tools: Iterable[Tool] = (),
    offers: Offers = "all",
    models: Sequence[str] = (),
    messages: Sequence[dict[str, Any]] | None = None,
    context: Any = None,
    max_turns: int = MAX_TURNS,
    max_output_bytes: int = MAX_OUTPUT_BYTES,
    last_words: float = LAST_WORDS,
    hold_characters: int = 0,
) -> AsyncGenerator[Event]:
    """Runs `agent` on the conversation and yields the answer's events.

    In each turn, the model is offered the client's tools, `tools`, and the agent's own, as `offers` says (see
    `Toolbox`). The toolbox runs a turn's calls at the same time; calls of the client's tools go to the client (S10).
    One last model call without tools ends the answer in three cases: after `max_turns` model calls, if the results
    exceed `max_output_bytes`, or if only the fraction `last_words` of the answer's time (S15) is left.

    `models` are for this request, as in `Chat.complete`, where an agent names none. `messages`, in OpenAI's wire
    format, replaces the caller's conversation. `context` is what the agent's functions get as `context.context`; it is
    the chat unless given. `hold_characters` is explained at `Chat.complete`. If no text of a model was shown, the
    agent's output is the answer. Raises the agent's errors, such as `UpstreamError` and those of guardrails, and
    cancels the agent when nobody reads its events any more.
    """
    given = list(chat.messages if messages is None else messages)
    budget = Budget(max_turns, max_output_bytes, last_words)
    run = AgentsRun(
        chat, models, budget=budget, hold_characters=hold_characters, messages=given, items=wire.to_items(given)
    )
    mine = prepared(agent, run, tools, offers)
    seen = chat if context is None else context

    async def work() -> None:
        given: Any = [*run.items]
        told = Handovers(run)
        found = await Runner.run(mine, given, context=seen, max_turns=None, run_config=SHOWN, hooks=told)
        if not run.has_shown and (output := found.final_output) is not None:
            run.report(Text(output if isinstance(output, str) else to_json(output, fallback=str).decode()))

    async with aclosing(run.events(work)) as events:
        async for event in events:
            yield event


class Handovers(RunHooks[Any]):
    """Tells the client when another agent goes on."""

    def __init__(self, run: AgentsRun):
        self._run = run

    async def on_handoff(self, context: Any, from_agent: Any, to_agent: Any) -> None:
        self._run.report(Reasoning(f"{to_agent.name} goes on.\n"))
