"""Slips: explains a mistake in the owner's code in one sentence, with its place and what to write instead.
Contract file: replaced by updates.

The log, the console and, in development only, the answer show the same sentence.
"""

import builtins
import inspect
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from ..errors import ServiceError, UpstreamError
from ..events import NotAnEvent, Reasoning, Text
from ..settings import Settings

_PACKAGE = Path(__file__).resolve().parents[2]
# The owner's code.
BACKEND = _PACKAGE / "backend"
MAX_CODE_CHARACTERS = 100
MAX_MESSAGE_CHARACTERS = 300
MAX_NAME_CHARACTERS = 60  # of a name whose likes are looked for, which takes time
# Whether the answer that is being written shows these sentences, as it does in development.
SHOWN: ContextVar[bool] = ContextVar("shown", default=False)
_SOURCES: dict[str, list[str]] = {}
_CONVERTED = "write `str(...)` around it"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the owner's code. `file` is its full path."""

    file: str
    line: int

    @property
    def code(self) -> str:
        lines = _SOURCES.get(self.file) or _lines(self.file)
        code = re.sub(r"\s{2,}# .*$", "", lines[self.line - 1]).strip() if self.line <= len(lines) else ""
        return code if len(code) <= MAX_CODE_CHARACTERS else f"{code[:MAX_CODE_CHARACTERS]} ..."

    def __str__(self) -> str:
        path = Path(self.file)
        shown = path.relative_to(_PACKAGE.parent) if path.is_relative_to(_PACKAGE.parent) else path
        code = self.code
        return f"{shown.as_posix()}, line {self.line}{f', `{code}`' if code else ''}"


class Slip(TypeError):
    """A mistake that is found when the owner's code is loaded, at a place of its own."""

    def __init__(self, said: str, place: Place | None = None):
        super().__init__(said)
        self.place = place


def explained(error: BaseException, settings: Settings | None = None) -> str:
    """One sentence about an error: where it was made, what is wrong, and what to write instead.

    `settings` are those of the server, which are named if a model's server has failed. Never raises, whatever the
    error is.
    """
    try:
        error = _first(error)
        place = place_of(error)
        said = _said(error, place, settings)
    except Exception:  # noqa: BLE001 - such as an error that has no text
        return f"{type(error).__name__}."
    return f"{place}: {said}." if place else f"{said}."


def place_of(error: BaseException) -> Place | None:
    """The line of the owner's code that has caused an error: the innermost one. None if there is none."""
    if isinstance(error, SyntaxError) and error.filename and is_own(error.filename):
        return Place(error.filename, error.lineno or 1)
    yielded = getattr(error, "place", None)
    if isinstance(yielded, Place):
        return yielded
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        own = [(frame, line) for frame, line in traceback.walk_tb(error.__traceback__) if _is_in_own_code(frame)]
        if own:
            frame, line = own[-1]
            return Place(frame.f_code.co_filename, line)
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return None


def remember_sources() -> None:
    """Keeps the lines of the owner's Python files as they are loaded, because the files may change."""
    _SOURCES.update({str(path): _lines(str(path)) for path in BACKEND.rglob("*.py")})


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def check_syntax() -> None:
    """Compiles the owner's Python files, also those that are imported later. Raises `SyntaxError`."""
    remember_sources()
    for path in sorted(BACKEND.rglob("*.py")):
        compile(path.read_bytes(), str(path), "exec", dont_inherit=True)


def check_answer(answer: Any, agent: ModuleType) -> None:
    """Raises `Slip` if `answer` of `competitor/backend/agent.py` cannot be what the core calls."""
    if answer is None:
        near = get_close_matches("answer", [name for name, found in vars(agent).items() if callable(found)], 1, 0.6)
        renamed = f"; rename `{near[0]}`" if near else ""
        raise Slip("competitor/backend/agent.py must define `async def answer(chat: Chat)`" + renamed)
    place = Place(answer.__code__.co_filename, answer.__code__.co_firstlineno) if inspect.isfunction(answer) else None
    if inspect.iscoroutinefunction(answer):
        returned = _returned(answer)
        written = f"; write `{_yielded(returned.code)}`" if returned else ""
        wrong = "`answer` yields nothing, and only what it yields is answered"
        raise Slip(wrong + (written or '; write `yield Text("...")`'), returned or place)
    if inspect.isgeneratorfunction(answer):
        raise Slip("`async` is missing; write `async def answer(chat: Chat)`", place)
    if not callable(answer):
        raise Slip(f"`answer` must be a function, not of the type {type(answer).__name__}")
    try:
        inspect.signature(answer).bind("chat")
    except TypeError:
        raise Slip("`answer` gets one argument; write `async def answer(chat: Chat)`", place) from None
    except ValueError:  # it has no signature
        pass


