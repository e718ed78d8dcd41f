"""The OpenAI Agents adapter: runs the SDK's agents and tools with the core's streaming, limits and egress rules.
Contract file: replaced by updates.

    agent = Agent(name="Assistant", instructions="...", handoffs=[...], input_guardrails=[...])

    def answer(chat: Chat) -> AsyncIterator[Event]:
        return stream(agent, chat, tools=tools(chat), max_turns=8)

stream                runs an agent for one request and yields the events of the answer; its tracing is off
QUIET                 the run_config for an agent that runs inside a tool: `Runner.run(agent, text, run_config=QUIET)`
JanusModel            the request's model as a model of the SDK, for an agent that shall use a certain one
from_openai_agents    makes a `Tool` from a function tool of the SDK; `to_openai_agents` does the reverse
"""

from . import telemetry

telemetry.switch_off()  # before the SDK is imported

from .events import stream  # noqa: E402 - see above
from .model import QUIET, JanusModel  # noqa: E402
from .tools import from_openai_agents, to_openai_agents  # noqa: E402

__all__ = ["QUIET", "JanusModel", "from_openai_agents", "stream", "to_openai_agents"]
