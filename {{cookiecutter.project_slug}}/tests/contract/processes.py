"""Starts the processes that tests need: competitors, and a mock upstream that is controlled by the prompt."""
# Contract file: replaced by updates.

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from competitor.checks import Target, stand_in, starting
from competitor.checks.starting import free_port as free_port

ROOT = Path(__file__).resolve().parents[2]
# Only keeps a test from hanging forever, even on a busy machine. No test measures a time with it.
PATIENCE_SECONDS = 120.0

mock_upstream = stand_in
wait_until_healthy = partial(starting.wait_until_healthy, seconds=PATIENCE_SECONDS)


@contextmanager
def competitor(
    environment: Mapping[str, str], *command: str, log: Path | None = None, cwd: Path = ROOT
) -> Iterator[tuple[str, int]]:
    """Starts a server with this environment, a port and a folder of its own; yields its URL and process id."""
    port = free_port()
    # No test asks the real servers of the models in backend/models.py.
    given = {"JANUS_MODELS_AT_DEFAULT": "true", **environment, "PORT": str(port), "HOST": "127.0.0.1"}
    if os.name == "nt":
        given["SYSTEMROOT"] = os.environ["SYSTEMROOT"]  # Python needs it to start
    run = command or ("-m", "competitor", "serve")
    with ExitStack() as open_files:
        given.setdefault("JANUS_ARTIFACTS_DIR", open_files.enter_context(TemporaryDirectory(prefix="competitor-test-")))
        output = open_files.enter_context(log.open("w", encoding="utf-8")) if log else subprocess.DEVNULL
        process = subprocess.Popen([sys.executable, *run], cwd=cwd, env=given, stderr=output)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until_healthy(url, process)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)


class Launcher:
    """Starts competitors for checks, and stops all of them in `close`."""

    def __init__(self, cwd: Path = ROOT) -> None:
        self._cwd = cwd
        self._running = ExitStack()

    def __call__(self, environment: Mapping[str, str], *command: str) -> Target:
        url, _ = self._running.enter_context(competitor(environment, *command, cwd=self._cwd))
        return Target(url, timeout=PATIENCE_SECONDS)

    def close(self) -> None:
        self._running.close()