def _yielded(code: str) -> str:
    """A `return` of a text, or of an event, as a `yield`."""
    value = code.removeprefix("return ")
    return f"yield {value}" if value.startswith(("Text(", "Reasoning(")) else f"yield Text({value})"


def _returned(function: Any) -> Place | None:
    """The first `return` of a function that has a value."""
    try:
        lines, first = inspect.getsourcelines(function)
    except OSError:
        return None
    for number, line in enumerate(lines):
        if re.match(r"\s+return \S", line):
            return Place(function.__code__.co_filename, first + number)
    return None


def is_own(file: str) -> bool:
    """Whether a file is the owner's code."""
    return Path(file).is_relative_to(BACKEND)


def place_in(frame: FrameType | None) -> Place | None:
    """The innermost line of the owner's code in this stack. None if there is none."""
    while frame is not None and not _is_in_own_code(frame):
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno) if frame is not None else None


def folded(error: BaseException) -> str:
    """The traceback of an error, in which the frames of the core and of packages are left out."""
    lines = traceback.TracebackException.from_exception(error)
    shown: list[str] = []
    hidden = 0
    for frame in lines.stack:
        if is_own(frame.filename):
            code = Place(frame.filename, frame.lineno or 1).code
            own = traceback.FrameSummary(frame.filename, frame.lineno, frame.name, line=code)
            shown += [_left_out(hidden), *traceback.StackSummary.from_list([own]).format()]
            hidden = 0
        else:
            hidden += 1
    return "".join([*shown, _left_out(hidden), *lines.format_exception_only()]).rstrip("\n")


def _left_out(frames: int) -> str:
    return f"  ({frames} {'frame' if frames == 1 else 'frames'} of the core and of packages)\n" if frames else ""


def _is_in_own_code(frame: FrameType) -> bool:
    return is_own(frame.f_code.co_filename)


