"""The backend: how the core finds, loads and calls the owner's `answer`.
Contract file: replaced by updates.

A framework can take seconds to import, so a backend may still be loading when the server reports that it is healthy
(E2). A request that arrives before then waits for the backend, and gets progress notes (S2).
"""

import ast
import asyncio
import importlib
import importlib.util
import pkgutil
import re
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..chat import Chat
from ..events import Event, Text
from ..models import problems
from ..setting_types import OwnValues, SettingsError

AnswerFunction = Callable[[Chat], AsyncIterator[Event]]

# The server waits this long for the backend to load, and then starts without it. Most backends are loaded by then.
LOAD_SECONDS = 0.5
DEFAULT_NAME = "custom"
# What a file has that declares models, or settings.
_SETTINGS = re.compile(r"\bOwnSettings\b")
_MODELS = re.compile(r"^MODELS\b|\bimport\b.*\bModel\b", re.MULTILINE)


class Backend:
    """The owner's backend. /health, the log and the metrics show its `name`."""

    def __init__(self, name: str, answer: AnswerFunction | None = None, loading: "Future[Backend] | None" = None):
        self.name, self.answer = name, answer
        self._loading = loading

    async def loaded(self) -> AnswerFunction:
        """Waits until the backend is loaded and returns its `answer`. If loading failed, raises its error."""
        if self.answer is None and self._loading is not None:
            self.answer = (await asyncio.wrap_future(self._loading)).answer
        if self.answer is None:
            raise TypeError("the backend has no function `answer`")
        return self.answer

    def when_failed(self, callback: Callable[[BaseException], None]) -> None:
        """Calls `callback` with the error, from the loading thread, if the backend cannot be loaded."""

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
    """Loads `answer` from `competitor/backend/agent.py`. If that takes long, loading goes on in a thread.

    Raises any error that this file raises, and `TypeError` if it has no `answer`.
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


def declared_models() -> dict[str, Any]:
    """The models that `competitor/backend/models.py` declares; none without this file. Raises `SettingsError`."""
    declared = _declared("models", "MODELS", _MODELS)
    if declared is not None and not isinstance(declared, dict):
        raise SettingsError(f"competitor/backend/models.py: MODELS must be a dict, not {type(declared).__name__}")
    return declared or {}


def declared_settings() -> OwnValues:
    """What `competitor/backend/settings.py` declares; nothing without this file. Raises `SettingsError`."""
    declared = _declared("settings", "settings", _SETTINGS)
    if declared is None:
        return OwnValues()
    from ..own_settings import OwnSettings, values

    if not isinstance(declared, OwnSettings):
        raise SettingsError("competitor/backend/settings.py must define settings = Settings(), made from OwnSettings")
    return values(declared)


def _declared(module: str, name: str, sign: re.Pattern[str]) -> Any:
    """The value of a name in a module of the backend. Raises `SettingsError`.

    None if there is no such file, or if `sign` does not occur in it: then it is the owner's, about something else.
    """
    package = __package__.partition(".")[0]
    found = importlib.util.find_spec(f"{package}.backend")
    file = Path(next(iter(found.submodule_search_locations or ()), "")) / f"{module}.py" if found else None
    if file is None or not file.is_file() or not sign.search(file.read_text(encoding="utf-8", errors="replace")):
        return None
    where = f"competitor/backend/{module}.py"
    try:
        return getattr(importlib.import_module(f"{package}.backend.{module}"), name)
    except ValidationError as error:
        raise SettingsError("\n".join(f"{where}: {line}" for line in problems(error))) from None
    except Exception as error:  # noqa: BLE001 - any error of the owner's code becomes a sentence
        raise SettingsError(f"{where}: {type(error).__name__}: {str(error).partition(chr(10))[0]}") from None


def _load(package: str) -> Backend:
    adapters = importlib.import_module(f"{package}.adapters")
    for adapter in pkgutil.iter_modules(adapters.__path__):  # before the backend: each adapter sets up its framework
        importlib.import_module(f"{package}.adapters.{adapter.name}")
    agent = importlib.import_module(f"{package}.backend.agent")
    answer = getattr(agent, "answer", None)
    if not callable(answer):
        raise TypeError("competitor/backend/agent.py must define `async def answer(chat)`")
    return Backend(getattr(agent, "NAME", DEFAULT_NAME), answer)


def _name(source: str) -> str:
    """Reads `NAME = "..."` from the source of a backend that is still loading."""
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(targets=[ast.Name("NAME")], value=ast.Constant(str(name))):
                return name
    return DEFAULT_NAME
