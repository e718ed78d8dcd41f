"""The backend: how the core finds, loads and calls the owner's `answer`.
Contract file: replaced by updates.

A framework can take seconds to import, so a backend may still be loading when the server reports that it is healthy
(E2). A request that arrives before then waits for the backend, and gets progress notes (S2).
"""

import ast
import asyncio
import importlib
import importlib.util
import inspect
import logging
import os
import pkgutil
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as futures_wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..chat import Chat
from ..events import Event, Text
from ..limits import MAX_SETUP_SECONDS, MAX_TEARDOWN_SECONDS
from ..models import problems
from ..observe.slips import check_answer, explained, remember_sources
from ..setting_types import OwnValues, SettingsError

log = logging.getLogger("competitor.backend")

AnswerFunction = Callable[[Chat], AsyncIterator[Event]]

# The server waits this long for the backend to load, and then starts without it. Most backends are loaded by then.
LOAD_SECONDS = 0.5
DEFAULT_NAME = "custom"
# What a file has that declares models, or settings.
_SETTINGS = re.compile(r"\bOwnSettings\b")
_MODELS = re.compile(r"^MODELS\b|\bimport\b.*\bModel\b", re.MULTILINE)


@dataclass(frozen=True)
class Loaded:
    """What `competitor/backend/agent.py` defines; all but `answer` may be missing."""

    name: str
    answer: AnswerFunction
    router: Any = None
    setup: Callable[[], Awaitable[Any]] | None = None
    teardown: Callable[..., Awaitable[Any]] | None = None


class Backend:
    """The owner's backend. /health, the log and the metrics show its `name`.

    `answer` is None until the backend is loaded and its `setup()` has ended; `own` is what that has returned.
    """

    def __init__(
        self,
        name: str,
        answer: AnswerFunction | None = None,
        loading: "Future[Loaded] | None" = None,
        loaded: Loaded | None = None,
        wait: bool = False,
    ):
        self.name, self.answer, self.own = name, answer, None
        self._loading, self._loaded = loading, loaded
        self._patience = None if wait else LOAD_SECONDS
        self._beginning: asyncio.Future[None] | None = None
        self._add_router: Callable[[Any], None] = lambda router: None
        self._failed: Callable[[BaseException], None] = lambda error: None

    async def begin(self, add_router: Callable[[Any], None]) -> None:
        """Adds the backend's routes and runs its `setup()`. Returns when this is done, or after a short time."""
        self._add_router = add_router
        if self.answer is None:
            await asyncio.wait({self._started()}, timeout=self._patience)

    async def loaded(self) -> AnswerFunction:
        """Waits until the backend is ready and returns its `answer`. If this failed, raises its error."""
        if self.answer is None:
            await asyncio.shield(self._started())
        if self.answer is None:
            raise TypeError("the backend has no function `answer`")
        return self.answer

    @property
    def may_add_routes(self) -> bool:
        """Whether the backend is still loading, so that nobody knows its routes."""
        return self._loading is not None and self._loaded is None

    async def ready(self) -> None:
        """Waits until the backend is ready."""
        await self.loaded()

    def _started(self) -> asyncio.Future[None]:
        if self._beginning is None:
            self._beginning = asyncio.ensure_future(self._begin())
            self._beginning.add_done_callback(lambda done: done.cancelled() or done.exception())  # not reported as lost
        return self._beginning

    async def _begin(self) -> None:
        try:
            if self._loaded is None and self._loading is not None:
                self._loaded = await asyncio.wrap_future(self._loading)
            if (loaded := self._loaded) is None:
                return
            if loaded.router is not None:
                self._add_router(loaded.router)
            if loaded.setup is not None:
                self.own = await _within(loaded.setup(), MAX_SETUP_SECONDS, "setup()")
            self.answer = loaded.answer
        except Exception as error:
            self._failed(error)
            raise

    async def end(self) -> None:
        """Runs the backend's `teardown()`, with what `setup()` has returned if it takes an argument."""
        if self.answer is None or self._loaded is None or self._loaded.teardown is None:
            return
        teardown = self._loaded.teardown
        given = (self.own,) if inspect.signature(teardown).parameters else ()
        try:
            await _within(teardown(*given), MAX_TEARDOWN_SECONDS, "teardown()")
        except Exception:
            log.exception("teardown() of the backend failed")

    def when_failed(self, callback: Callable[[BaseException], None]) -> None:
        """Calls `callback` with the error if the backend cannot be loaded, or if its `setup()` fails."""
        self._failed = callback


