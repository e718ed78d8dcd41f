"""The one place where the core looks at the backend."""
# Contract file: replaced by updates.

import importlib
import importlib.util
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from ..chat import Chat
from ..events import Event, Text

Answer = Callable[[Chat], AsyncIterator[Event]]


@dataclass(frozen=True)
class Backend:
    name: str
    answer: Answer


async def _missing(chat: Chat) -> AsyncIterator[Event]:
    yield Text(
        "This competitor has no backend: there is no competitor/backend/agent.py. The README says how to add one."
    )


def load() -> Backend:
    """`answer` of `competitor/backend/agent.py`. Raises what that file raises, and `TypeError` for another shape."""
    package = __package__.partition(".")[0]
    if importlib.util.find_spec(f"{package}.backend") is None:
        return Backend("none", _missing)
    agent = importlib.import_module(f"{package}.backend.agent")  # the one line
    answer = getattr(agent, "answer", None)
    if not callable(answer):
        raise TypeError("competitor/backend/agent.py must define `async def answer(chat)`")
    return Backend(getattr(agent, "NAME", "custom"), answer)