def _first(error: BaseException) -> BaseException:
    """The first error of a group, as task groups raise them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _said(error: BaseException, place: Place | None, settings: Settings | None) -> str:
    code = place.code if place else ""
    if isinstance(error, Slip):
        return str(error)
    if isinstance(error, UpstreamError):
        return _of_upstream(error, settings)
    if isinstance(error, ServiceError):
        return str(error).rstrip(".")
    if isinstance(error, SyntaxError):
        return _of_syntax(error, code)
    if isinstance(error, NotAnEvent):
        return _of_event(error.given, code)
    name = _of_name(error)
    if name is not None:
        return name
    message = str(error)[:MAX_MESSAGE_CHARACTERS].partition("\n")[0]
    for kind, pattern, wrong, old, new in _RULES:
        if isinstance(error, kind) and (found := re.search(pattern, message)):
            instead = re.sub(old, new, code) if old else code
            written = f"; write `{instead}`" if instead != code else ""
            return wrong.format(*found.groups(), message=message) + written
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


# For an error of this class whose message has this pattern: what is wrong, and how to change the code of its line.
_RULES: tuple[tuple[type[BaseException], str, str, str, str], ...] = (
    (
        TypeError,
        r"object Completion can't be used in 'await' expression",
        "a completion is yielded, or iterated over with `async for`; `await chat.ask(...)` returns a text",
        r"^(?:\w+\s*=\s*)?await\b",
        "yield",
    ),
    (
        TypeError,
        r"object (?:Text|Reasoning|Tool\w+|Sandbox\w+|Artifact|Usage|Finish) can't be used in 'await' expression",
        "an event is yielded, not awaited",
        r"^await\b",
        "yield",
    ),
    (
        TypeError,
        r"object async_generator can't be used in 'await' expression",
        "an async generator cannot be awaited; write `async for ... in` it",
        "",
        "",
    ),
    (
        TypeError,
        r"object (\w+) can't be used in 'await' expression",
        "`await` is for coroutines, and this is of the type {0}",
        r"\bawait\s+",
        "",
    ),
    (
        TypeError,
        r"'async for' requires an object with __aiter__ method, got coroutine",
        "the coroutine must be awaited first",
        r"async for (.+) in (.+):$",
        r"for \1 in await \2:",
    ),
    (
        TypeError,
        r"'async for' requires an object with __aiter__ method, got (\w+)",
        "`async for` is not for the type {0}",
        r"^async for\b",
        "for",
    ),
    (
        TypeError,
        r"'(Completion|async_generator|RunningCalls)' object is not iterable",
        "it arrives piece by piece",
        r"^for\b",
        "async for",
    ),
    (
        TypeError,
        r"^object of type 'coroutine'|\"coroutine\"|'coroutine'|\bcoroutine was\b|\bgot coroutine\b",
        "`await` is missing: write it before the call that made this coroutine",
        "",
        "",
    ),
    (
        AttributeError,
        r"'coroutine' object has no attribute",
        "`await` is missing: write it before the call that made this coroutine",
        "",
        "",
    ),
    (
        TypeError,
        r"^'RunningCalls' object does not support the context manager",
        "it is entered with `async with`",
        r"^with\b",
        "async with",
    ),
    (
        RuntimeError,
        r"asyncio\.run\(\) cannot be called from a running event loop",
        "the server's event loop already runs",
        r"asyncio\.run\((.*)\)",
        r"await \1",
    ),
    (
        TypeError,
        r"^answer\(\) takes (\d+) positional arguments? but (\d+)",
        "`answer` gets one argument; write `async def answer(chat: Chat)`",
        "",
        "",
    ),
    (KeyError, r"^(.+)$", "there is no key {0}; write `.get({0})` if it may be missing", "", ""),
    (IndexError, r"out of range", "it has fewer items; look at its length first", "", ""),
    (
        UnboundLocalError,
        r"variable '(\w+)'",
        "`{0}` has no value yet; assign one before this line in every case",
        "",
        "",
    ),
)


def _of_event(given: object, code: str) -> str:
    """About a value that a backend has yielded and that is no event."""
    for kind in (Text, Reasoning):
        if isinstance(given, kind):
            return _of_text(kind.__name__, given.text, code)
        if given is kind:
            return f'this is the class; write `yield {kind.__name__}("...")`'
    if inspect.iscoroutine(given):
        given.close()  # it would warn that nobody awaited it
        return "`await` is missing" + _instead(code, r"yield (.+)$", r"yield Text(await \1)")
    if inspect.isasyncgen(given) or inspect.isgenerator(given):
        loop = "async for" if inspect.isasyncgen(given) else "for"
        return f"a generator is no event; write `{loop} event in ...: yield event`"
    if isinstance(given, str):
        return "a backend yields events, not a str" + _instead(code, r"yield (.+)$", r"yield Text(\1)")
    wrong = f"a backend yields events, such as `Text`, not the type {type(given).__name__}"
    return wrong + _instead(code, r"yield (.+)$", r"yield Text(str(\1))")


def _of_text(name: str, given: object, code: str) -> str:
    if inspect.iscoroutine(given):
        given.close()
        return "`await` is missing" + _instead(code, rf"{name}\((.+)\)", rf"{name}(await \1)")
    wrong = f"`{name}` takes a str, not the type {type(given).__name__}"
    return wrong + (_instead(code, rf"{name}\((.+)\)", rf"{name}(str(\1))") or f"; {_CONVERTED}")


def _instead(code: str, old: str, new: str | Callable[[re.Match[str]], str]) -> str:
    changed = re.sub(old, new, code)
    return f"; write `{changed}`" if changed != code else ""


_SYNTAX: tuple[tuple[str, str, str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"^expected ':'", "a colon is missing", r"(?<!:)$", ":"),
    (r"^'await' outside async function", "`await` needs `async def` in the function around it", "", ""),
    (r"^'yield' outside function", "`yield` belongs inside `async def answer(chat)`", "", ""),
    (
        r"^'return' with value in async generator",
        "a function that yields returns no value",
        r"^return .+$",
        lambda found: _yielded(found[0]),
    ),
    (r"^expected an indented block", "indent this line by four more spaces", "", ""),
    (r"^unexpected indent", "remove spaces at the beginning of this line", "", ""),
    (r"^unindent does not match", "begin this line with as many spaces as another line of its block", "", ""),
    (r"^inconsistent use of tabs", "indent with spaces only, not with tabs", "", ""),
    (r"^'(.)' was never closed", "the bracket `{0}` was never closed", "", ""),
    (r"^unterminated .*string", "the quotation mark at the end is missing", "", ""),
)


def _of_syntax(error: SyntaxError, code: str) -> str:
    for pattern, wrong, old, new in _SYNTAX:
        if found := re.search(pattern, error.msg):
            instead = _instead(code, old, new) if old else ""
            return wrong.format(*found.groups()) + instead
    return f"Python cannot read this line ({error.msg}); correct it"


def _of_name(error: BaseException) -> str | None:
    """About a name that does not exist: of a variable, an attribute, a module, or something to import."""
    if isinstance(error, ModuleNotFoundError):
        name = error.name or ""
        if name.startswith(f"{_PACKAGE.name}."):
            return f"there is no module {name}{_similar(name.rpartition('.')[2], _modules(name))}"
        package = name.partition(".")[0]
        wrong = f"the package {package} is not installed"
        return f"{wrong}; add it to competitor/backend/requirements.in, then run `make lock`"
    if isinstance(error, ImportError) and (
        found := re.match(r"cannot import name '(\w+)' from '([\w.]+)'", str(error))
    ):
        name, module = found.groups()
        return f"{module} has no {name}{_similar(name, _names_of(module))}"
    if isinstance(error, UnboundLocalError):
        return None
    if isinstance(error, NameError) and error.name:
        return f"the name `{error.name}` is not defined{_definition(error)}"
    if isinstance(error, AttributeError) and error.name and "'coroutine'" not in str(error):
        kind = error.obj.__name__ if inspect.ismodule(error.obj) else type(error.obj).__name__
        return f"{kind} has no `{error.name[:MAX_NAME_CHARACTERS]}`{_similar(error.name, dir(error.obj))}"
    return None


def _definition(error: NameError) -> str:
    """Where a missing name can come from."""
    name = error.name or ""
    if name in _names_of(f"{_PACKAGE.name}.api"):
        return f"; write `from ..api import {name}` at the top"
    if name in sys.stdlib_module_names:
        return f"; write `import {name}` at the top"
    known: set[str] = set(dir(builtins))
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if _is_in_own_code(frame):
            known |= {*frame.f_locals, *frame.f_globals}
    return _similar(name, known)


def _similar(name: str, known: Any) -> str:
    public = [each for each in known if not each.startswith("_")] if len(name) <= MAX_NAME_CHARACTERS else []
    close = get_close_matches(name, public, 1, 0.6)
    return f"; write `{close[0]}`" if close else ""


def _names_of(module: str) -> list[str]:
    try:
        found = import_module(module)
    except ImportError:
        return []
    return [*getattr(found, "__all__", ()), *vars(found)]


def _modules(name: str) -> Iterator[str]:
    """The names of the modules beside a module that does not exist."""
    folder = _PACKAGE.joinpath(*name.split(".")[1:-1])
    yield from (path.stem for path in folder.glob("*.py"))


# What to look at if a model's server has failed in this way. `{url}` and `{model}` are those of the settings.
_UPSTREAM = {
    "unreachable": "no server answers at {url}; start it, or correct JANUS_LLM_BASE_URL in .env",
    "refused_key": "the server at {url} refused the key; correct JANUS_LLM_API_KEY in .env",
    "unknown_model": "the server at {url} does not know the model {model}; correct JANUS_LLM_MODEL in .env",
    "not_found": "the server at {url} has no such path; correct JANUS_LLM_BASE_URL in .env, which often ends with /v1",
    "not_openai": "what the server at {url} sends is not OpenAI's format; correct JANUS_LLM_BASE_URL in .env",
    "busy": "the server at {url} is too busy; wait, or ask it less at once with a lower JANUS_MAX_RUNNING",
    "silent": "the server at {url} stopped answering; JANUS_LLM_SILENCE_SECONDS is how long it may be silent",
    "egress": "this host is in no setting, and only hosts of settings may be called; declare its base URL in "
    "competitor/backend/settings.py",
}


def _of_upstream(error: UpstreamError, settings: Settings | None) -> str:
    kind = error.kind
    if error.status in (400, 404, 422) and re.search(r"(?i)\bmodel\b", error.detail):
        kind = "unknown_model"
    elif error.status in (404, 405):
        kind = "not_found"
    if kind not in _UPSTREAM or settings is None:
        return error.sentence.rstrip(".")
    configured = settings.models.get(error.model)
    url = (configured and configured.base_url) or settings.llm_base_url or "the configured address"
    return _UPSTREAM[kind].format(url=url, model=repr(error.model or settings.llm_model or "of the request"))
