"""Starts servers with the owner's command, each with its own environment, and stops them all.
Contract file: replaced by updates.

In the command, `{port}` is replaced by the port, and `{env}` by `--env` options for `docker run`, one for each
variable. A command that does not start a container gets the variables in its environment. On Linux, the servers end
when this process ends, even if this process is killed.
"""

import os
import random
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import IO
from urllib.parse import urlsplit

from .access import Access
from .clauses.artifact_links import SHARED_FOLDER
from .orphans import kill_orphans
from .prompts import PROMPTS
from .recording import unrecorded
from .responses import Failed, NotShown
from .target import Launch, Target, Upstream, announced, question

# Below the range of ports for outgoing connections, so that no such connection takes a port before the server does.
PORTS = range(20_000, 32_000)
READY_SECONDS = 30.0
STOP_SECONDS = 15.0
# Variables that a process needs to start. None of them configures a competitor.
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "TEMP", "SYSTEMROOT", "VIRTUAL_ENV", "DOCKER_HOST", "XDG_RUNTIME_DIR")
_CONTAINERS = ("docker", "podman", "nerdctl")


# No upstream of a competitor can be judged until the stand-in has seen a request.
NOT_ASKED = "this server did not ask the upstream that OPENAI_BASE_URL and JANUS_LLM_BASE_URL name"
AS_STARTED, ON_A_FAULTY_UPSTREAM = "as started", "on a faulty upstream"
_MODEL = "stand-in"


class NotStarted(Exception):
    """The command did not start a healthy server. The message says what happened."""


# A competitor of the template then asks only the server that the check announces.
_ALONE = {"JANUS_MODELS_AT_DEFAULT": "true"}


class Starter:
    """Starts servers with one command.

    `start` returns a URL. The object itself can be the `launch` of a `Target`: when it is called with an environment,
    it returns a new `Target`. `url` is the server's URL. If the command starts a container and has no `{env}`, it is
    used as it is: such a command cannot start a second server. Otherwise, only its path is used, with a free port.
    `timeout` is the time for a response to end, in seconds.
    """

    def __init__(
        self, command: str, url: str | None = None, timeout: float = 30.0, access: Access | None = None
    ) -> None:
        self._command, self._url = command, url
        self._timeout, self._access = timeout, access or Access()
        self._running: list[subprocess.Popen[bytes]] = []
        self._logs: list[IO[bytes]] = []
        kill_orphans()

    @property
    def is_container(self) -> bool:
        return shlex.split(self._command)[0].rpartition("/")[2] in _CONTAINERS

    @property
    def starts_others(self) -> bool:
        """Whether the command can start further servers beside the first, each with its own environment."""
        return not self.is_container or ("{env}" in self._command)

    def start(self, environment: Mapping[str, str]) -> str:
        """Starts a server with these variables, and returns its URL once it is healthy; or raises `NotStarted`."""
        fixed = self._url if not self.starts_others else None
        port = free_port() if fixed is None else 0
        url = fixed or f"http://127.0.0.1:{port}{urlsplit(self._url or '').path}"
        variables = dict(environment) if fixed else {"HOST": "127.0.0.1", "PORT": str(port), **_ALONE, **environment}
        log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        self._logs.append(log)
        try:
            process = subprocess.Popen(  # noqa: S603 - the owner's own command
                self._arguments(port, variables),
                env={name: os.environ[name] for name in _KEPT if name in os.environ} | variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=os.name == "posix",
            )
        except OSError as error:
            raise NotStarted(f"the start command could not be run: {error}") from None
        self._running.append(process)
        wait_until_healthy(url, process, log, access=self._access)
        return url

    def target(self, environment: Mapping[str, str]) -> Target:
        """Starts a server with these variables. Raises `NotStarted` if it does not become healthy."""
        began = time.monotonic()
        url = self.start(environment)
        target = Target(url, timeout=self._timeout, access=self._access, environment=environment)
        target.ready_seconds = time.monotonic() - began
        return target

    def __call__(self, environment: Mapping[str, str]) -> Target:
        if self.is_container and SHARED_FOLDER in environment:
            raise NotShown("two containers cannot share a folder of this machine")
        try:
            return self.target(environment)
        except NotStarted as reason:
            raise Failed(f"started with {', '.join(environment) or 'an empty environment'}: {reason}") from None

    def close(self) -> None:
        for process in self._running:
            _signal(process, signal.SIGTERM)
        for process in self._running:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for log in self._logs:
            log.close()

    def _arguments(self, port: int, variables: Mapping[str, str]) -> list[str]:
        arguments = []
        for word in shlex.split(self._command):
            if word == "{env}":
                arguments += [part for pair in variables.items() for part in ("--env", "=".join(pair))]
            else:
                arguments.append(word.replace("{port}", str(port)))
        return arguments


def wait_until_healthy(
    url: str,
    process: "subprocess.Popen[bytes]",
    log: IO[bytes] | None = None,
    seconds: float = READY_SECONDS,
    access: Access | None = None,
) -> None:
    """Waits until `GET /health` answers 200. Raises `NotStarted` if the process ends or the time passes before that."""
    deadline = time.monotonic() + seconds
    asked = Target(url, timeout=5, access=access or Access())
    while True:
        with suppress(Failed), unrecorded():
            if asked.get("/health").status == 200:
                return
        if process.poll() is not None:
            raise NotStarted(f"the server ended with code {process.returncode} before it was healthy{_last_line(log)}")
        if time.monotonic() > deadline:
            raise NotStarted(f"the server was not healthy within {seconds:g} s{_last_line(log)}")
        time.sleep(0.02)


def free_port() -> int:
    """A TCP port that no process listens on. Raises `OSError` if a hundred random ports are all taken."""
    for port in random.sample(PORTS, 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError("no free port was found")


def _last_line(log: IO[bytes] | None) -> str:
    if log is None:
        return ""
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"; its last output was: {last[:200]}" if last else ""


def _signal(process: "subprocess.Popen[bytes]", number: int) -> None:
    """Sends a signal to the command's process group, since a shell or a tool may have started the server."""
    try:
        if os.name == "posix":
            os.killpg(process.pid, number)
        else:
            process.terminate()
    except ProcessLookupError:
        pass


def started(starter: Starter, launch: Launch | None) -> Target:
    """Starts a server with an empty environment, as in the arena. Raises `NotStarted` if it does not start."""
    target = starter.target({})
    target.launch = launch
    return target


def on_a_faulty_upstream(starter: Starter, launch: Launch, upstream: Upstream) -> Target:
    """Starts a server that is told to use the stand-in as its upstream.

    If it answers a question without asking the stand-in, the target has neither the stand-in nor prompts for it, so
    that nothing is judged that depends on them. Raises `NotStarted` if the server does not start.
    """
    target = starter.target({**announced(f"{upstream.url}/v1"), "JANUS_LLM_MODEL": _MODEL})
    target.name, target.launch = ON_A_FAULTY_UPSTREAM, launch
    if _asks(target, upstream):
        target.prompts, target.upstream = PROMPTS, upstream
    else:
        target.no_upstream = NOT_ASKED
    return target


def _asks(target: Target, upstream: Upstream) -> bool:
    """Whether the server asks the upstream to answer a question."""
    try:
        target.post(question("Do you ask your upstream?"))
    except Failed:
        return bool(upstream.requests())
    return bool(upstream.requests())
