"""Prompts that cause the behaviour that the clauses check: commands for the stand-in, and questions for any server."""
# Contract file: replaced by updates.

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from .programs import program
from .responses import Failed, NotShown, Stream
from .target import Target, Upstream

STOP_SECONDS = 5.0
LONG_SILENCE_SECONDS = 2.0


def mock(**script: Any) -> str:
    """A command for the stand-in, which does what the fields of the script say (`Script` in stand_in.py)."""
    return "mock" + json.dumps(script)


def _weather(city: str) -> dict[str, str]:
    return {"name": "get_weather", "arguments": json.dumps({"city": city}, ensure_ascii=False)}


def _counted(**where: Any) -> str:
    """A stream that has its usage in an unusual place, as some servers send it."""
    choice = {"index": 0, "delta": {"content": "counted"}, "finish_reason": "stop"}
    chunk = {"id": "up-1", "object": "chat.completion.chunk", "created": 1, "model": "mock"}
    chunk |= {"choices": [choice | where.pop("choice", {})], **where}
    return mock(raw=[f"data: {json.dumps(chunk)}\n\n", "data: [DONE]\n\n"])


SIGNATURE = {"google": {"thought_signature": "c2lnbmF0dXJl"}}


def _signed() -> str:
    """A tool call with fields of a vendor, as Gemini sends it."""
    call = {"index": 0, "id": "call_0", "type": "function", "function": _weather("Paris"), "extra_content": SIGNATURE}
    chunk = {"id": "up-1", "object": "chat.completion.chunk", "created": 1, "model": "mock"}
    chunk |= {"choices": [{"index": 0, "delta": {"tool_calls": [call]}, "finish_reason": "tool_calls"}]}
    return mock(raw=[f"data: {json.dumps(chunk)}\n\n", "data: [DONE]\n\n"])


_USAGE = {"prompt_tokens": 1234, "completion_tokens": 567, "total_tokens": 1801}
_SEPARATORS = "a\u2028b\u2029c\u0085d"
_NO_WAIT = {"retry-after": "0"}
# Prompts for the stand-in, by name. The cases use these names.
PROMPTS: Mapping[str, str] = {
    "silence_first": mock(wait=10, tokens=3),
    "silence": mock(silence=10, tokens=6),
    "silence_long": mock(silence=60, tokens=6),
    "bursts": mock(tokens=120, burst=40, delay=0.01),
    "steady": mock(tokens=20, delay=0.05),
    "endless": mock(endless=True, delay=0.01),
    "reasoning": mock(reasoning=3, tokens=6),
    "separators": mock(word=f"{_SEPARATORS}\U0001f600", tokens=3),
    "forced": mock(tokens=0, finish="tool_calls", calls=[_weather("Paris")]),
    "calls": mock(finish="tool_calls", calls=[_weather("Paris"), _weather("Rome")]),
    "calls_separators": mock(finish="tool_calls", calls=[_weather(_SEPARATORS)]),
    "calls_unknown": mock(finish="tool_calls", calls=[{"name": "rm_rf", "arguments": "{}"}]),
    "calls_signed": _signed(),
    "odd_finish": mock(finish="eos_token"),
    "own_tool": "What is 17 * 23? Use your calculator. " + mock(turns=[{"use_tool": True, "tokens": 2}, {"tokens": 5}]),
    "uncounted": mock(usage=False),
    "usage_in_choice": _counted(choice={"usage": _USAGE}),
    "usage_in_x_groq": _counted(x_groq={"id": "req_1", "usage": _USAGE}),
    "dies": mock(tokens=20, die=5),
    "dies_first": mock(raw=['data: {"choices"']),
    "closes": mock(tokens=20, close=5),
    "busy": mock(status=429, headers=_NO_WAIT),
    "fails": mock(status=500, headers=_NO_WAIT),
    "html": mock(page="<html>Bad gateway</html>"),
    "garbage": mock(raw=["data: {not json}\n\n"]),
    "error_in_stream": mock(error=True),
    "empty": mock(raw=[""]),
    "redirects": mock(status=307, headers={"location": "/elsewhere"}),
}

# Prompts for a server about which nothing is known, the most promising first. A check uses the first that works.
WORDS: Mapping[str, Sequence[str]] = {
    "events": (
        "What is 17 * 23? Use your calculator.",
        "Search for the height of the Eiffel Tower.",
        "Run this:\n```python\nprint(6 * 7)\n```",
    ),
    "events_failing": (
        "What is 1 / 0? Use your calculator.",
        "Run this:\n```python\nraise SystemExit(1)\n```",
    ),
    "artifact": ('Create a file named "notes.md" with "Hello, reader".', "Draw a bar chart of 1, 2, 3."),
    "silence": ("Run this:\n```python\nimport time\ntime.sleep(5)\nprint(6 * 7)\n```",),
}


@contextmanager
def stand_in() -> Iterator[Upstream]:
    """Runs the stand-in upstream as a separate process on a free port. The stand-in does what a prompt tells it."""
    command = [sys.executable, *program("stand_in.py"), "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout is not None
        yield Upstream(f"http://127.0.0.1:{process.stdout.readline().strip()}")
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def learn_prompts(
    target: Target, names: Sequence[str] = tuple(WORDS), own: Sequence[tuple[str, str]] = ()
) -> dict[str, str]:
    """Tries prompts on a server: its own ones, and those in WORDS. Returns those that work, by name."""
    tries = [*own, *((name, words) for name in names for words in WORDS[name])]
    with ThreadPoolExecutor(len(tries)) as pool:
        worked = list(pool.map(lambda each: _works(target, *each), tries))
    found: dict[str, str] = {}
    for (name, words), works in zip(tries, worked, strict=True):
        if works:
            found.setdefault(name, words)
    return found


def _works(target: Target, name: str, words: str) -> bool:
    try:
        return _WORKED[name](target.stream(words))
    except (Failed, NotShown):
        return False


def _has_events(stream: Stream) -> bool:
    return bool(stream.events)


def _has_silence(stream: Stream) -> bool:
    """Whether the stream has a long silence: seconds without content, even if there was reasoning."""
    times = [0.0, *(at for at, delta in stream.deltas if delta.get("content")), stream.seconds]
    longest = max(after - before for before, after in pairwise(times))
    return longest > LONG_SILENCE_SECONDS and _has_events(stream)


def _has_artifact(stream: Stream) -> bool:
    return any(event.get("event") == "artifacts" for event, _ in stream.events)


_WORKED = {"events": _has_events, "events_failing": _has_events, "artifact": _has_artifact, "silence": _has_silence}
