"""The public API: everything that a backend, its tests and an adapter may import from the competitor.
Contract file: replaced by updates.

    from collections.abc import AsyncIterator

    from ..api import Chat, Event, Text

    async def answer(chat: Chat) -> AsyncIterator[Event]:
        yield Text("Hello ")
        yield chat.complete()

`answer` may yield:

    Text(text)                      a piece of the answer
    Reasoning(text)                 a piece of reasoning, or a note about current work
    chat.complete(...)              a `Completion`: one call of the model, passed on piece by piece as it arrives
    ToolStart, ToolEnd              one of your tools runs (S9): `ToolStart(name, details={})`, then `ToolEnd(start.id)`
    SandboxStart, SandboxEnd        a sandbox runs (S9), in the same way
    ToolCall(name, arguments)       a tool call for a tool that the client offered and runs itself (S10)
    Artifact                        an image, a file, a dataset (A1 to A3): `await chat.artifacts.save(...)` makes one
    Usage(prompt_tokens, ...)       tokens, US dollars and sandbox seconds of your other calls; added to the usage (U1)
    Finish(reason)                  ends the answer: "stop", "length", "tool_calls" or "content_filter" (S7)
    a Source of your own            an object that writes events to a `Sink`, such as a client of another API

Whatever a backend raises, the answer still ends as the contract requires (S13), and the log has the reason.

    Chat            one request, and the means to answer it
      .messages       the conversation in OpenAI's wire format: a fresh list of dicts, which you may change
      .text           the text of the last user message
      .files          that message's files, decoded: a list of `File(name, mime_type, type, data)`, `data` as bytes
      .request        the parsed request (R1 to R10)
      .complete(messages=None, model=..., **options)   a `Completion` of the caller's request; arguments replace its
                      fields. With `models=["fast", "big"]`, the next model is asked if one does not answer
      .ask(prompt, model=...)   `await` it for the text of a model, or with `schema=` for an object of a pydantic class;
                      the client does not see it
      .offer(own)     options for `complete` that offer the client's tools and your own (S10, R7)
      .get(url, query), .post(url, json)   `await` one for the `Reply` of a service: `.status`, `.text`, `.json()`. They
                      raise `ServiceError`, a sentence that names the host and its setting
      .events(url, json)   iterate over it for the JSON of each event of a service that streams (SSE)
      .artifacts.save(data, name, mime_type=..., ttl_seconds=...)   an `Artifact` made from bytes, text or a file
      .artifacts.save_image(data, title)   `Artifact`s of an image: a PNG that fits inline, and maybe the original
      .own            what `async def setup()` in agent.py has returned, if there is one
      .http           an HTTP client that connects to configured hosts only (X2)
      .settings       `Settings`, read from the environment
      .seconds_left   seconds until the time limit of this answer (S15)
      .log            a logger of Python's `logging` that adds the request's id
    Completion      one call of the model. Yield it, or iterate over it for `Text` and `Reasoning`, or over `.pieces()`
                    for `ToolCallPiece` as well. Then `.text`, `.shown_text`, `.reasoning`, `.tool_calls` (yours),
                    `.client_calls`, `.message`, `.finish_reason` and `.usage` hold the result. If the call fails,
                    the `yield` or the iteration raises `UpstreamError`: `.kind` says what failed
                    (errors.UPSTREAM_KINDS), `.model` which model, `.said` is the text that had been passed on by then.
                    If `.can_go_on`, another model can go on from there, with the messages `.follow_up`.
    OwnSettings     the base class of your settings (backend/settings.py); a field of the type `BaseUrl` may be called
    Model(id, base_url=..., key=...)   declares a model of backend/models.py, to be asked by a short name

    tool(function)  a `Tool` from a typed async function with a docstring. It returns text, a `Result`, or JSON data;
                    it raises `ToolError("a sentence for the model")` if it cannot do what was asked
    offered(chat)   the built-in tools whose service is configured, as a list of `Tool`
    by_flags(chat, said)   does what the request's `generation_flags` ask for: yields the events of an image of the
                    user's text, or of `said` as speech. For a backend without a `Toolbox`, which does it by itself
    Toolbox(tools, seconds=..., offers="all")   `.offer(chat)` returns options for `complete` that offer the client's
                    tools and yours; `offers`, of the type `Offers`, says which (see `Toolbox`). Start calls with
                    `async with toolbox.start(completion.tool_calls) as running:`, and iterate over `running` for
                    events. Then use `running.results` and `running.messages`. The arguments are checked, each call has
                    this time limit (S12), and at most `MAX_CALLS_AT_ONCE` run at once.

The message of an `ArtifactError` tells the user why something could not be saved. New names may be added at any time.
If a name is renamed or removed, the first number of `API_VERSION` increases, and the update has a migration.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .core.artifacts.descriptor import Artifact
    from .core.artifacts.received import File
    from .core.artifacts.save import Artifacts
    from .core.chat import Chat
    from .core.errors import ArtifactError, ServiceError, UpstreamError
    from .core.events import (
        Event,
        Finish,
        FinishReason,
        Reasoning,
        SandboxEnd,
        SandboxStart,
        Sink,
        Source,
        Text,
        ToolCall,
        ToolCallPiece,
        ToolEnd,
        ToolStart,
    )
    from .core.limits import MAX_CALLS_AT_ONCE
    from .core.model.completion import Completion
    from .core.models import Model
    from .core.own_settings import OwnSettings
    from .core.services import Reply
    from .core.setting_types import BaseUrl
    from .core.settings import Settings
    from .core.tools.builtin import offered
    from .core.tools.builtin.flags import by_flags
    from .core.tools.tool import Result, Tool, ToolError, tool
    from .core.tools.toolbox import Offers, RunningCalls, Toolbox
    from .core.usage import Usage

API_VERSION = "1.2.0"

__all__ = [
    "API_VERSION", "MAX_CALLS_AT_ONCE", "Artifact", "ArtifactError", "Artifacts", "BaseUrl", "Chat", "Completion",
    "Event", "File", "Finish", "FinishReason", "Model", "Offers", "OwnSettings", "Reasoning", "Reply", "Result",
    "RunningCalls", "SandboxEnd", "SandboxStart", "ServiceError", "Settings", "Sink", "Source", "Text", "Tool",
    "ToolCall", "ToolCallPiece", "ToolEnd", "ToolError", "ToolStart", "Toolbox", "UpstreamError", "Usage", "by_flags",
    "offered", "tool",
]  # fmt: skip

_MODULES = {
    "artifacts.descriptor": ("Artifact",),
    "artifacts.received": ("File",),
    "artifacts.save": ("Artifacts",),
    "chat": ("Chat",),
    "errors": ("ArtifactError", "ServiceError", "UpstreamError"),
    "events": (
        "Event", "Finish", "FinishReason", "Reasoning", "SandboxEnd", "SandboxStart", "Sink", "Source", "Text",
        "ToolCall", "ToolCallPiece", "ToolEnd", "ToolStart",
    ),
    "limits": ("MAX_CALLS_AT_ONCE",),
    "model.completion": ("Completion",),
    "models": ("Model",),
    "own_settings": ("OwnSettings",),
    "services": ("Reply",),
    "setting_types": ("BaseUrl",),
    "settings": ("Settings",),
    "tools.builtin": ("offered",),
    "tools.builtin.flags": ("by_flags",),
    "tools.tool": ("Result", "Tool", "ToolError", "tool"),
    "tools.toolbox": ("Offers", "RunningCalls", "Toolbox"),
    "usage": ("Usage",),
}  # fmt: skip
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Imports the module of a name when the name is first used, so that the start is fast."""
    if name not in _HOMES:
        raise AttributeError(f"competitor.api has no {name!r}; it has {', '.join(__all__)}")
    value = getattr(import_module(f".core.{_HOMES[name]}", __package__), name)
    globals()[name] = value
    return value
