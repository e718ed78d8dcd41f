"""The backend: how the core finds, loads and calls the owner's `answer`.
Contract file: replaced by updates.

A framework can take seconds to import. So a backend may still be loading when the server is healthy (E2); a request
that comes sooner waits for it, with words of progress (S2).
"""

import ast
import asyncio
import importlib
import importlib.util
import pkgutil
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from ..chat import Chat
from ..events import Event, Text

AnswerFunction = Callable[[Chat], AsyncIterator[Event]]

# A start waits this long for the backend: most are loaded by then, or have failed.
LOAD_SECONDS = 0.5
DEFAULT_NAME = "custom"


class Backend:
    """The owner's backend, and the `name` that /health, the log and the metrics show."""

    def __init__(self, name: str, answer: AnswerFunction | None = None, loading: "Future[Backend] | None" = None):
        self.name, self.answer = name, answer
        self._loading = loading

    async def loaded(self) -> AnswerFunction:
        """`answer`, once it is loaded. Raises what loading it raised."""
        if self.answer is None and self._loading is not None:
            self.answer = (await asyncio.wrap_future(self._loading)).answer
        if self.answer is None:
            raise TypeError("a backend without `answer`")
        return self.answer

    def when_failed(self, callback: Callable[[BaseException], None]) -> None:
        """Calls back in the loading thread if the backend cannot be loaded."""

        def ended(loading: "Future[Backend]") -> None:
            if error := loading.exception():
                callback(error)

        if self._loading is not None:
            self._loading.add_done_callback(ended)


async def _missing(chat: Chat) -> AsyncIterator[Event]:
    yield Text(
        "This competitor has no backend: there is no competitor/backend/agent.py. The README says how to add one."
    )


def load() -> Backend:
    """`answer` of `competitor/backend/agent.py`. What is slow goes on loading in a thread.

    Raises what that file raises, and `TypeError` where it has no `answer`.
    """
    package = __package__.partition(".")[0]
    found = importlib.util.find_spec(f"{package}.backend")
    if found is None:
        return Backend("none", _missing)
    loading = ThreadPoolExecutor(1, thread_name_prefix="load").submit(_load, package)
    if wait([loading], LOAD_SECONDS).done:
        return loading.result()
    agent = Path(next(iter(found.submodule_search_locations or ()), "")) / "agent.py"
    return Backend(_name(agent.read_text(encoding="utf-8")), loading=loading)


def _load(package: str) -> Backend:
    adapters = importlib.import_module(f"{package}.adapters")
    for adapter in pkgutil.iter_modules(adapters.__path__):  # first: each sets up its framework
        importlib.import_module(f"{package}.adapters.{adapter.name}")
    agent = importlib.import_module(f"{package}.backend.agent")
    answer = getattr(agent, "answer", None)
    if not callable(answer):
        raise TypeError("competitor/backend/agent.py must define `async def answer(chat)`")
    return Backend(getattr(agent, "NAME", DEFAULT_NAME), answer)


def _name(source: str) -> str:
    """`NAME = "..."` of a backend that is still loading."""
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(targets=[ast.Name("NAME")], value=ast.Constant(str(name))):
                return name
    return DEFAULT_NAME
