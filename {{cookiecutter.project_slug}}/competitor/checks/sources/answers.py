"""What cases look at: streams and whole answers to plain questions and to named prompts, and refused requests."""
# Contract file: replaced by updates.

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from ..recording import at_once
from ..registry import CASES, Case, Source
from ..responses import Failed, Json, NotShown, Reply, Stream, require
from ..target import PLAIN, Target, question

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
ASK_WEATHER = "The weather in Paris, please."
FORCED: Json = {"type": "function", "function": {"name": "get_weather"}}
CONCURRENT_REQUESTS = 4  # at the same time, for a case that sends many requests

MAX_REFUSAL_BYTES = 2047

# The names of prompts. Every rule about streams is tried on each kind of stream that the server can be made to send.
CALLS = ("calls", "forced", "calls_separators")  # the client's tools are called
FAULTS = ("dies", "dies_first", "closes", "busy", "fails", "html", "garbage", "error_in_stream", "empty")
OWN_WORK = ("events", "artifact")  # the server runs a tool of its own, or makes an artifact
SILENCES = ("silence_first", "silence")
KINDS = ("plain", "reasoning", "bursts", "separators", "odd_finish", *CALLS, *SILENCES, "dies", "fails", *OWN_WORK)
_TOOL_PROMPTS = (*CALLS, "calls_unknown")


def label(name: str) -> str:
    """What a report calls the answer to a named prompt."""
    return "a plain question" if name == "plain" else f"the prompt {name.replace('_', ' ')}"


def prompt_and_fields(target: Target, name: str) -> tuple[str, Json]:
    """The prompt with this name, and the fields that a request with it needs."""
    return PLAIN if name == "plain" else target.prompt(name), {"tools": [WEATHER]} if name in _TOOL_PROMPTS else {}


def stream_for(target: Target, name: str, **fields: Any) -> Stream:
    """The streamed answer to a named prompt."""
    prompt, needed = prompt_and_fields(target, name)
    return target.stream(prompt, **needed, **fields)


def answer_for(target: Target, name: str, **fields: Any) -> Reply:
    """The whole (not streamed) answer to a named prompt."""
    prompt, needed = prompt_and_fields(target, name)
    return target.ask(prompt, **needed, **fields)


def known(target: Target, names: Iterable[str]) -> list[str]:
    """Those of the names whose prompts work on this server. Raises `NotShown` if there is none."""
    given = tuple(names)
    found = [name for name in given if name == "plain" or name in target.prompts]
    if not found:
        raise NotShown(f"no known prompt makes this server do it ({', '.join(given).replace('_', ' ')})")
    return found


def streams(*names: str, **fields: Any) -> Source:
    """A source: the streamed answers to these prompts. Prompts that the target does not know are left out.

    So are answers that are no streams, or empty ones: the clauses E1 and S13 say that they are wrong.
    """
    return partial(_answers, names, stream_for, _why_no_stream, fields)


def answers(*names: str, **fields: Any) -> Source:
    """A source: the non-streamed answers to these prompts. Refused requests and unknown prompts are left out."""
    return partial(_answers, names, answer_for, _why_no_answer, fields)


def cases_of_any(looked_at: Stream | Reply) -> list[Case]:
    """The cases that hold for a streamed, or for a whole, answer to any question."""
    get = stream_for if isinstance(looked_at, Stream) else answer_for
    return [case for case in CASES.values() if _is_for_any(case.source, get)]


def _is_for_any(source: Source, get: Callable[..., Any]) -> bool:
    if not (isinstance(source, partial) and source.func is _answers):
        return False
    names, used, _, fields = source.args
    return used is get and "plain" in names and len(names) > 1 and not fields


def _answers(
    names: tuple[str, ...],
    get: Callable[..., Any],
    why_not: Callable[[Any], str],
    fields: Json,
    target: Target,
) -> Iterator[tuple[str, Any]]:
    reasons = []
    for name in known(target, names):
        found = get(target, name, **fields)
        if reason := why_not(found):
            reasons.append(f"{label(name)}: {reason}")
        else:
            yield label(name), found
    if len(reasons) == len(known(target, names)):
        raise NotShown("; ".join(reasons))


def _why_no_stream(stream: Stream) -> str:
    if stream.status != 200:
        return f"the stream has the status {stream.status}"
    return "" if stream.deltas else "the stream is empty"


def _why_no_answer(reply: Reply) -> str:
    if reply.status != 200:
        return f"the answer has the status {reply.status}"
    try:
        return "" if isinstance(reply.json(), dict) else "the answer is not a JSON object"
    except Failed:
        return "the answer is not JSON"


def require_whole_answers(target: Target) -> None:
    """Raises `NotShown` if the server fails at a plain question without a stream, for which E1 accuses it."""
    reply = target.ask()
    why = _why_no_answer(reply)
    if why and not 400 <= reply.status < 500:
        raise NotShown(f"a plain question gets no answer without a stream ({why}); see E1")


def require_good_answer(target: Target) -> None:
    """Raises `NotShown` if the server refuses a good request, because its refusal of a bad one then shows nothing."""
    try:
        status, text = (reply := target.ask()).status, reply.message.get("content")
    except Failed as failure:
        raise NotShown(f"a plain question gets no answer, so a refusal shows nothing: {failure}") from None
    if status != 200 or not text:
        raise NotShown(f"a plain question gets no answer (status {status}), so a refusal shows nothing")


def posted(target: Target, tries: Iterable[tuple[str, Json]]) -> list[tuple[str, Reply]]:
    """Sends a request for each try: a few words about it, and the fields that it adds to a plain question."""
    named = list(tries)
    replies = at_once([partial(target.post, question(**fields)) for _, fields in named], CONCURRENT_REQUESTS)
    return [(what, reply) for (what, _), reply in zip(named, replies, strict=True)]


def requests(*tries: tuple[str, Json]) -> Source:
    """A source: the replies to plain questions with these fields added."""

    def source(target: Target) -> Iterator[tuple[str, Reply]]:
        require_whole_answers(target)
        yield from posted(target, tries)

    return source


def bad_requests(*tries: tuple[str, Json]) -> Source:
    """A source: the replies to requests that must be refused. It needs a server that accepts a good request."""

    def source(target: Target) -> Iterator[tuple[str, Reply]]:
        require_good_answer(target)
        yield from posted(target, tries)

    return source


def refused(reply: Reply, param: str | None = None, what: str = "a bad request") -> Json:
    """Requires a small 4xx response whose error object names `param`, as S16 says. Returns the error object."""
    require(400 <= reply.status < 500, f"{what} got {reply.status}, not a 4xx")
    size = len(reply.body)
    require(size <= MAX_REFUSAL_BYTES, f"the refusal of {what} has {size} bytes, more than {MAX_REFUSAL_BYTES}")
    body = reply.json()
    error = body.get("error") if isinstance(body, dict) else None
    require(isinstance(error, dict), f"the refusal of {what} has no error object")
    assert isinstance(error, dict)
    for name in ("message", "type", "param", "code"):
        require(name in error, f"the error for {what} has no {name}")
    require(isinstance(error["message"], str) and error["message"], f"the error for {what} has no message")
    if param is not None:
        require(param in f"{error['message']} {error['param']}", f"the error for {what} does not name {param}")
    return error
