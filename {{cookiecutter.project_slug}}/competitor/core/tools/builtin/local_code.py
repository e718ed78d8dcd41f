"""The tool `run_code` on this machine: a process that can reach nothing but its own folder (see confined.py)."""
# Contract file: replaced by updates.

import asyncio
import contextlib
import functools
import os
import signal
import subprocess  # nosec B404 - it runs Python, confined
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from pydantic import Field

from ...limits import (
    MAX_CODE_CPU_SECONDS,
    MAX_CODE_FILE_BYTES,
    MAX_CODE_FOLDER_BYTES,
    MAX_CODE_MEMORY_BYTES,
    MAX_CODE_OPEN_FILES,
    MAX_RESULT_CHARACTERS,
)
from ..tool import Result

# UTF-8 has up to four bytes a character. Output beyond this is not read.
MAX_OUTPUT_BYTES = 4 * MAX_RESULT_CHARACTERS
MAX_CLEARING_SECONDS = 1.0  # how long a result waits until the program's files are deleted
_CONFINED = Path(__file__).with_name("confined.py")
_clearing = ThreadPoolExecutor(1, "clear-code-folders")


@functools.cache
def why_not() -> str | None:
    """Why this machine cannot confine a program; None if it can. Tries it once, which takes about 0.1 s."""
    if sys.platform != "linux":
        return "only Linux has what it takes"
    folder = _folder_with("print('confined')")
    try:
        ran = subprocess.run(  # noqa: S603 # nosec B603 - Python, and our own script
            _command(folder), env=_environment(folder), capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{type(error).__name__}: {error}"
    finally:
        clear(folder)
    return None if ran.stdout == "confined\n" else (ran.stderr.strip().splitlines() or ["it printed nothing"])[-1]


async def run_code(
    code: Annotated[str, Field(max_length=100_000)],
) -> Result:
    """Runs a Python program and returns what it prints."""
    folder = _folder_with(code)
    try:
        return await _run(folder)
    finally:
        cleared = asyncio.get_running_loop().run_in_executor(_clearing, clear, folder)
        await asyncio.wait([cleared], timeout=MAX_CLEARING_SECONDS)


def clear(folder: str) -> None:
    """Deletes a folder, whatever a program has left there. What cannot be deleted stays.

    Deep folders would exceed the limits of recursion and of paths, so this moves inner folders up instead.
    """
    unique, folders = uuid4().hex, [folder]
    with contextlib.suppress(OSError):
        for path in folders:
            os.chmod(path, 0o700)
            for entry in list(os.scandir(path)):
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)
                elif path == folder:
                    folders.append(entry.path)
                else:
                    os.chmod(entry.path, 0o700)  # a closed folder cannot be moved
                    folders.append(f"{folder}/{unique}-{len(folders)}")
                    os.rename(entry.path, folders[-1])
            if path != folder:
                os.rmdir(path)
        os.rmdir(folder)


def _folder_with(code: str) -> str:
    """A new folder with the program in `main.py`."""
    folder = tempfile.mkdtemp(prefix="run-code-")
    Path(folder, "main.py").write_text(code, encoding="utf-8", errors="replace")
    return folder


def _command(folder: str) -> list[str]:
    limits = (
        MAX_CODE_CPU_SECONDS,
        MAX_CODE_MEMORY_BYTES,
        MAX_CODE_FILE_BYTES,
        MAX_CODE_OPEN_FILES,
        MAX_CODE_FOLDER_BYTES,
    )
    return [_python(), "-I", str(_CONFINED), *map(str, limits), f"{folder}/main.py"]


def _environment(folder: str) -> dict[str, str]:
    return {"HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}


async def _run(folder: str) -> Result:
    process = await asyncio.create_subprocess_exec(
        *_command(folder),
        cwd=folder,
        env=_environment(folder),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
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
