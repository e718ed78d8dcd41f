"""What is measured: how each server is started by one command, pinned to its core, read and ended."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self

from . import environments, machine
from .environments import HERE, ROOT
from .load import KEY

CHAT = "/v1/chat/completions"
READY_SECONDS = 90.0
STOP_SECONDS = 15.0
Command = tuple[list[str], Path]  # what is run, and where


@dataclass(frozen=True)
class Peer:
    """A server that can be started. `slow` ones are measured in fewer repetitions."""

    name: str
    about: str
    command: Callable[[int, Path, int], Command]  # the port, a folder of its own, the upstream's port
    environment: dict[str, str] = field(default_factory=dict)
    health: str = "/health"
    slow: bool = False


@cache
def _variant(name: str) -> tuple[Path, Path]:
    """The Python and the folder of a fresh bake."""
    project = environments.bake(name)
    return environments.python_of(f"variant-{name}", project / "requirements.txt"), project


@cache
def _events() -> tuple[Path, Path]:
    return _variant("proxy")[0], environments.bake_of_events()


def setting_exists(variable: str) -> bool:
    """Whether a bake reads this environment variable."""
    python, project = _variant("proxy")
    listed = subprocess.run(
        [str(python), "-m", "competitor", "settings"], cwd=project, capture_output=True, text=True, check=True
    )
    return f"`{variable}`" in listed.stdout


def competitor(of: Callable[[], tuple[Path, Path]]) -> Callable[[int, Path, int], Command]:
    def command(port: int, folder: Path, upstream: int) -> Command:
        python, project = of()
        return [str(python), "-m", "competitor", "serve", "--host", "127.0.0.1", "--port", str(port)], project

    return command


def _uvicorn(module: str) -> Callable[[int, Path, int], Command]:
    def command(port: int, folder: Path, upstream: int) -> Command:
        where = ["--host", "127.0.0.1", "--port", str(port), "--backlog", "4096"]
        quiet = ["--log-level", "warning", "--no-access-log"]
        python = str(environments.peers_python())
        return [python, "-m", "uvicorn", f"benchmarks.peers.{module}:app", *where, *quiet], ROOT

    return command


def _nginx(port: int, folder: Path, upstream: int) -> Command:
    text = (HERE / "peers" / "nginx.conf").read_text(encoding="utf-8")
    for word, value in {"port": port, "folder": folder, "upstream": f"127.0.0.1:{upstream}"}.items():
        text = text.replace(f"{{{word}}}", str(value))
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    return [environments.nginx(), "-p", str(folder), "-c", str(folder / "nginx.conf")], folder


def _litellm(port: int, folder: Path, upstream: int) -> Command:
    binary = environments.litellm_python().with_name("litellm")
    where = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    return [str(binary), "--config", str(HERE / "litellm" / "config.yaml"), *where], folder


# All features are on, as in the arena; only what a bounded machine must raise for 2,000 streams is raised.
_OURS = {"JANUS_LOG_FORMAT": "json", "JANUS_MAX_RUNNING": "3000", "JANUS_MAX_OPEN": "4000"}
_UNPACED = {**_OURS, "JANUS_PACING": "off"}
_PACED = {**_OURS, "JANUS_PACING": "auto"}
_LITELLM = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MASTER_KEY": KEY,
    "DISABLE_ADMIN_UI": "True",
    "NO_DOCS": "True",
}

PEERS = {
    peer.name: peer
    for peer in (
        Peer("nginx", "nginx: bytes only, nothing parsed", _nginx),
        Peer("relay", "**competitor: the core's relay**", competitor(lambda: _variant("proxy")), _UNPACED),
        Peer("paced", "**competitor: the same with pacing**", competitor(lambda: _variant("proxy")), _PACED),
        Peer("events", "**competitor: any backend's events**", competitor(_events), _UNPACED),
        Peer("raw-asgi", "raw ASGI and aiohttp: bytes only", _uvicorn("raw_asgi")),
        Peer("plain-fastapi", "plain FastAPI, httpx, pydantic", _uvicorn("plain_fastapi")),
        Peer("sse-starlette", "the same with sse-starlette", _uvicorn("sse_library")),
        Peer("chat-openai", "LangChain's `ChatOpenAI` by plain FastAPI", _uvicorn("chat_openai"), slow=True),
        Peer("litellm", "LiteLLM proxy", _litellm, _LITELLM, "/health/liveliness", slow=True),
        *(
            Peer(name, f"**competitor: {name}**", competitor(lambda name=name: _variant(name)), _UNPACED)  # type: ignore[misc]
            for name in environments.variants()
            if name != "proxy"
        ),
    )
}
OURS = ("relay", "paced", "events", *(name for name in environments.variants() if name != "proxy"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _pin(cores: list[int]) -> Callable[[], None]:
    return lambda: os.sched_setaffinity(0, cores)


class Mock:
    """The upstream, as a context manager; `port` is where it listens."""

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.mock", "0"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=_pin(machine.OTHER_CORES),
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}{CHAT}"
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate(timeout=STOP_SECONDS)


class Server:
    """One running server, as a context manager. With `bare` it gets no variable at all (cold start, E9)."""

    def __init__(self, peer: Peer, upstream: int, bare: bool = False, cores: list[int] | None = None):
        self.peer, self.port = peer, free_port()
        self._scratch = tempfile.TemporaryDirectory(prefix=f"bench-{peer.name}-")
        folder = Path(self._scratch.name)
        self.command, self._where = peer.command(self.port, folder, upstream)
        self.url = f"http://127.0.0.1:{self.port}{CHAT}"
        base = f"http://127.0.0.1:{upstream}/v1"
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        told = {"OPENAI_BASE_URL": base, "JANUS_LLM_BASE_URL": base, "OPENAI_API_KEY": "any"}
        self.environment = kept if bare else {**kept, "HOME": str(folder), **told, **peer.environment}
        self._log, self._cores = folder / "log", cores or machine.SERVER_CORES

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self._where,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # by its session all of its processes are found
                preexec_fn=_pin(self._cores),
            )
        try:
            self.ready_after = self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def _wait(self) -> float:
        """Seconds from the start to the first 200 on the health path."""
        health = f"http://127.0.0.1:{self.port}{self.peer.health}"
        while time.monotonic() - self.began < READY_SECONDS and self.process.poll() is None:
            try:
                with urllib.request.urlopen(health, timeout=5) as answer:
                    if answer.status == 200:
                        return time.monotonic() - self.began
            except OSError:
                time.sleep(0.005)
        raise environments.Missing(f"{self.peer.name} does not start:\n{self._log.read_text()[-2000:]}")

    def cpu(self) -> float:
        return machine.cpu_seconds(self.process.pid)

    def memory_kib(self) -> int:
        return machine.memory_kib(self.process.pid)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._scratch.cleanup()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
