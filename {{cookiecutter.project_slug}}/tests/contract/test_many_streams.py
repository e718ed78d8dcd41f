"""200 streams at once on one process: all are well-formed, none has a gap, and their memory is freed."""
# Contract file: replaced by updates.

import asyncio
import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from competitor.checks import Upstream
from competitor.checks.clauses.stream import GAP_SECONDS, well_formed
from competitor.checks.responses import CHAT, Stream
from competitor.checks.target import question

from .lateness import Lateness
from .processes import PATIENCE_SECONDS, ROOT, competitor

STREAMS = 200
# The 200 clients share one process, so they may be late even if the machine does nothing else.
CLIENTS_SECONDS = 1.0
KIB_LEFT = 5 * 1024
# Each stream has 60 tokens in 3 s. The silence is so long that it would count as a gap.
STEADY = 'mock{"tokens": 60, "delay": 0.05}'
WITH_A_SILENCE = 'mock{"tokens": 60, "delay": 0.05, "silence": 4}'


async def one(url: str, prompt: str) -> Stream:
    """Reads a stream with a minimal client: it needs so little CPU that one process can run 200 clients."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = json.dumps(question(prompt, stream=True)).encode()
    began = time.monotonic()
    head = f"POST {CHAT} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    writer.write(f"{head}connection: close\r\n\r\n".encode() + body)
    status = int((await reader.readline()).split()[1])
    while (await reader.readline()).strip():
        pass
    stream, rest = Stream(status, {}, sent=began), b""
    while size := int((await reader.readline()).strip() or b"0", 16):
        data = await reader.readexactly(size + 2)
        *lines, rest = (rest + data[:-2]).split(b"\n")
        stream.lines += [(time.monotonic() - began, line) for line in lines]
    writer.close()
    return stream


async def at_once(url: str, pid: int, prompt: str, count: int = STREAMS) -> tuple[list[Stream], int]:
    """Reads `count` streams at once. Returns them, and the server's memory in KiB while they run."""
    running = [asyncio.create_task(one(url, prompt)) for _ in range(count)]
    await asyncio.sleep(2.5)
    held = rss_kib(pid)
    return await asyncio.gather(*running), held


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_200_streams_at_once(upstream: Upstream) -> None:
    """Your backend may use any amount of memory for an answer, but must free it afterwards."""
    kib_a_stream(upstream)


def kib_a_stream(upstream: Upstream, *command: str, cwd: Path = ROOT) -> float:
    """Tests 200 streams of your competitor, or of `command`. Returns the memory of one stream, in KiB."""
    given = {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1"}
    with Lateness() as late, competitor(given, *command, cwd=cwd) as (url, pid):
        asyncio.run(at_once(url, pid, STEADY, 5))
        idle = rss_kib(pid)
        first, held = asyncio.run(at_once(url, pid, WITH_A_SILENCE))
        # Python's allocator keeps its pools for the next such load; what a load leaves behind shows in the second one.
        used = rss_kib(pid)
        second, _ = asyncio.run(at_once(url, pid, STEADY))
        with suppress(AssertionError):  # the last assertion then says how much is left
            wait_for(lambda: rss_kib(pid) - used <= KIB_LEFT, 10.0)
        left = rss_kib(pid) - used
    for stream in (*first, *second):
        well_formed(stream)
        assert late.largest_gap(stream) <= GAP_SECONDS + CLIENTS_SECONDS, "a stream was silent for too long"
        assert stream.text.count("tok") == 60
    assert left <= KIB_LEFT, f"{left} KiB more than before"
    return (held - idle) / STREAMS


def rss_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def wait_for(holds: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
