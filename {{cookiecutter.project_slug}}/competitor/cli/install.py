"""Installs the packages of a lock into a virtual environment, checks their hashes, and shows how far it is.
Contract file: replaced by updates.

If `uv` is installed, it does the work; otherwise, or if it fails, pip does.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

_PIN = re.compile(r"^[A-Za-z0-9._-]+==", re.MULTILINE)
_FOUND = re.compile(r"^Collecting ([A-Za-z0-9._-]+)")
_FETCHED = re.compile(r"^\s*Downloading .*\(([0-9.]+) (kB|MB)\)")


def python_in(folder: Path) -> Path:
    """The Python of a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(folder: Path, lock: Path) -> None:
    """Creates the virtual environment if needed, and installs the packages of the lock into it. Raises `SystemExit`."""
    began = time.monotonic()
    uv = shutil.which("uv")
    count = len(_PIN.findall(lock.read_text(encoding="utf-8")))
    what = "1 package" if count == 1 else f"{count} packages"
    say(f"Installing {what} of {lock.name} into {folder.name} (again only if that file changes) ...")
    if not python_in(folder).exists():
        without = ("--without-pip",) if uv else ()
        if _run(sys.executable, "-m", "venv", *without, str(folder)):
            raise SystemExit(f"{folder.name} could not be made. On Debian, install the package python3-venv.")
    hashed = ("--require-hashes", "-r", str(lock))
    python = str(python_in(folder))
    if uv is None or _run(uv, "pip", "install", "--quiet", "--python", python, *hashed):
        if uv is not None:
            say("uv could not install them, so pip tries.")
            _run(sys.executable, "-m", "venv", str(folder))  # now with pip
        if (megabytes := _pip(python, count, *hashed)) is None:
            offline = "Offline, set PIP_NO_INDEX=1 and PIP_FIND_LINKS to a folder of wheels."
            raise SystemExit(f"{lock.name} could not be installed. {offline}")
        say(f"Installed in {time.monotonic() - began:.0f} s; {megabytes:.1f} MB were downloaded.")


def _pip(python: str, count: int, *arguments: str) -> float | None:
    """Installs with pip, and shows on a terminal which package it is at. Returns the megabytes that it downloaded.

    Returns None if it fails.
    """
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", *arguments]
    megabytes, found = 0.0, 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, errors="replace") as process:  # noqa: S603
        for line in process.stdout or ():
            if fetched := _FETCHED.match(line):
                megabytes += float(fetched[1]) * (1 if fetched[2] == "MB" else 0.001)
            if named := _FOUND.match(line):
                found += 1
                _show(f"  {found} of {count}: {named[1]}")
            elif line.startswith("Installing collected"):
                _show("  unpacking ...")
    _show("")
    return None if process.returncode else megabytes


def _run(*command: str) -> int:
    return subprocess.run(command, check=False).returncode  # noqa: S603 - our own commands


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _show(text: str) -> None:
    """Replaces the last line on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()
