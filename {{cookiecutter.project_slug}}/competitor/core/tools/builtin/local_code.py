"""The tool `run_code` on this machine: a process with limits, which is not a secure sandbox (see confined.py)."""
# Contract file: replaced by updates.

import asyncio
import contextlib
import ctypes
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated

from pydantic import Field

from ...limits import (
    MAX_CODE_CPU_SECONDS,
    MAX_CODE_FILE_BYTES,
    MAX_CODE_MEMORY_BYTES,
    MAX_CODE_OPEN_FILES,
    MAX_RESULT_CHARACTERS,
)
from ..tool import Result

# UTF-8 has up to four bytes a character. Output beyond this is not read.
MAX_OUTPUT_BYTES = 4 * MAX_RESULT_CHARACTERS
_CONFINED = Path(__file__).with_name("confined.py")
_SET_DUMPABLE = 4


def available() -> bool:
    """Whether this system can limit processes, which only POSIX systems can."""
    return os.name == "posix"


async def run_code(
    code: Annotated[str, Field(max_length=100_000)],
) -> Result:
    """Runs a Python program and returns what it prints."""
    _hide_own_environment()
    folder = Path(tempfile.mkdtemp(prefix="run-code-"))
    try:
        program = folder / "main.py"
        program.write_text(code, encoding="utf-8", errors="replace")
        return await _run(program)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _run(program: Path) -> Result:
    folder = str(program.parent)
    limits = (MAX_CODE_CPU_SECONDS, MAX_CODE_MEMORY_BYTES, MAX_CODE_FILE_BYTES, MAX_CODE_OPEN_FILES)
    process = await asyncio.create_subprocess_exec(
        _python(), "-I", str(_CONFINED), *map(str, limits), str(program),
        cwd=folder,
        env={"HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    try:
        output = await _read(process)
        if len(output) > MAX_OUTPUT_BYTES:
            return Result(f"{_text(output[:MAX_OUTPUT_BYTES])}\n(stopped: it printed too much)", "error")
        code = await process.wait()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the whole group
        await process.communicate()  # reads the rest: asyncio never ends a process whose output is not read
    text = _text(output)
    if code:
        why = f"stopped by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return Result(f"{text.rstrip()}\n({why})".lstrip(), "error", {"exit_code": code})
    return Result(text, details={"exit_code": 0})


async def _read(process: asyncio.subprocess.Process) -> bytes:
    """Reads all that the program prints; stops after the read that exceeds the limit."""
    output = bytearray()
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    while len(output) <= MAX_OUTPUT_BYTES and (data := await process.stdout.read(64 * 1024)):
        output += data
    return bytes(output)


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace")


def _python() -> str:
    """The Python outside the virtual environment, so that the program has the standard library only."""
    return os.path.realpath(getattr(sys, "_base_executable", sys.executable))


def _hide_own_environment() -> None:
    """Hides this process's environment, which holds keys: on Linux, other processes could read it from /proc."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DUMPABLE, 0, 0, 0, 0)
