"""Runs programs with `run_code` as root or as an ordinary user, with and without namespaces.

    python -m tests.unit.tools.confining FOLDER AS HOW < programs.json > results.json

AS is `root` or `user`. HOW is `confined`, `without-namespaces`, or `unconfined` (the control: what works there shows
that a program could do it). FOLDER must be a new folder that everybody can enter. A program may use AIMS (escapes.py).
"""

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ... import template_path  # makes the template importable

assert template_path

from competitor.core.tools.builtin import local_code  # noqa: E402

from .escapes import CANARY  # noqa: E402

USER = 12345
_SKIPPED = "    if _namespaces_allowed(folder, folder_size):"
_UNCONFINED = "import os, sys\nos.execv(sys.executable, [sys.executable, '-I', '-B', sys.argv[-1]])\n"


def main(folder: Path, user: str, how: str) -> None:
    programs = json.load(sys.stdin)
    if os.getuid() == 0:
        _let_others_reach_python(folder)
    for name in ("outside", "temporary"):
        (folder / name).mkdir()
        (folder / name).chmod(0o777)
    os.environ["TMPDIR"] = str(folder / "temporary")
    local_code._CONFINED = _script(folder, how)
    if user == "user" and os.getuid() == 0:
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
    with _aims(folder / "outside") as aims:
        refusal = None if how == "unconfined" else local_code.why_not()
        results = [] if refusal else [asyncio.run(_run(f"AIMS = {aims!r}\n{program}")) for program in programs]
        alive = subprocess.run(["/bin/kill", "-0", str(aims["victim"])], check=False).returncode == 0
    local_code._clearing.shutdown()
    left = sorted(path.name for path in (folder / "temporary").iterdir())
    print(json.dumps({"refusal": refusal, "results": results, "victim_alive": alive, "left": left}))


async def _run(code: str) -> list[str]:
    result = await local_code.run_code(code)
    return [result.status, result.text]


def _script(folder: Path, how: str) -> Path:
    """A copy of confined.py that everybody can read."""
    text = local_code._CONFINED.read_text(encoding="utf-8")
    if how == "without-namespaces":
        assert _SKIPPED in text
        text = text.replace(_SKIPPED, "    if False:")
    script = folder / "confined.py"
    script.write_text(_UNCONFINED if how == "unconfined" else text, encoding="utf-8")
    script.chmod(0o755)
    return script


@contextlib.contextmanager
def _aims(folder: Path) -> Iterator[dict[str, object]]:
    """What an escape tries to reach: files, a process with a secret variable, and sockets that listen."""
    for name in ("secret", "cut"):
        (folder / name).write_text(CANARY, encoding="utf-8")
        (folder / name).chmod(0o666)
    victim = subprocess.Popen(["/bin/sleep", "120"], env={"KEY": CANARY})
    name = f"escape-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        for kind, address in (
            (socket.SOCK_STREAM, f"{folder}/socket"),
            (socket.SOCK_STREAM, f"\0{name}"),
            (socket.SOCK_DGRAM, f"{folder}/datagrams"),
        ):
            made = stack.enter_context(socket.socket(socket.AF_UNIX, kind))
            made.bind(address)
            if kind == socket.SOCK_STREAM:
                made.listen()
        secret = str(folder / "secret")
        yield {
            "secret": secret,
            "folder": str(folder),
            "victim": victim.pid,
            "port": tcp.getsockname()[1],
            "name": name,
        }


def _let_others_reach_python(folder: Path) -> None:
    """If only root can reach Python's files: covers the closed folder, for this process only, with one that is open."""
    python = Path(local_code._python())
    closed = [path for path in reversed(python.parents) if not path.stat().st_mode & 0o001]
    if not closed:
        return
    prefix = python.parents[1]
    kept = folder / "python"
    kept.mkdir()
    libc = ctypes.CDLL(None, use_errno=True)
    private, bind = 0x44000, 0x5000
    steps = [libc.unshare(0x20000), libc.mount(b"none", b"/", None, private, None)]
    steps += [libc.mount(bytes(prefix), bytes(kept), None, bind, None)]
    steps += [libc.mount(b"tmpfs", bytes(closed[0]), b"tmpfs", 0, b"mode=755")]
    prefix.mkdir(parents=True)
    steps += [libc.mount(bytes(kept), bytes(prefix), None, bind, None)]
    assert not any(steps), steps
    assert shutil.which(str(python))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
