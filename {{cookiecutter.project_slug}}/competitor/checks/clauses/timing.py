"""Checks of section 7 of CONTRACT.md, where no other clause has the number: the start, and several at once."""
# Contract file: replaced by updates.

from concurrent.futures import ThreadPoolExecutor

from ..registry import clause
from ..target import Target, question, require
from .stream import came_through

READY_SECONDS = 30.0
AT_ONCE = 2
START_SECONDS = 2.0  # until the first event, for each of them
LONG = "Write a text of 60 words about rivers."


@clause("N1", remedy="Listen first and load the rest in the background: 30 s after the start it must be healthy.")
def ready_in_time(target: Target) -> None:
    """Ready within 30 s of its start."""
    started = target.launched({})
    require(started.get("/health").status == 200, "started anew it is not healthy")
    require(started.ready_seconds <= READY_SECONDS, f"it became healthy after {started.ready_seconds:.0f} s")


@clause("N2", remedy="Answer requests side by side; nothing that waits may hold up another request.")
def several_at_once(target: Target) -> None:
    """Two requests at once are both answered, neither waiting for the other's end."""
    prompt = target.prompts.get("silence_first", LONG)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [pool.submit(target.read_stream, question(prompt, stream=True)) for _ in range(AT_ONCE)]
        health = target.get("/health")
        streams = [each.result() for each in asked]
    require(health.status == 200, f"GET /health answered {health.status} while {AT_ONCE} streams were open")
    for stream in streams:
        came_through(stream, f"one of {AT_ONCE} streams at once")
        at = stream.data[0][0]
        require(at <= START_SECONDS, f"of {AT_ONCE} at once one heard nothing for {at:.1f} s")
