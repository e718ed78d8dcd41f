"""Works through the workshop like a participant: `python -m tests.workshop.walk BACKEND FOLDER [KIT]`.

It refuses to run on a machine with any network besides loopback. It prints the output of each command, and stops at
the first command whose output differs from the guide. With a kit, it has only that and Python, and installs
everything as the guide says. Without one, it uses this environment, which has all packages.
"""

import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from ..baking.baking import clean_environment
from ..template_path import TEMPLATE
from .guide import Command, Edit, things_to_do

COMMAND_SECONDS = 900
START_SECONDS = 240
SERVE = "python -m competitor run"
SCORE = "python -m competitor workshop --step"


def apply(edit: Edit, place: Path) -> None:
    """Makes an edit of the guide in the repo at `place`."""
    file = place / edit.path
    if edit.old is None:
        file.write_text(edit.new, encoding="utf-8")
        return
    text = file.read_text(encoding="utf-8")
    old, new = edit.old, edit.new
    if text.count(old) != 1:  # the beginning of a line is enough
        old, new = old.rstrip("\n"), new.rstrip("\n")
    require(
        text.count(old) == 1,
        f"step {edit.step}: {edit.path} must contain exactly once the text that the guide replaces:\n{old}",
    )
    file.write_text(text.replace(old, new), encoding="utf-8")


class Walk:
    """A participant with a folder, a backend, and a server in another terminal."""

    def __init__(self, backend: str, folder: Path, kit: Path | None = None):
        self._backend, self._place, self._kit = backend, folder, kit
        (folder / "home").mkdir()
        self._environment = clean_environment(folder / "home")
        if kit is None:
            os.symlink(TEMPLATE, folder / "janus-template")
            bin_folder = Path(sys.executable).parent
        else:
            for name in ("janus-template", "wheelhouse"):
                os.symlink(kit / name, folder / name)
            bin_folder = Path(sys.base_prefix) / "bin"
        (folder / "bin").mkdir()
        os.symlink(bin_folder / "python3", folder / "bin" / "python")
        system = "/usr/bin:/bin" if kit else f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
        self._environment["PATH"] = system if kit is None else f"{folder / 'bin'}{os.pathsep}{system}"
        self._server: subprocess.Popen[bytes] | None = None

    def all(self) -> None:
        try:
            for thing in things_to_do(self._backend):
                if isinstance(thing, Edit):
                    apply(thing, self._place)
                else:
                    self.command(thing)
        finally:
            self.stop()

    def command(self, command: Command) -> None:
        line = command.line.replace("BACKEND", self._backend)
        if self._kit is None:  # everything is installed
            if line.startswith(("python -m venv ", "baker/bin/pip ", "export ")):
                return
            line = line.replace("baker/bin/python", "python")
        if line.startswith("cd "):
            self._place = (self._place / line[3:]).resolve()
            if command.step == 1:
                self.score(2, done=False)
        elif line.startswith("export "):
            self._environment |= dict(
                pair.replace("$PWD", str(self._place)).split("=", 1) for pair in shlex.split(line)[1:]
            )
        elif line == SERVE:
            self.start()
        elif line.startswith(SCORE):
            self.shows(command, self.run(line))
            if command.step < 8:
                self.score(command.step + 1, done=False)
        else:
            self.shows(command, self.run(line))

    def run(self, line: str) -> str:
        done = subprocess.run(
            shlex.split(line),
            cwd=self._place,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            timeout=COMMAND_SECONDS,
            check=False,
        )
        print(f"$ {line}\n{done.stdout}", flush=True)
        require(done.returncode == 0, f"{line} ended with {done.returncode}")
        return done.stdout

    def score(self, step: int, *, done: bool) -> None:
        """Requires that the scoreboard shows the step as done, or, if `done` is false, as not done."""
        asked = subprocess.run(
            shlex.split(f"{SCORE} {step}"),
            cwd=self._place,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        require(
            (asked.returncode == 0) == done,
            f"step {step} should {'' if done else 'not '}be done: {asked.stdout}{asked.stderr}",
        )

    def shows(self, command: Command, said: str) -> None:
        for line in command.shown:
            if line.strip() != "...":
                line = line.replace("BACKEND", self._backend)
                require(plain(line) in plain(said), f"step {command.step}: `{command.line}` does not print: {line}")

    def start(self) -> None:
        command = shlex.split(SERVE)
        self._server = subprocess.Popen(
            command, cwd=self._place, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with urllib.request.urlopen("http://localhost:8080/health", timeout=60):
                    return
            except OSError:
                require(time.monotonic() < deadline and self._server.poll() is None, "the server did not start")
                time.sleep(0.05)

    def stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            self._server.wait(120)


def plain(text: str) -> str:
    """The text with every number replaced by 0, because numbers differ from run to run."""
    return re.sub(r"\d+(\.\d+)?", "0", text)


def require(holds: bool, sentence: str) -> None:
    if not holds:
        raise SystemExit(sentence)


def has_no_network() -> bool:
    """Returns whether loopback is the only network interface and no outside address can be reached."""
    if [name for _, name in socket.if_nameindex() if name != "lo"]:
        return False
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=2).close()
    except OSError:
        return True
    return False


if __name__ == "__main__":
    require(has_no_network(), "there is a network here; this test of the workshop needs a machine without one")
    Walk(sys.argv[1], Path(sys.argv[2]), *map(Path, sys.argv[3:4])).all()
