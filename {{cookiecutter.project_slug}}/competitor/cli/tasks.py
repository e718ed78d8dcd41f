"""The tasks run, test, test-mine, lint, fix and lock. `make` only calls these tasks, so they work on Windows too.
Contract file: replaced by updates.

They need only Python: a task installs the packages of its lock into `.venv`, checks their hashes, and runs there.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from .install import install, python_in
from .locks import SOURCES, stamp

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
LOCK, DEV_LOCK = "requirements.txt", "requirements-dev.txt"

# The command that starts the competitor of this repo with the current Python.
SERVE = f"{shlex.quote(sys.executable)} -m competitor serve"

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(;)?", re.MULTILINE)


def run(task: str, extra: Sequence[str] = (), *, reload: bool = True) -> int:
    """Runs a task in an environment that has the packages of its lock. Returns the exit code.

    The server of `run` loads the owner's files again when they change, unless `reload` is false.
    """
    python = environment(LOCK if task == "run" else DEV_LOCK)
    if task == "run":
        os.environ.setdefault("HOST", "127.0.0.1")
        os.environ.setdefault("JANUS_LOG_FORMAT", "text")
        mode = ("--stand-ins", "--console", "--development", *(("--reload",) if reload else ()))
        return _become(python, "-m", "competitor", "serve", *mode, "--env-file", ".env")
    if task == "test":
        return _python(python, "-m", "pytest", *(extra or _several_at_once()))
    if task == "test-mine":
        return _python(python, "-m", "pytest", "--ignore=tests/contract", *extra)
    if task == "fix":
        return max(_python(python, "-m", "ruff", "check", "--fix", "."), _python(python, "-m", "ruff", "format", "."))
    if task == "lint":
        steps = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy", "competitor", "tests"))
        return max([_python(python, "-m", *step) for step in steps])
    return lock(python)


def elsewhere(arguments: Sequence[str]) -> int | None:
    """Runs this command again in an environment that has the packages of the lock. Returns its exit code.

    Returns None if the current Python has these packages already; then the caller continues.
    """
    python = environment(DEV_LOCK)
    return None if python == Path(sys.executable) else _python(python, "-m", "competitor", *arguments)


def in_venv(arguments: Sequence[str]) -> int | None:
    """Runs this command again in `.venv`, if there is one, for packages that are not required. Installs nothing.

    Returns its exit code; None if there is no `.venv`, or if the current Python is its Python.
    """
    python = _venv_python()
    if not python.exists() or Path(sys.prefix).resolve() == VENV.resolve():
        return None
    return _python(python, "-m", "competitor", *arguments)


def _venv_python() -> Path:
    return python_in(VENV)


def environment(lock_file: str) -> Path:
    """Returns the Python to use: the current one if it has every package of the lock, otherwise the one in `.venv`.

    Creates `.venv` if needed. Raises SystemExit if it cannot be created, or if the packages cannot be installed.
    """
    text = (ROOT / lock_file).read_text(encoding="utf-8")
    if is_installed(lock_file):
        return Path(sys.executable)
    stamp = VENV / f".{lock_file}"
    if not (stamp.exists() and stamp.read_text(encoding="utf-8") == text):
        install(VENV, ROOT / lock_file)
        stamp.write_text(text, encoding="utf-8")
    return _venv_python()


def is_installed(lock_file: str) -> bool:
    """Whether the current Python has every package of the lock."""
    return all(_installed(*pin) for pin in _PIN.findall((ROOT / lock_file).read_text(encoding="utf-8")))


def _several_at_once() -> Sequence[str]:
    """The options that make pytest run several tests at once, which saves time because most tests only wait.

    Returns no options if the lock has no pytest-xdist, which is possible in a repo that was just updated. With
    `worksteal`, each process gets a block of consecutive tests, so that two processes rarely start the same server.
    """
    has_means = "\npytest-xdist==" in (ROOT / DEV_LOCK).read_text(encoding="utf-8")
    return ("-n", str(min(4, os.cpu_count() or 1)), "--dist", "worksteal") if has_means else ()


def lock(python: Path) -> int:
    """Pins all dependencies with hashes, in one file for Python 3.11 and newer on Linux, macOS and Windows."""
    given = ("--universal", "--python-version", "3.11", "--generate-hashes", "--system-certs", "--quiet")
    shown = ("--no-annotate", "--no-emit-index-url", "--no-emit-find-links")
    for made, source in SOURCES.items():
        head = ("--custom-compile-command", f"make lock {stamp(ROOT, made)}")
        code = _python(python, "-m", "uv", "pip", "compile", source, "-o", made, *given, *shown, *head)
        if code:
            return code
    return 0


def _installed(name: str, pinned: str, marker: str) -> bool:
    """Whether the current Python has the pinned version. A pin with a marker counts as installed."""
    if marker:
        return True
    try:
        return version(name) == pinned
    except PackageNotFoundError:
        return False


def _become(python: Path, *arguments: str) -> int:
    """Like `_python`, but replaces this process on POSIX systems, so that signals reach the server itself."""
    if os.name == "posix":
        os.chdir(ROOT)
        os.execv(python, [str(python), *arguments])  # noqa: S606 - our own commands
    return _python(python, *arguments)


def _python(python: Path, *arguments: str) -> int:
    command = [str(python), *arguments]
    try:
        return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603 - our own commands
    except KeyboardInterrupt:  # the child received it too, and exits by itself
        return 130
