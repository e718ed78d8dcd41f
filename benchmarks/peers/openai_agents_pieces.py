"""A backend in which the OpenAI Agents SDK hands every piece of the model's text to the owner's code."""

from collections.abc import AsyncIterator

from agents import Agent, RunConfig, Runner
from openai.types.responses import ResponseTextDeltaEvent

from competitor.adapters.openai_agents import JanusModel
from competitor.api import Chat, Event, Text

NAME = "openai-agents-pieces"
agent = Agent[Chat](name="Assistant")


async def answer(chat: Chat) -> AsyncIterator[Event]:
    config = RunConfig(model=JanusModel(chat), tracing_disabled=True)
    async for event in Runner.run_streamed(agent, chat.text, run_config=config).stream_events():
        if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent):
            yield Text(event.data.delta)
