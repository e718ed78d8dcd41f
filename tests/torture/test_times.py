"""Tests the server's answers while the upstream is silent, while the server is full, and while it shuts down."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from competitor.checks import Upstream
from competitor.checks.clauses.stream import well_formed
from competitor.checks.responses import Reply, Stream
from competitor.checks.target import Target, question

from ..baking.baking import VARIANTS
from .conftest import Compete, processes

pytestmark = pytest.mark.slow  # the contract's own tests include shorter forms, which `make test` runs in a bake
ENDLESS = 'mock{"endless": true, "delay": 0.05}'


@pytest.mark.torture("B", "streams with a minute of silence, for each backend")
def test_a_silence_of_a_minute_has_no_gap_of_two_seconds(
    compete: Compete, upstream: Upstream, record_property: Callable[[str, int], None]
) -> None:
    targets = [compete(backend, {"JANUS_LLM_BASE_URL": f"{upstream.url}/v1"}).target for backend in VARIANTS]
    for target in targets:
        target.timeout = 120
        target.ask()  # the first request may wait until the backend is imported
    silent = question('mock{"tokens": 4, "silence": 60}', stream=True)
    with ThreadPoolExecutor(len(targets)) as pool:
        for stream in pool.map(lambda target: target.read_stream(silent), targets):
            well_formed(stream)
            assert stream.seconds > 60
            assert stream.largest_gap <= 2.0
            assert stream.text == "tok0 tok1 tok2 tok3 "
    record_property("count", len(targets))


@pytest.mark.torture("B", "simultaneous requests, four times as many as the limit")
def test_at_four_times_the_limit_requests_wait_or_get_a_503_with_retry_after(
    compete: Compete, upstream: Upstream, record_property: Callable[[str, int], None]
) -> None:
    limits = {"JANUS_MAX_RUNNING": "10", "JANUS_MAX_OPEN": "30"}
    target = compete("proxy", {**limits, "JANUS_LLM_BASE_URL": f"{upstream.url}/v1"}).target

    def one(number: int) -> Reply | Stream:
        time.sleep(0.5 if number >= 30 else 0)
        if number >= 30:
            return target.post(question())
        return target.read_stream(question('mock{"wait": 2, "tokens": 2}', stream=True))

    with ThreadPoolExecutor(41) as pool:
        answers = [pool.submit(one, number) for number in range(40)]
        healths = []
        while not all(answer.done() for answer in answers):
            healths.append(target.get("/health").status)
            time.sleep(0.1)
    streams = [answer.result() for answer in answers[:30]]
    for stream in streams:
        assert isinstance(stream, Stream)
        well_formed(stream)
        assert stream.text == "tok0 tok1 "
    for answer in answers[30:]:
        reply = answer.result()
        assert isinstance(reply, Reply)
        assert reply.status == 503
        assert reply.headers["retry-after"] == "5"
    assert len(healths) > 10
    assert set(healths) == {200}
    record_property("count", len(answers))


@contextmanager
def served(
    project: Path, environment: dict[str, str], *before: str
) -> Iterator[tuple[Target, "subprocess.Popen[bytes]"]]:
    """Runs a server as a child process, so that the test can read its exit code."""
    port = processes.free_port()
    given = {
        **environment,
        "PORT": str(port),
        "HOST": "127.0.0.1",
        "JANUS_SHUTDOWN_SECONDS": "2",
        "PATH": os.environ["PATH"],
    }
    command = [*before, sys.executable, "-m", "competitor", "serve"]
    process = subprocess.Popen(command, cwd=project, env=given, stderr=subprocess.DEVNULL)
    try:
        processes.wait_until_healthy(f"http://127.0.0.1:{port}", process)
        yield Target(f"http://127.0.0.1:{port}", timeout=60), process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)


def end_with_open_streams(target: Target, streams: int, end: Callable[[], None]) -> None:
    with ThreadPoolExecutor(streams) as pool:
        began = [pool.submit(target.read_stream, question(ENDLESS, stream=True)) for _ in range(streams)]
        time.sleep(1.5)
        end()
        for stream in (one.result() for one in began):
            well_formed(stream)
            assert "shutting down" in stream.text


@pytest.mark.torture("B", "shutdowns by SIGTERM")
@pytest.mark.parametrize("how", ["20 open streams", "idle", "twice", "as process 1", "several workers"])
def test_sigterm_ends_streams_and_the_server_with_exit_code_0(
    how: str, bakes: Callable[[str], Path], upstream: Upstream
) -> None:
    environment = {
        "JANUS_LLM_BASE_URL": f"{upstream.url}/v1",
        "JANUS_WORKERS": "3" if how == "several workers" else "1",
    }
    confined = ("unshare", "--map-root-user", "--pid", "--fork") if how == "as process 1" else ()
    with served(bakes("proxy"), environment, *confined) as (target, process):
        pid = process.pid
        if confined:
            pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
            assert Path(f"/proc/{pid}/status").read_text().partition("NSpid:")[2].split("\n")[0].split()[-1] == "1"

        def end() -> None:
            os.kill(pid, signal.SIGTERM)
            if how == "twice":
                time.sleep(0.5)
                os.kill(pid, signal.SIGTERM)

        if how == "idle":
            end()
        else:
            end_with_open_streams(target, 20, end)
        assert process.wait(15) == 0
