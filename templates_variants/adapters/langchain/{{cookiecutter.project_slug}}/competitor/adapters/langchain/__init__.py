"""The LangChain adapter: runs LangChain's agents, models and tools with the core's streaming, limits and egress rules.
Contract file: replaced by updates.

    agent = create_agent(model=ChatJanus(shown=True), middleware=[CompetitorMiddleware(tools, max_turns=8)])

    def answer(chat: Chat) -> AsyncIterator[Event]:
        return stream(agent, chat)

ChatJanus               the request's model as a LangChain chat model; with `shown`, its text is sent to the client
CompetitorMiddleware    offers and runs the tools, sends calls of the client's tools to the client, enforces the budget
stream                  runs an agent for one request and yields the events of the answer
handed_back             whether the client must run its tools next, so that a graph of your own ends
from_langchain          makes a `Tool` from a LangChain tool or from a tool of an MCP server; `to_langchain` reverses it
"""

from . import telemetry

telemetry.switch_off()  # before any of the modules below imports LangChain

from .events import stream  # noqa: E402 - see above
from .middleware import CompetitorMiddleware  # noqa: E402
from .model import ChatJanus  # noqa: E402
from .run import handed_back  # noqa: E402
from .tools import from_langchain, to_langchain  # noqa: E402

__all__ = ["ChatJanus", "CompetitorMiddleware", "from_langchain", "handed_back", "stream", "to_langchain"]
