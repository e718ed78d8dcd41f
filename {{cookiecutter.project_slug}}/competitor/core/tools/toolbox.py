"""The toolbox: runs the tool calls that a model asks for.
Contract file: replaced by updates.

If a call goes wrong (an unknown name, bad arguments, an exception, a hang, ten megabytes of output), its `Result` has
a text that helps the model to go on. Every start event is followed by an end event.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from ..chat import Chat
from ..errors import ArtifactError, ServiceError, UpstreamError
from ..events import Event, SandboxEnd, SandboxStart, ToolCall, ToolEnd, ToolStart
from ..limits import (
    MAX_ARGUMENT_BYTES,
    MAX_CALLS_AT_ONCE,
    MAX_COMPARED_TOOLS,
    MAX_RESULT_CHARACTERS,
    MAX_TOOL_CLEAN_UP_SECONDS,
)
from ..observe.slips import SHOWN, explained
from ..request.schema import ChatRequest
from ..usage import Usage
from .kinds import kinds_of, needed
from .tool import Result, Schema, Tool, ToolError, tool

log = logging.getLogger("competitor.tools")

Report = Callable[[Event], None]
Offers = Literal["all", "needed", "menu"]

MENU = "more"
# What a conversation can need is decided by this many messages of the user, the last ones.
CONSIDERED_MESSAGES = 3

# Events show this many characters of arguments and results.
_SHOWN_CHARACTERS = 500


# generation_flags -> the kind of tool that does it. The two that are made at once are demanded of the model.
_FLAGGED = {"generate_image": "image", "generate_audio": "speech", "web_search": "search", "deep_research": "search"}
FORCED_KINDS = ("image", "speech")


def flagged(request: ChatRequest) -> set[str]:
    """The kinds of tools that the request's `generation_flags` ask for."""
    flags = request.generation_flags
    return {kind for flag, kind in _FLAGGED.items() if getattr(flags, flag)} if flags is not None else set()


class Toolbox:
    """Chooses which tools a model is offered, and runs the tool calls of one answer.

    `seconds` is the time limit of each call. `offers` says what `offer` offers: with "all", all tools; with "needed",
    those whose kind the conversation can need (kinds.py); with "menu", one small tool that brings the others. If
    several tools have the same name, the first is used.
    """

    def __init__(self, tools: Iterable[Tool], *, seconds: float, offers: Offers = "all"):
        self._tools: dict[str, Tool] = {}
        for given in tools:
            self._tools.setdefault(given.name, given)
        self._seconds = seconds
        self._offers = offers
        if offers == "menu" and self._tools:
            self._tools[MENU] = tool(self.more)
        self._forced = False  # whether the tool that a flag asks for was demanded
        self._opened = False  # whether the model has called `more`

    @property
    def tools(self) -> list[Tool]:
        return list(self._tools.values())

    @property
    def schemas(self) -> list[Schema]:
        """All tools in OpenAI's wire format."""
        return [one.schema for one in self._tools.values()]

    def offer(self, chat: Chat) -> dict[str, Any]:
        """Returns the options for `chat.complete` that offer the client's tools and those of this toolbox (`offers`).

        A tool of a kind that the client offers as well is left out, because the benchmark counts only calls of the
        client's tools. See `Chat.offer` for the rest. If the request's `generation_flags` ask for something that one
        of these tools does, the tool is offered, and the first call of the model must call it.
        """
        theirs = [their.function for their in chat.request.offered_tools[:MAX_COMPARED_TOOLS]]
        taken = {kind for their in theirs for kind in kinds_of(their.name, their.description or "")}
        own = [one for one in self._tools.values() if one.kind not in taken and one.name != MENU]
        if self._offers == "needed":
            said = [message.text for message in chat.request.messages if message.role == "user"]
            own = [one for one in own if needed(one.kind, said[-CONSIDERED_MESSAGES:])]
        elif self._offers == "menu" and own and not self._opened:
            names = ", ".join(one.name for one in own)
            own = [replace(self._tools[MENU], description=names)]
        by_flag = flagged(chat.request) - taken
        wanted = [one for one in self._tools.values() if one.kind in by_flag]
        own += [one for one in wanted if one not in own]
        offer = chat.offer([one.schema for one in own])
        forced = [one for one in wanted if one.kind in FORCED_KINDS]
        if forced and not self._forced and "tool_choice" not in offer:
            self._forced = True
            offer["tool_choice"] = {"type": "function", "function": {"name": forced[0].name}}
        return offer

    async def more(self) -> str:
        """Brings more tools."""
        self._opened = True
        return "You can call them now."

    async def run(
        self, name: str, arguments: str, report: Report = lambda event: None, *, seconds: float | None = None
    ) -> Result:
        """Runs one call and returns its result; `report` gets each of its events. Raises only `CancelledError`.

        `seconds` can shorten the time limit of this call.
        """
        limit = self._seconds if seconds is None else min(seconds, self._seconds)
        start = ToolStart(_shown(name), details={"arguments": _shown(arguments)})
        report(start)
        result = Result("The call was cancelled.", "error")
        try:
            tool = self._tools.get(name)
            if tool is None:
                known = ", ".join(self._tools) or "none"
                result = Result(f"There is no tool {start.name!r}. The tools are: {known}.", "error")
            else:
                result = await self._checked(tool, arguments, report, limit)
        finally:
            report(ToolEnd(start.id, result.status, {"result": _shown(result.text), **result.details}))
        for artifact in result.artifacts:
            report(artifact)
        return result

    def start(self, calls: Sequence[ToolCall], *, seconds: float | None = None) -> "RunningCalls":
        """Starts several calls at once: `async with toolbox.start(calls) as running`. `seconds`: see `run`."""
        return RunningCalls(self, calls, seconds)

    async def _checked(self, tool: Tool, arguments: str, report: Report, seconds: float) -> Result:
        """Checks the arguments and runs the call."""
        if len(arguments) > MAX_ARGUMENT_BYTES:
            return Result(f"The arguments of {tool.name} are longer than {MAX_ARGUMENT_BYTES} bytes.", "error")
        try:
            given = tool.arguments.model_validate_json(arguments.encode("utf-8", "replace").strip() or b"{}")
        except ValidationError as error:
            wrong = "; ".join(_problem(problem) for problem in error.errors(include_url=False, include_input=False)[:5])
            expected = json.dumps(tool.parameters)[:2_000]
            return Result(f"Bad arguments for {tool.name}: {wrong}. They must fit this schema: {expected}", "error")
        if not tool.sandbox:
            return await _limited(tool, given, seconds)
        start = SandboxStart(tool.sandbox, details={"tool": tool.name})
        report(start)
        began, result = time.monotonic(), Result("", "error")
        try:
            result = await _limited(tool, given, seconds)
        finally:
            counted = result.sandbox_seconds
            took = round(time.monotonic() - began if counted is None else counted, 3)
            report(SandboxEnd(start.id, result.status, {"sandbox_seconds": took}))
            report(Usage(sandbox_seconds=took))
        return result


