"""The run: the state of one answer while a framework works on it in several tasks and threads.
Contract file: replaced by updates.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from ...api import MAX_CALLS_AT_ONCE, Chat, Completion, Event, Result, Toolbox
from .shown import Shown

MAX_TURNS = 8
# Maximum size of the results that one answer may read, in bytes. Each later turn pays for all of them again.
MAX_OUTPUT_BYTES = 100_000
# The share of the answer's time that is reserved for the last model call.
LAST_WORDS = 0.2

# How long a call waits for the other calls of its turn to be ready, in seconds.
TOGETHER_SECONDS = 0.1
# How many characters of each result the client gets if its own tools must answer next.
_SHOWN_CHARACTERS = 2_000

_current: ContextVar["Run"] = ContextVar("run")


def current() -> "Run | None":
    """The run that this task or thread belongs to; None outside `Run.events`."""
    return _current.get(None)


@dataclass(frozen=True)
class Budget:
    """What one answer may use: model calls, bytes of results, and its time without the share `last_words`."""

    max_turns: int = MAX_TURNS
    max_output_bytes: int = MAX_OUTPUT_BYTES
    last_words: float = LAST_WORDS


@dataclass
class Run:
    """The state of one answer: the request, the events that wait to be yielded, and the budget used so far."""

    chat: Chat
    models: Sequence[str] = ()  # those that are asked where a framework's model names none
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    waiting: asyncio.Queue[Event | None] = field(default_factory=asyncio.Queue)
    toolbox: Toolbox | None = None  # set in the first turn
    turns: int = 0  # calls of the model so far
    read: int = 0  # bytes of results so far
    shown_text: str = ""  # what the last call of the model has shown to the client
    results: dict[str, tuple[str, str]] = field(default_factory=dict)  # of the last turn: call id -> tool, result

    def __post_init__(self) -> None:
        self._ready, self._all_ready = 0, asyncio.Event()

    async def events(self, work: Callable[[], Awaitable[None]]) -> AsyncGenerator[Event]:
        """Does the work in a task, for which this is the current run, and yields the events that are reported.

        Raises what the work raises, such as `UpstreamError`, and cancels it when nobody reads its events any more.
        """

        async def do() -> None:
            _current.set(self)
            await work()

        task = asyncio.ensure_future(do())
        task.add_done_callback(lambda _: self.waiting.put_nowait(None))
        try:
            while (event := await self.waiting.get()) is not None:
                yield event
            task.result()
        finally:
            if task.cancel():
                await asyncio.wait({task})

    def report(self, event: Event) -> None:
        self.waiting.put_nowait(event)

    async def show(self, completion: Completion) -> None:
        """Passes a model call to the core, which streams it to the client. Returns when the call is over.

        Raises `UpstreamError` if the call failed, so that the agent can try something else.
        """
        shown = Shown(completion, self.chat)
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

    def is_spent(self, budget: Budget) -> bool:
        """Whether only one last call of the model, without tools, may follow."""
        over = self.turns >= budget.max_turns or self.read > budget.max_output_bytes
        return over or self.seconds_left(budget) <= 0

    def seconds_left(self, budget: Budget) -> float:
        """The seconds that are left for tools before the last model call must start."""
        return self.chat.seconds_left - self.chat.settings.answer_seconds * budget.last_words

    def new_turn(self, calls: Mapping[str, str]) -> None:
        """Prepares for the calls of a turn: the ids, and the names of the tools."""
        self.results = {call_id: (name, "") for call_id, name in calls.items()}
        self._ready, self._all_ready = 0, asyncio.Event()

    async def call(self, toolbox: Toolbox, call_id: str, name: str, arguments: str, budget: Budget) -> Result:
        """Lets the toolbox run one call of the turn, together with the others."""
        if call_id in list(self.results)[MAX_CALLS_AT_ONCE:]:
            return Result(f"Not run: at most {MAX_CALLS_AT_ONCE} calls are run at once.", status="error")
        await self._others()
        return await toolbox.run(name, arguments, self.report, seconds=max(0.1, self.seconds_left(budget)))

    def note(self, call_id: str, name: str, text: str) -> None:
        """Remembers what the model gets as the result of a call."""
        self.read += len(text.encode())
        self.results[call_id] = (name, text)

    async def _others(self) -> None:
        """Waits, but only briefly, until all calls of the turn can start together: a framework may delay some."""
        self._ready += 1
        if self._ready >= min(len(self.results), MAX_CALLS_AT_ONCE):
            self._all_ready.set()
            await asyncio.sleep(0)  # let the others run first, since they came first
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TOGETHER_SECONDS):
                await self._all_ready.wait()
