"""Checks of two limits in section 7 of CONTRACT.md: the start time, and concurrent requests."""
# Contract file: replaced by updates.

from concurrent.futures import ThreadPoolExecutor

from ..registry import clause
from ..target import Target, question, require
from .stream import check_completed

READY_SECONDS = 30.0
CONCURRENT_REQUESTS = 2
START_SECONDS = 2.0  # until the first event of each stream
LONG = "Write a text of 60 words about rivers."


@clause("N1", remedy="Listen first and load everything else in the background: be healthy within 30 s of the start.")
def ready_in_time(target: Target) -> None:
    """The server is healthy within 30 s of its start."""
    started = target.launched({})
    require(started.get("/health").status == 200, "a newly started server is not healthy")
    late = f"the server became healthy only {started.ready_seconds:.0f} s after its start"
    require(started.ready_seconds <= READY_SECONDS, late)


@clause("N2", remedy="Answer requests concurrently; a request that waits must not delay another.")
def several_at_once(target: Target) -> None:
    """Two concurrent requests are both answered, and neither waits for the other to end."""
    prompt = target.prompts.get("silence_first", LONG)
    with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
        asked = [pool.submit(target.read_stream, question(prompt, stream=True)) for _ in range(CONCURRENT_REQUESTS)]
        health = target.get("/health")
        streams = [each.result() for each in asked]
    require(health.status == 200, f"GET /health answered {health.status} while {CONCURRENT_REQUESTS} streams were open")
    for stream in streams:
        check_completed(stream, f"one of {CONCURRENT_REQUESTS} concurrent streams")
        at = stream.data[0][0]
        said = f"the first event of one of {CONCURRENT_REQUESTS} concurrent streams came after {at:.1f} s"
        require(at <= START_SECONDS, said)