class RunningCalls:
    """Tool calls that run at the same time. Iterate to get their events; then `results` and `messages` are complete."""

    def __init__(self, toolbox: Toolbox, calls: Sequence[ToolCall], seconds: float | None):
        self._toolbox, self._calls, self._seconds = toolbox, calls, seconds
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._tasks: list[asyncio.Task[Result]] = []

    async def __aenter__(self) -> "RunningCalls":
        report = self._events.put_nowait
        for call in self._calls[:MAX_CALLS_AT_ONCE]:
            run = self._toolbox.run(call.name, call.arguments, report, seconds=self._seconds)
            task = asyncio.create_task(run)
            task.add_done_callback(lambda _: report(None))
            self._tasks.append(task)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Cancels the calls that still run, however the iteration ended."""
        left = {task for task in self._tasks if task.cancel()}
        if left:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait(left, timeout=2 * MAX_TOOL_CLEAN_UP_SECONDS)

    def __aiter__(self) -> "RunningCalls":
        return self

    async def __anext__(self) -> Event:
        while not (self._events.empty() and all(task.done() for task in self._tasks)):
            event = await self._events.get()
            if event is not None:
                return event
        raise StopAsyncIteration

    @property
    def results(self) -> list[Result]:
        """The result of each call, in the order of the calls."""
        run = [task.result() for task in self._tasks]
        left_out = Result(f"Not run: at most {MAX_CALLS_AT_ONCE} calls are run at once.", "error")
        return run + [left_out] * (len(self._calls) - len(run))

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The results as messages of role `tool`, in OpenAI's wire format."""
        pairs = zip(self._calls, self.results, strict=True)
        return [{"role": "tool", "tool_call_id": call.id, "content": result.text} for call, result in pairs]


async def _limited(tool: Tool, given: BaseModel, seconds: float) -> Result:
    """Runs the tool in its own task: `asyncio.timeout` would wait forever for a tool that ignores cancellation."""
    work = asyncio.create_task(_outcome(tool, given))
    late = True
    try:
        await asyncio.wait({work}, timeout=seconds)
        late = not work.done()
    finally:
        if work.cancel():
            await asyncio.wait({work}, timeout=MAX_TOOL_CLEAN_UP_SECONDS)
            if not work.done():
                log.error("a tool ignores cancellation and still runs", extra={"tool": tool.name})
    if late:
        return Result(f"{tool.name} did not end within {seconds:g} s and was stopped.", "error")
    return Result(f"{tool.name} gave up.", "error") if work.cancelled() else work.result()


async def _outcome(tool: Tool, given: BaseModel) -> Result:
    arguments = {name: getattr(given, name) for name in type(given).model_fields}
    try:
        made = await tool.function(**arguments)
        result = made if isinstance(made, Result) else Result(_as_text(made))
        details = from_json(to_json(result.details, fallback=str, inf_nan_mode="strings"))
        return Result(fit(result.text), result.status, details, result.artifacts, result.sandbox_seconds)
    except (ToolError, ArtifactError) as error:
        return Result(fit(str(error)), "error")
    except UpstreamError as error:
        log.warning("a tool's service failed", extra={"tool": tool.name, "kind": error.kind, "detail": error.detail})
        return Result(f"{tool.name} failed: its service cannot be used now ({error.kind}).", "error")
    except ServiceError as error:
        return Result(fit(str(error)), "error")
    except asyncio.CancelledError:
        raise
    except BaseException as error:  # `sys.exit` in a tool must end the tool, not the server
        advice = explained(error)
        log.warning(f"a tool failed: {advice}", extra={"tool": tool.name}, exc_info=True)
        return Result(
            f"{tool.name} failed with {type(error).__name__}.", "error", {"advice": advice} if SHOWN.get() else {}
        )


def fit(text: str, most: int = MAX_RESULT_CHARACTERS) -> str:
    """The text without incomplete characters, cut to at most `most` characters; never empty."""
    if len(text) > most:
        text = f"{text[:most]}\n[cut here: {most} of {len(text)} characters]"
    return text.encode("utf-8", "replace").decode() or "(no output)"


def _shown(text: str) -> str:
    return text[:_SHOWN_CHARACTERS].encode("utf-8", "replace").decode()


def _as_text(made: object) -> str:
    return made if isinstance(made, str) else to_json(made, fallback=str, inf_nan_mode="constants").decode()


def _problem(problem: Any) -> str:
    where = ".".join(str(step) for step in problem["loc"])
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])
