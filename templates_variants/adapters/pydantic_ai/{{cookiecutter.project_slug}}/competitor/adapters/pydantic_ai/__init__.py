"""The PydanticAI adapter: runs PydanticAI's agents and tools with the core's streaming, limits and egress rules.
Contract file: replaced by updates.

    agent = Agent(
        JanusModel(shown=True),
        deps_type=Chat,
        output_type=[str, DeferredToolRequests],
        capabilities=[CompetitorTools(tools, max_turns=8)],
    )

    def answer(chat: Chat) -> AsyncIterator[Event]:
        return stream(agent, chat)

JanusModel          the request's model as a PydanticAI model; with `shown`, its text is sent to the client
CompetitorTools     offers and runs the tools, leaves calls of the client's tools to the client, enforces the budget
stream              runs an agent for one request and yields the events of the answer
from_pydantic_ai    makes a `Tool` from a PydanticAI tool; `to_pydantic_ai` does the reverse
"""

from .capability import CompetitorTools
from .conversion import from_pydantic_ai, to_pydantic_ai
from .events import stream
from .model import JanusModel

__all__ = ["CompetitorTools", "JanusModel", "from_pydantic_ai", "stream", "to_pydantic_ai"]
