# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""Real processes for the tests: a competitor, and the upstream that does what a prompt tells it."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from competitor.conformance import Target, Upstream

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
START_SECONDS = 30.0
STOP_SECONDS = 15.0

SCRIPTED = ("-m", "tests.contract.scripted_backend")
# What makes the mock upstream do what a clause speaks of.
PROMPTS = {
    "silence_first": 'mock{"wait": 10, "tokens": 3}',
    "silence": 'mock{"silence": 10, "tokens": 6}',
    "silence_long": 'mock{"silence": 60, "tokens": 6}',
    "bursts": 'mock{"tokens": 120, "burst": 40, "delay": 0.01}',
    "endless": 'mock{"endless": true, "delay": 0.01}',
    "reasoning": 'mock{"reasoning": 3, "tokens": 6}',
    "separators": 'mock{"word": "a\\u2028b\\u2029c\\u0085d\\ud83d\\ude00", "tokens": 3}',
    "forced": 'mock{"tokens": 0, "finish": "tool_calls",'
    ' "calls": [{"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"}]}',
    "calls": 'mock{"finish": "tool_calls", "calls": [{"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"},'
    ' {"name": "get_weather", "arguments": "{\\"city\\": \\"Rome\\"}"}]}',
    "calls_unknown": 'mock{"finish": "tool_calls", "calls": [{"name": "rm_rf", "arguments": "{}"}]}',
    "odd_finish": 'mock{"finish": "eos_token"}',
    "uncounted": 'mock{"usage": false}',
    "dies": 'mock{"tokens": 20, "die": 5}',
    "dies_first": 'mock{"raw": ["data: {\\"choices\\""]}',
    "closes": 'mock{"tokens": 20, "close": 5}',
    "busy": 'mock{"status": 429, "headers": {"retry-after": "0"}}',
    "fails": 'mock{"status": 500, "headers": {"retry-after": "0"}}',
    "html": 'mock{"page": "<html>Bad gateway</html>"}',
    "garbage": 'mock{"raw": ["data: {not json}\\n\\n"]}',
    "error_in_stream": 'mock{"error": true}',
    "empty": 'mock{"raw": [""]}',
    "events": "events",
    "redirects": 'mock{"status": 307, "headers": {"location": "/elsewhere"}}',
}


@contextmanager
def mock_upstream() -> Iterator[Upstream]:
    """A mock upstream on a free port."""
    process = subprocess.Popen([sys.executable, HERE / "mock_upstream.py", "0"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Upstream(f"http://127.0.0.1:{process.stdout.readline().strip()}")
    finally:
        process.terminate()
        process.wait(STOP_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def competitor(
    environment: Mapping[str, str], *command: str, log: Path | None = None, cwd: Path = ROOT
) -> Iterator[tuple[str, int]]:
    """A server with exactly this environment (and a free port): its URL and process id, once it is healthy."""
    port = free_port()
    given = {**environment, "PORT": str(port), "HOST": "127.0.0.1"}
    if os.name == "nt":
        given["SYSTEMROOT"] = os.environ["SYSTEMROOT"]  # Python cannot start without it
    run = command or ("-m", "competitor", "serve")
    with ExitStack() as open_files:
        output = open_files.enter_context(log.open("w", encoding="utf-8")) if log else subprocess.DEVNULL
        process = subprocess.Popen([sys.executable, *run], cwd=cwd, env=given, stderr=output)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_healthy(url, process)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def wait_until_healthy(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as response:  # noqa: S310 - http, see above
                if response.status == 200:
                    return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the competitor did not become healthy (exit code {process.poll()})") from None
            time.sleep(0.02)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


class Launcher:
    """Starts competitors for a check and ends them all together."""

    def __init__(self, cwd: Path = ROOT) -> None:
        self._cwd = cwd
        self._running = ExitStack()

    def __call__(self, environment: Mapping[str, str], *command: str) -> Target:
        url, _ = self._running.enter_context(competitor(environment, *command, cwd=self._cwd))
        return Target(url)

    def close(self) -> None:
        self._running.close()