async def _within(work: Awaitable[Any], seconds: float, name: str) -> Any:
    """Waits for owner's code, which may ignore cancellation. Raises `TimeoutError`."""
    task = asyncio.ensure_future(work)
    if not (await asyncio.wait({task}, timeout=seconds))[0]:
        task.cancel()
        raise TimeoutError(f"{name} of competitor/backend/agent.py did not end within {seconds:g} s")
    return task.result()


async def _missing(chat: Chat) -> AsyncIterator[Event]:
    yield Text(
        "This competitor has no backend: there is no competitor/backend/agent.py. The README says how to add one."
    )


def load(*, wait: bool = False) -> Backend:
    """Loads `answer` from `competitor/backend/agent.py`. If that takes long, loading goes on in a thread.

    With `wait`, it does not, and the server does not listen before `setup()` has ended. Raises any error that this file
    raises, and `Slip` if its `answer` cannot be called.
    """
    package = __package__.partition(".")[0]
    found = importlib.util.find_spec(f"{package}.backend")
    if found is None:
        return Backend("none", _missing)
    remember_sources()
    loading = ThreadPoolExecutor(1, thread_name_prefix="load").submit(_load, package)
    done = futures_wait([loading], None if wait else LOAD_SECONDS).done
    if done and (loaded := loading.result()):
        plain = loaded.router is None and loaded.setup is None
        return Backend(loaded.name, loaded.answer if plain else None, loaded=loaded, wait=wait)
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
    spec = importlib.util.find_spec(f"{package}.backend")
    file = Path(next(iter(spec.submodule_search_locations or ()), "")) / f"{module}.py" if spec else None
    if file is None or not file.is_file() or not sign.search(file.read_text(encoding="utf-8", errors="replace")):
        return None
    where = f"competitor/backend/{module}.py"
    try:
        found = vars(importlib.import_module(f"{package}.backend.{module}"))
    except ValidationError as error:
        raise SettingsError("\n".join(_placed(line, where) for line in problems(error))) from None
    except Exception as error:  # noqa: BLE001 - any error of the owner's code becomes a sentence
        raise SettingsError(explained(error)) from None
    if name not in found:
        raise SettingsError(f"{where} must define `{name}`")
    return found[name]


def _load(package: str) -> Loaded:
    adapters = importlib.import_module(f"{package}.adapters")
    for adapter in pkgutil.iter_modules(adapters.__path__):  # before the backend: each adapter sets up its framework
        importlib.import_module(f"{package}.adapters.{adapter.name}")
    agent = importlib.import_module(f"{package}.backend.agent")
    answer: Any = getattr(agent, "answer", None)
    check_answer(answer, agent)
    for name in ("setup", "teardown"):
        if not inspect.iscoroutinefunction(getattr(agent, name, _nothing)):
            raise TypeError(f"{name} in competitor/backend/agent.py must be an `async def`")
    more = (getattr(agent, name, None) for name in ("router", "setup", "teardown"))
    return Loaded(getattr(agent, "NAME", DEFAULT_NAME), answer, *more)


def _placed(line: str, where: str) -> str:
    """A problem with its place: the environment variable that holds the value, else the file."""
    field, colon, said = line.partition(":")
    variable = field.upper()
    return f"{variable}{colon}{said}" if colon and variable in os.environ else f"{where}: {line}"


async def _nothing() -> None: ...


def _name(source: str) -> str:
    """Reads `NAME = "..."` from the source of a backend that is still loading."""
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(targets=[ast.Name("NAME")], value=ast.Constant(str(name))):
                return name
    return DEFAULT_NAME
