"""Asks a server one task, and reads the answer as a stream."""
# Contract file: replaced by updates.

import json
from typing import Any

from ..checks.responses import Failed, NotShown, Stream
from ..checks.target import Target
from .task import Answer, Call, Json, Task

MAX_TEXT_SHOWN = 200


def ask(target: Target, task: Task) -> Answer:
    """Sends a task's request. Whatever the server does, an answer comes back; its `failure` says what went wrong."""
    body = {"model": target.model, "stream": True, "stream_options": {"include_usage": True}, **task.body}
    try:
        stream = target.read_stream(body)
        if stream.status != 200:
            said = b" ".join(line for _, line in stream.lines).decode("utf-8", "replace")
            return Answer(seconds=stream.seconds, failure=f"HTTP {stream.status}: {said[:MAX_TEXT_SHOWN]}")
        return answer_of(stream)
    except (Failed, NotShown) as reason:
        return Answer(seconds=target.timeout, failure=str(reason))
    except Exception as error:  # noqa: BLE001 - a server may send anything
        return Answer(failure=f"the answer has an unknown format ({type(error).__name__})")
    finally:
        target.journal.clear()


def answer_of(stream: Stream) -> Answer:
    """The answer in a stream. Raises `Failed` for one that is no stream of chat completion chunks."""
    if not stream.chunks:
        raise Failed("the answer is not a stream of chunks")
    times = tuple(at for at, delta in stream.deltas if delta.get("content"))
    usage = stream.usages[-1] if stream.usages and isinstance(stream.usages[-1], dict) else {}
    failure = stream.cut and f"the stream broke off: {stream.cut}"
    error = next((chunk["error"] for _, chunk in stream.chunks if chunk.get("error")), None)
    if error:
        failure = f"the stream reports an error: {json.dumps(error)[:MAX_TEXT_SHOWN]}"
    return Answer(
        stream.text,
        tuple(_calls(stream.fragments)),
        times,
        stream.first_word,
        _count(usage.get("total_tokens")),
        _count(usage.get("completion_tokens")),
        stream.seconds,
        failure,
    )


def _count(value: Any) -> int:
    return max(0, value) if isinstance(value, int) else 0


def _calls(fragments: list[Json]) -> list[Call]:
    """Puts the fragments of tool calls together. Arguments that are no JSON object become an empty one."""
    found: dict[Any, list[str]] = {}
    for piece in fragments:
        function = piece.get("function") or {}
        name, arguments = found.setdefault(piece.get("index", len(found)), ["", ""])
        found[piece.get("index", len(found) - 1)] = [
            name + str(function.get("name") or ""),
            arguments + str(function.get("arguments") or ""),
        ]
    return [Call(name, _object(arguments)) for name, arguments in found.values()]


def _object(text: str) -> Json:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
