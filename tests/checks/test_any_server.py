"""Tests that `competitor check` reaches a verdict in time for anything that listens at the URL, without a traceback."""

import json
import os
import pty
import socket
import struct
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from competitor.checks import stand_in

from ..template_path import UNBAKED, contract_tests
from .harness import serving
from .plain_server import Plain

MAX_SPACING_SECONDS = 240.0
Behaviour = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n"


def hangs(peer: socket.socket) -> None:
    while peer.recv(65536):
        pass


def speaks_html(peer: socket.socket) -> None:
    page = b"<html><script>alert(1)</script>"
    peer.recv(65536)
    peer.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: %d\r\n\r\n%b" % (len(page), page))


def resets(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def floods_the_head(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        peer.sendall(b"x: y\r\n" * 1000)


def floods_one_line(peer: socket.socket) -> None:
    peer.sendall(HEAD + b"data: ")
    while True:
        peer.sendall(b"x" * 65536)


def floods_the_stream(peer: socket.socket) -> None:
    peer.sendall(HEAD)
    while True:
        peer.sendall(b'data: {"choices": []}\n\n' * 1000)


def drips(peer: socket.socket) -> None:
    peer.sendall(HEAD)
    while True:
        peer.sendall(b": ")
        time.sleep(0.05)


def speaks_no_http(peer: socket.socket) -> None:
    peer.recv(65536)
    peer.sendall(b"SSH-2.0-OpenSSH_9.2\r\n\x00\xff\xfe")


@contextmanager
def listening(behaviour: Behaviour) -> Iterator[str]:
    """Runs a listener that calls `behaviour` with every connection. Yields its URL."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def attend(peer: socket.socket) -> None:
        with peer, suppress(OSError):
            behaviour(peer)

    def accept() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=attend, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


def check(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "competitor", "check", *arguments],
        cwd=UNBAKED,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=MAX_SPACING_SECONDS,
        check=False,
    )


@pytest.mark.parametrize(
    "behaviour",
    [hangs, speaks_html, resets, floods_the_head, floods_one_line, floods_the_stream, drips, speaks_no_http],
    ids=lambda behaviour: behaviour.__name__,
)
def test_a_server_that_does_not_speak_the_protocol_breaks_e1(behaviour: Behaviour, tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("v.json", "v.xml", "v.html")]
    named = [part for file in files for part in (f"--{file.suffix[1:].replace('xml', 'junit')}", str(file))]
    with listening(behaviour) as url:
        done = check(url, "--patience", "1", *named)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr == ""
    assert "does not comply" in done.stdout
    record = json.loads(files[0].read_text(encoding="utf-8"))
    verdicts = {verdict["id"]: verdict for verdict in record["cases"]}
    clauses = {clause["id"]: clause["status"] for clause in record["clauses"]}
    assert record["complies"] is False
    assert clauses["E1"] == "broken"
    assert verdicts["E1/1"]["evidence"]
    assert verdicts["S3/1"]["status"] == clauses["S3"] == "not shown"
    assert "does not answer a simple question" in verdicts["S3/1"]["reason"]
    suite = ElementTree.parse(files[1]).getroot()  # noqa: S314 - as above
    assert int(suite.attrib["failures"]) >= 1
    assert "<script" not in files[2].read_text(encoding="utf-8")


def test_if_nothing_listens_one_sentence_says_so(tmp_path: Path) -> None:
    port = contract_tests("processes").free_port()
    done = check(f"http://127.0.0.1:{port}", "--json", str(tmp_path / "v.json"))
    assert done.returncode == 2
    assert done.stdout.startswith(f"Nothing answers at http://127.0.0.1:{port} (")
    assert (done.stdout.count("\n"), done.stderr) == (1, "")
    record = json.loads((tmp_path / "v.json").read_text(encoding="utf-8"))
    assert {case["status"] for case in record["cases"]} == {"not shown"}


@pytest.mark.parametrize("address", ["nonsense", "ftp://127.0.0.1", "http://"])
def test_an_argument_that_is_not_a_url_is_refused(address: str) -> None:
    done = check(address)
    assert done.returncode == 2
    assert "is not the URL of a server" in done.stdout


def test_if_the_start_command_fails_the_output_says_how_it_ended() -> None:
    done = check("--start", f"{sys.executable} -c 'raise SystemExit(\"no key, no service\")'")
    assert done.returncode == 2
    assert "the server ended with code 1 before it was healthy; its last output was: no key, no service" in done.stdout
    missing = check("--start", "no-such-command-anywhere")
    assert missing.returncode == 2
    assert "could not be run" in missing.stdout


def test_unknown_clauses_are_named_and_the_list_has_all_clauses() -> None:
    assert "There is no clause or case Z9" in check("--only", "E1,Z9").stdout
    listed = check("--list").stdout
    assert "S8 " in listed
    assert "S8/3 " in listed
    assert "P1 " in listed
    assert "N4/1" not in listed
    assert "N4/1" in check("--list", "--contract", "1.1.0").stdout
    unknown = check("--list", "--contract", "0.9.0")
    assert unknown.returncode == 2
    assert "the known versions are 1.0.0, 1.1.0" in unknown.stdout


def test_only_the_clauses_that_are_asked_for_are_checked(tmp_path: Path) -> None:
    with stand_in() as upstream, serving(Plain, upstream) as target:
        done = check(target.url, "--only", "w2/2,E2,S14", "--json", str(tmp_path / "v.json"))
    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((tmp_path / "v.json").read_text(encoding="utf-8"))
    assert {verdict["id"]: verdict["status"] for verdict in record["cases"]} == {
        "E2/1": "holds",
        "E2/2": "holds",
        "E2/3": "not shown",
        "W2/2": "holds",
        "S14/1": "not shown",
        "S14/2": "not shown",
    }
    assert [clause["id"] for clause in record["clauses"]] == ["E2", "W2", "S14"]


class MissesAShould(Plain):
    def models(self) -> tuple[int, dict[str, object]]:
        return 500, {}


class BreaksAMust(Plain):
    def ping(self) -> bytes:
        return b""

    def health(self) -> tuple[int, dict[str, object]]:
        return 200, {"status": "\x1b[31mup\u202e"}


def test_only_a_broken_must_makes_the_exit_code_1() -> None:
    with stand_in() as upstream:
        with serving(MissesAShould, upstream) as target:
            missed = check(target.url, "--only", "E2,E3")
        with serving(BreaksAMust, upstream) as target:
            broken = check(target.url, "--only", "E2,E3")
    assert missed.returncode == 0, missed.stdout
    assert "missed  E3" in missed.stdout
    assert broken.returncode == 1
    assert "BROKEN  E2" in broken.stdout
    assert "\x1b" not in broken.stdout


def test_on_a_terminal_there_is_a_progress_bar_before_the_table() -> None:
    ours, theirs = pty.openpty()
    with stand_in() as upstream, serving(Plain, upstream) as target:
        command = [sys.executable, "-m", "competitor", "check", target.url, "--only", "E2,W2"]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TERM": "xterm", "COLUMNS": "100"}
        process = subprocess.Popen(command, cwd=UNBAKED, env=environment, stdout=theirs, stderr=theirs)
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # Linux raises this when the other end is closed
            while piece := os.read(ours, 65536):
                shown += piece
        os.close(ours)
        assert process.wait(MAX_SPACING_SECONDS) == 0
    assert b"/7" in shown  # the count in the progress bar
    assert b"Traceback" not in shown
    assert b"ok      E2" in shown
