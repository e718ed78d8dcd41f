"""Tests the server itself: start, settings, secrets, limits, SIGTERM, and clients that do not read."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from competitor.checks import Target, Upstream
from competitor.checks.clauses.stream import well_formed
from competitor.checks.responses import CHAT, Json, Stream
from competitor.checks.sources.answers import refused
from competitor.checks.target import question

from ..servers import (
    PATIENCE_SECONDS,
    SCRIPTED,
    Lateness,
    Launch,
    Serve,
    children,
    linux_only,
    posix_only,
    processes,
    rss_kib,
    upstream_of,
    wait_for,
)

ENDLESS = question('mock{"endless": true, "delay": 0.05}', stream=True)


def start_that_fails(project: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "competitor", "serve"]
    given = {**os.environ, "HOST": "127.0.0.1", **environment}
    ended = subprocess.run(
        command, cwd=project, env=given, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )
    assert "Traceback" not in ended.stderr
    return ended


def test_a_setting_that_cannot_be_used_stops_the_start_with_one_line_each(baked: Path) -> None:
    ended = start_that_fails(baked, PORT="70000", JANUS_TIMEOUT="soon", OPENAI_BASE_URL="ftp://secret-host/v1")
    assert ended.returncode == 2
    for name in ("PORT", "JANUS_TIMEOUT", "OPENAI_BASE_URL"):
        assert f"\n{name}: " in ended.stderr
    assert "secret-host" not in ended.stderr


def test_a_port_that_is_taken_is_said_in_words(baked: Path, core: Target) -> None:
    port = core.url.rpartition(":")[2]
    ended = start_that_fails(baked, PORT=port)
    assert ended.returncode == 1
    assert f"Port {port} is taken by another program; write `PORT={int(port) + 1} make run`" in ended.stderr


def test_secrets_never_reach_a_log_or_an_answer(serve: Serve, upstream: Upstream, tmp_path: Path) -> None:
    secrets = {"JANUS_LLM_API_KEY": "canary-key-1", "OPENAI_API_KEY": "canary-key-2", "CHUTES_API_KEY": "canary-key-3"}
    environment = {**upstream_of(upstream), **secrets, "LOG_LEVEL": "debug", "JANUS_TOKEN_HOSTS": "127.0.0.1"}
    log = tmp_path / "log"
    shown = ""
    prompts = [
        "hello",
        'mock{"status": 401}',
        'mock{"die": 1}',
        "raises_first",
        "raises_secrets",
        "logs_secrets",
        'mock{"raw": ["data: canary-key-1\\n\\n"]}',
    ]
    with serve(environment, *SCRIPTED, log=log) as (url, _):
        target = Target(url)
        for prompt in prompts:
            reply = target.post(question(prompt, chutes_access_token="canary-token"))
            stream = target.read_stream(question(prompt, stream=True, chutes_access_token="canary-token"))
            shown += repr(reply) + repr(stream)
        shown += repr(target.post(question(chutes_access_token=["canary-token"]))) + repr(target.get("/health"))
    shown += log.read_text(encoding="utf-8")
    for secret in (*secrets.values(), "canary-token", "sk-secret-of-the-upstream"):
        assert secret not in shown


def test_the_log_has_one_json_line_a_request_and_no_prompt(serve: Serve, upstream: Upstream, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serve(upstream_of(upstream), log=log) as (url, _):
        Target(url).post(question("canary-prompt"), {"X-Request-Id": "my-request"})
        Target(url).read_stream(question('mock{"die": 1} ', stream=True))
    text = log.read_text(encoding="utf-8")
    assert "canary-prompt" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    first, second = (line for line in lines if line["message"] == "request")
    assert first["request_id"] == "my-request"
    assert first["finish_reason"] == "stop"
    assert first["ttft_ms"] >= 0
    assert first["completion_tokens"] == 5
    assert second["failure"] == "upstream broke_off"
    assert 0 <= second["loop_lag_ms"] < PATIENCE_SECONDS * 1000
    assert second["mode"] == "stream"


def test_more_requests_than_slots_wait_with_words_and_the_rest_is_told_to_come_back(
    upstream: Upstream, launch: Launch
) -> None:
    limits = {"JANUS_MAX_RUNNING": "2", "JANUS_MAX_OPEN": "4", "JANUS_QUEUE_SECONDS": "300"}
    small = launch({**upstream_of(upstream), **limits}, *SCRIPTED)
    held = question('mock{"hold": "slots", "tokens": 2}', stream=True)
    with Lateness() as late, ThreadPoolExecutor(4) as pool:
        streams, lines = begun(pool, small, [held] * 4)
        wait_for(lambda: sum(any(b"free slot" in line for line in each) for each in lines) == 2)
        fifth = small.post(question())
        healthy = small.get("/health")
        time.sleep(2.5)  # long enough for a gap
        upstream.release("slots")
        done = [stream.result() for stream in streams]
    assert fifth.status == 503
    assert fifth.headers["retry-after"] == "5"
    assert fifth.json()["error"]["code"] == "overloaded"
    assert healthy.status == 200
    for stream in done:
        well_formed(stream)
        assert stream.text == "tok0 tok1 "
        assert late.largest_gap(stream) < 2
    assert sum("free slot" in stream.reasoning for stream in done) == 2
    assert small.post(question()).status == 200


def test_a_turn_that_does_not_come_is_said_in_the_answer(upstream: Upstream, launch: Launch) -> None:
    small = launch({**upstream_of(upstream), "JANUS_MAX_RUNNING": "1", "JANUS_QUEUE_SECONDS": "0.5"}, *SCRIPTED)
    with ThreadPoolExecutor(1) as pool:
        (first,), _ = begun(pool, small, [question('mock{"hold": "turn"}', stream=True)])
        second = small.read_stream(question(stream=True))
        upstream.release("turn")
        well_formed(first.result())
    well_formed(second)
    assert "Please try again later" in second.text


@posix_only
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_open_answers_end_in_good_form(serve: Serve, sent: signal.Signals, upstream: Upstream) -> None:
    environment = {**upstream_of(upstream), "JANUS_SHUTDOWN_SECONDS": "1"}
    silent = question('mock{"wait": 60}', stream=True)
    with serve(environment) as (url, pid), Lateness() as late, ThreadPoolExecutor(10) as pool:
        streams, _ = begun(pool, Target(url, timeout=PATIENCE_SECONDS), [ENDLESS, silent] * 5)
        began = time.monotonic()
        os.kill(pid, sent)
        done = [stream.result() for stream in streams]
        assert time.monotonic() - began < 5 + late.seconds
    for stream in done:
        well_formed(stream)
        assert "shutting down" in stream.text


def begun(
    pool: ThreadPoolExecutor, target: Target, bodies: Sequence[Json]
) -> tuple[list["Future[Stream]"], list[list[bytes]]]:
    """Starts streams. Returns each with the lines that have arrived so far, at least one."""
    lines: list[list[bytes]] = [[] for _ in bodies]
    asked = zip(bodies, lines, strict=True)
    streams = [pool.submit(target.read_stream, body, None, seen.append) for body, seen in asked]
    wait_for(lambda: all(lines))
    return streams, lines


@posix_only
def test_a_clean_end_has_the_exit_code_0(baked: Path, upstream: Upstream) -> None:
    port = processes.free_port()
    environment = {**os.environ, **upstream_of(upstream), "PORT": str(port), "HOST": "127.0.0.1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "competitor", "serve"], cwd=baked, env=environment, stderr=subprocess.DEVNULL
    )
    processes.wait_until_healthy(f"http://127.0.0.1:{port}", process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0


@posix_only
def test_work_that_ignores_being_cancelled_does_not_keep_the_server_from_ending(baked: Path) -> None:
    port = processes.free_port()
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1", "JANUS_TIMEOUT": "1"}
    process = subprocess.Popen([sys.executable, *SCRIPTED], cwd=baked, env=environment, stderr=subprocess.DEVNULL)
    processes.wait_until_healthy(f"http://127.0.0.1:{port}", process)
    assert Target(f"http://127.0.0.1:{port}").post(question("ignores_cancellation")).status == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0


def read_bytes(pid: int) -> int:
    """The number of bytes that a process has read so far, including from sockets."""
    return int(re.search(r"rchar: (\d+)", Path(f"/proc/{pid}/io").read_text(encoding="utf-8"))[1])  # type: ignore[index]


@linux_only
def test_a_client_that_does_not_read_stops_the_reading_and_memory_stays_flat(serve: Serve, upstream: Upstream) -> None:
    endless = json.dumps(question('mock{"endless": true, "burst": 200}', stream=True)).encode()
    with serve(upstream_of(upstream)) as (url, pid):
        host, port = url.removeprefix("http://").split(":")
        Target(url).read_stream(question('mock{"tokens": 2000, "burst": 100}', stream=True))
        before = rss_kib(pid)
        with socket.create_connection((host, int(port))) as client:
            head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            client.sendall(f"{head}content-length: {len(endless)}\r\n\r\n".encode() + endless)
            looks = [-1, read_bytes(pid)]
            deadline = time.monotonic() + PATIENCE_SECONDS
            while looks[-1] != looks[-3:][0]:  # the system's own buffers take some megabytes first
                assert time.monotonic() < deadline, "it reads on"
                time.sleep(1)
                looks.append(read_bytes(pid))
            filled = rss_kib(pid)
            assert filled - before < 16 * 1024, f"{filled - before} KiB more"
        assert Target(url).ask().status == 200


@linux_only
def test_workers_share_a_port_and_one_that_dies_is_replaced(serve: Serve, upstream: Upstream, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serve({**upstream_of(upstream), "JANUS_WORKERS": "2"}, log=log) as (url, pid):
        wait_for(lambda: log.read_text(encoding="utf-8").count("is listening") == 2)
        workers = children(pid)
        time.sleep(2.1)  # a worker that dies sooner after its start is not replaced
        os.kill(workers[-1], signal.SIGKILL)
        wait_for(lambda: log.read_text(encoding="utf-8").count("is listening") == 3)
        with ThreadPoolExecutor(8) as pool:
            for stream in pool.map(Target(url).read_stream, [question("hello", stream=True)] * 8):
                well_formed(stream)
    assert '"a worker died"' in log.read_text(encoding="utf-8")


@linux_only
def test_a_signal_while_the_workers_start_ends_them_without_a_fault(baked: Path) -> None:
    given = {"PORT": str(processes.free_port()), "HOST": "127.0.0.1", "JANUS_WORKERS": "2"}
    process = subprocess.Popen([sys.executable, "-m", "competitor", "serve"], cwd=baked, env=given)
    wait_for(lambda: len(_children(process.pid)) >= 2)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_SECONDS) == 0


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


@linux_only
def test_a_signal_to_several_workers_lets_open_answers_end_in_good_form(baked: Path, upstream: Upstream) -> None:
    port = processes.free_port()
    given = {"PORT": str(port), "HOST": "127.0.0.1", "JANUS_WORKERS": "2", "JANUS_SHUTDOWN_SECONDS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "competitor", "serve"],
        cwd=baked,
        env={**upstream_of(upstream), **given},
        stderr=subprocess.DEVNULL,
    )
    processes.wait_until_healthy(f"http://127.0.0.1:{port}", process)
    with ThreadPoolExecutor(4) as pool:
        streams, _ = begun(pool, Target(f"http://127.0.0.1:{port}", timeout=PATIENCE_SECONDS), [ENDLESS] * 4)
        process.send_signal(signal.SIGTERM)
        for stream in streams:
            well_formed(stream.result())
            assert "shutting down" in stream.result().text
    assert process.wait(PATIENCE_SECONDS) == 0


def test_unknown_paths_and_methods_are_refused_in_the_one_shape(core: Target) -> None:
    for reply in (core.get("/nothing/here"), core.get(CHAT), core.post(question(), path="/health"), core.get("/docs")):
        refused(reply)
    assert core.get("/nothing").json()["error"]["code"] == "not_found"
    assert core.get(CHAT).json()["error"]["code"] == "method_not_allowed"
    assert core.get(CHAT).headers["allow"] == "POST"
    assert core.get("/debug").status == 404
