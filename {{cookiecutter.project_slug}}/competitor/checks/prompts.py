"""Prompts that cause the behaviour that the clauses check: commands for the stand-in, and questions for any server."""
# Contract file: replaced by updates.

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from .target import Failed, NotShown, Stream, Target, Upstream

STOP_SECONDS = 5.0
LONG_SILENCE_SECONDS = 2.0
# Prompts for the stand-in, by name. The checks use these names.
PROMPTS: Mapping[str, str] = {
    "silence_first": 'mock{"wait": 10, "tokens": 3}',
    "silence": 'mock{"silence": 10, "tokens": 6}',
    "silence_long": 'mock{"silence": 60, "tokens": 6}',
    "bursts": 'mock{"tokens": 120, "burst": 40, "delay": 0.01}',
    "endless": 'mock{"endless": true, "delay": 0.01}',
    "reasoning": 'mock{"reasoning": 3, "tokens": 6}',
    "separators": 'mock{"word": "a\\u2028b\\u2029c\\u0085d\\ud83d\\ude00", "tokens": 3}',
    "forced": 'mock{"tokens": 0, "finish": "tool_calls",'
    ' "calls": [{"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"}]}',
    "calls": 'mock{"finish": "tool_calls", "calls": [{"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"},'
    ' {"name": "get_weather", "arguments": "{\\"city\\": \\"Rome\\"}"}]}',
    "calls_unknown": 'mock{"finish": "tool_calls", "calls": [{"name": "rm_rf", "arguments": "{}"}]}',
    "odd_finish": 'mock{"finish": "eos_token"}',
    "uncounted": 'mock{"usage": false}',
    "dies": 'mock{"tokens": 20, "die": 5}',
    "dies_first": 'mock{"raw": ["data: {\\"choices\\""]}',
    "closes": 'mock{"tokens": 20, "close": 5}',
    "busy": 'mock{"status": 429, "headers": {"retry-after": "0"}}',
    "fails": 'mock{"status": 500, "headers": {"retry-after": "0"}}',
    "html": 'mock{"page": "<html>Bad gateway</html>"}',
    "garbage": 'mock{"raw": ["data: {not json}\\n\\n"]}',
    "error_in_stream": 'mock{"error": true}',
    "empty": 'mock{"raw": [""]}',
    "redirects": 'mock{"status": 307, "headers": {"location": "/elsewhere"}}',
}

# Prompts for a server about which nothing is known, the most promising first. A check uses the first that works.
WORDS: Mapping[str, Sequence[str]] = {
    "events": (
        "What is 17 * 23? Use your calculator.",
        "Search for the height of the Eiffel Tower.",
        "Run this:\n```python\nprint(6 * 7)\n```",
    ),
    "artifact": ('Create a file named "notes.md" with "Hello, reader".', "Draw a bar chart of 1, 2, 3."),
    "silence": ("Run this:\n```python\nimport time\ntime.sleep(5)\nprint(6 * 7)\n```",),
}


@contextmanager
def stand_in() -> Iterator[Upstream]:
    """Runs the stand-in upstream as a separate process on a free port. The stand-in does what a prompt tells it."""
    program = Path(__file__).with_name("stand_in.py")
    process = subprocess.Popen([sys.executable, program, "0"], stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert process.stdout is not None
        yield Upstream(f"http://127.0.0.1:{process.stdout.readline().strip()}")
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def learn_prompts(target: Target, names: Sequence[str] = tuple(WORDS)) -> dict[str, str]:
    """Tries the prompts in WORDS on a server. Returns those that work, by name."""
    tries = [(name, words) for name in names for words in WORDS[name]]
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
    return any("janus" in delta for _, delta in stream.deltas)


def _has_silence(stream: Stream) -> bool:
    """Whether the stream has a long silence: seconds without content, even if there was reasoning."""
    times = [0.0, *(at for at, delta in stream.deltas if delta.get("content")), stream.seconds]
    longest = max(after - before for before, after in pairwise(times))
    return longest > LONG_SILENCE_SECONDS and _has_events(stream)


def _has_artifact(stream: Stream) -> bool:
    events = [delta["janus"] for _, delta in stream.deltas if isinstance(delta.get("janus"), dict)]
    return any(event.get("event") == "artifacts" for event in events)


_WORKED = {"events": _has_events, "artifact": _has_artifact, "silence": _has_silence}
