"""Runs a repo's server in this process and counts its work: `python -m tests.counted.process REPO` prints JSON.

This is the only module that runs the competitor. It uses only the competitor's command line.
"""

import ctypes
import gc
import json
import os
import runpy
import signal
import socket
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path
from statistics import median_low

import memray
import uvicorn

from .conversation import Conversation
from .counting import CountingLoop

CHUNKS = 64  # the core pauses after every 64th event of a backend, so the average of 64 chunks includes one pause
WARM_UPS, REPETITIONS = 5, 3
# The interpreter's tables grow from time to time, so a request may have one allocation more or less. So
# several requests are counted together, and the figure is rounded to a multiple of five.
REQUESTS, MULTIPLE = 16, 5
MODES = {"stream": True, "whole": False}
_FREED = {memray.AllocatorType.FREE, memray.AllocatorType.MUNMAP, memray.AllocatorType.PYMALLOC_FREE}
loops: list[CountingLoop] = []


def measured(talk: Conversation) -> dict[str, dict[str, float]]:
    """Measures all figures, by mode. Each count is the median of several repetitions, whose results rarely differ."""
    for _ in range(WARM_UPS):
        for stream in MODES.values():
            talk.ask(CHUNKS, stream)
    talk.settle()
    found = {mode: _counted(talk, stream) for mode, stream in MODES.items()}
    loops[0].profiled = False  # memray needs to set a profiler of its own
    talk.ask(1, stream=True)
    for mode, stream in MODES.items():
        found[mode]["allocations_a_request"] = _allocations(talk, stream)
    return found


def _counted(talk: Conversation, stream: bool) -> dict[str, float]:
    """Counts the cost of a request with one chunk, and of each further chunk."""
    figures: dict[str, list[float]] = {}
    for _ in range(REPETITIONS):
        one, few, many = (talk.ask(chunks, stream) for chunks in (1, 1 + CHUNKS, 1 + 2 * CHUNKS))
        for name, count in many.since(few)._asdict().items():
            figures.setdefault(f"{name}_a_chunk", []).append(count / CHUNKS)
        for name, count in one._asdict().items():
            figures.setdefault(f"{name}_a_request", []).append(count)
    return {name: median_low(values) for name, values in figures.items()}


def _allocations(talk: Conversation, stream: bool) -> int:
    """Counts the allocations of the server's thread for a request with one chunk."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "allocations"
        with memray.Tracker(file, trace_python_allocators=True):
            for _ in range(REQUESTS):
                talk.ask(1, stream)
        with memray.FileReader(file) as reader:
            records = reader.get_allocation_records()
            threads = Counter(record.tid for record in records if record.allocator not in _FREED)
    return MULTIPLE * round(max(threads.values()) / REQUESTS / MULTIPLE)  # the client's thread has few


def drive(talk: Conversation) -> None:
    """Runs the client in its own thread. The process ends when this function returns."""
    code = 1
    try:
        while not (loops and loops[0].selector.idle):
            time.sleep(0.01)
        print(json.dumps(measured(talk)), flush=True)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _counting_loop() -> CountingLoop:
    loops.append(CountingLoop())
    return loops[-1]


def main(repo: Path) -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: this process ends with its parent
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    talk = Conversation(lambda: loops[0], port)
    told = {"JANUS_LLM_BASE_URL": f"http://127.0.0.1:{talk.upstream}/v1", "JANUS_LLM_API_KEY": "key-of-nobody"}
    os.environ.update(told, JANUS_PACING="off", JANUS_LOG_FORMAT="json")
    # Stops the clocks, so that no figure depends on a duration. The replacements are C functions, like the real clocks.
    time.monotonic, time.time = (1000.5).conjugate, (1_700_000_000.5).conjugate
    uvicorn.Config.get_loop_factory = lambda self: _counting_loop  # type: ignore[method-assign]
    gc.disable()
    threading.Thread(target=drive, args=(talk,), daemon=True).start()
    os.chdir(repo)
    sys.path.insert(0, str(repo))
    sys.argv = ["competitor", "serve", "--host", "127.0.0.1", "--port", str(port)]
    runpy.run_module("competitor", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
