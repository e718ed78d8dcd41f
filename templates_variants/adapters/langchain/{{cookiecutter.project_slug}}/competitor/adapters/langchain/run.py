"""The run: the state of one answer while LangGraph works on it in several tasks and threads.
Contract file: replaced by updates.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from langchain_core.messages import ToolCall

from ...api import Chat, Completion, Event, Sink, Source, Toolbox, UpstreamError

# How long a call waits for the other calls of its turn to be ready, in seconds.
TOGETHER_SECONDS = 0.1
# How many characters of each result the client gets if its own tools must answer next.
_SHOWN_CHARACTERS = 2_000

_current: ContextVar["Run"] = ContextVar("run")


def current() -> "Run | None":
    """The run that this task or thread belongs to; None outside `stream`."""
    return _current.get(None)


@dataclass
class Run:
    """The state of one answer: the request, the events that wait to be yielded, and the budget used so far."""

    chat: Chat
    loop: asyncio.AbstractEventLoop
    models: Sequence[str] = ()  # those that are asked where a `ChatJanus` names none
    waiting: asyncio.Queue[Event | None] = field(default_factory=asyncio.Queue)
    toolbox: Toolbox | None = None  # set in the first turn
    turns: int = 0  # calls of the model so far
    read: int = 0  # bytes of results so far
    shown_text: str = ""  # what the last call of the model has shown to the client
    handed_back: bool = False  # the client got calls of its tools and must answer next
    unreadable: dict[str, str] = field(default_factory=dict)  # call id -> arguments that are not JSON
    results: dict[str, tuple[str, str]] = field(default_factory=dict)  # of the last turn: call id -> tool, result

    def __post_init__(self) -> None:
        self._ready, self._all_ready = 0, asyncio.Event()

    def enter(self) -> None:
        """Makes this the current run for the calling task and for all tasks that it starts."""
        _current.set(self)

    def report(self, event: Event) -> None:
        self.waiting.put_nowait(event)

    async def show(self, completion: Completion) -> None:
        """Passes a model call to the core, which streams it to the client. Returns when the call is over.

        Raises `UpstreamError` if the call failed, so that the agent can try something else.
        """
        shown = _Shown(completion, self.chat)
        self.report(shown)
        await shown.over
        self.shown_text = completion.shown_text

    @property
    def client_tools(self) -> set[str]:
        """The names of the client's tools."""
        return {tool.function.name for tool in self.chat.request.offered_tools}

    @property
    def told(self) -> str:
        """The last turn's results as text for the client, because the client's history has no other record of them."""
        return "".join(f"{name}: {text[:_SHOWN_CHARACTERS]}\n" for name, text in self.results.values())

    def new_turn(self, calls: Sequence[ToolCall]) -> None:
        self.results = {call["id"] or "": (call["name"], "") for call in calls}
        self._ready, self._all_ready = 0, asyncio.Event()

    async def others(self, most: int) -> None:
        """Waits until all calls of the turn can start together, but only briefly: middleware may delay some of them."""
        self._ready += 1
        if self._ready >= min(len(self.results), most):
            self._all_ready.set()
            await asyncio.sleep(0)  # let the others run first, since they came first
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOGETHER_SECONDS):
                await self._all_ready.wait()


class _Shown(Source):
    """A model call as an event. If it fails, the agent gets the error, and the answer goes on."""

    def __init__(self, completion: Completion, chat: Chat):
        self._completion, self._chat = completion, chat
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def pour(self, sink: Sink) -> None:
        try:
            await self._completion.pour(sink)
        except UpstreamError as error:
            self._chat.log.warning("the agent gets the failure of a model", extra={"kind": error.kind})
            self._end(error)
        else:
            self._end(None)

    def pause(self) -> None:
        self._completion.pause()

    def resume(self) -> None:
        self._completion.resume()

    def _end(self, error: UpstreamError | None) -> None:
        if self.over.done():
            return
        if error is None:
            self.over.set_result(None)
        else:
            self.over.set_exception(error)
