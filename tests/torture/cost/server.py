"""Runs the competitor of the current folder, and writes the longest turn of its event loop into a file.

    python server.py FILE

It uses asyncio's own loop, because turns of uvloop cannot be measured. A turn is measured in CPU seconds of its thread,
so other processes do not lengthen it. SIGUSR1 frees unused memory.
"""

import asyncio
import ctypes
import gc
import mmap
import os
import signal
import struct
import sys
import time
from pathlib import Path
from types import FrameType

NUMBER = struct.Struct("d")
libc = ctypes.CDLL(None)


def watch(file: Path) -> None:
    with file.open("r+b") as opened:
        shared = mmap.mmap(opened.fileno(), NUMBER.size)
    turn = asyncio.BaseEventLoop._run_once  # type: ignore[attr-defined]

    def timed(loop: asyncio.BaseEventLoop) -> None:
        began = time.thread_time()
        try:
            turn(loop)
        finally:
            took = time.thread_time() - began
            if took > NUMBER.unpack(shared[:])[0]:
                shared[:] = NUMBER.pack(took)

    asyncio.BaseEventLoop._run_once = timed  # type: ignore[attr-defined]


def free(_: int, __: FrameType | None) -> None:
    gc.collect()
    libc.malloc_trim(0)


def main() -> int:
    sys.path.insert(0, os.getcwd())
    sys.modules["uvloop"] = None  # type: ignore[assignment] # uvicorn then takes asyncio's loop
    from competitor.core.server.serving import serve
    from competitor.core.settings import Settings

    watch(Path(sys.argv[1]))
    signal.signal(signal.SIGUSR1, free)
    return serve(Settings.from_environment(os.environ))


if __name__ == "__main__":
    sys.exit(main())
