"""Tests that a fetched artifact has its exact bytes and headers, whole or in part, and that no other file is served."""

import hashlib
import re
import socket
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from competitor.checks import Target
from competitor.checks.clauses.artifacts import artifacts
from competitor.core.artifacts.names import display_name, disposition
from competitor.core.limits import MAX_NAME_BYTES

from .conftest import Process

MIB = 2**20


def linked(target: Target, size: int = 200_000, name: str = "photo.png") -> dict[str, object]:
    (item,) = artifacts(target.stream(f"artifact {size} {name}"))
    return item


def raw(target: Target, request_line: bytes) -> bytes:
    parts = urlsplit(target.url)
    with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=120) as connection:
        connection.sendall(request_line + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        received = b""
        while data := connection.recv(65536):
            received += data
    return received


UPS = (
    [b"..", b"%2e%2e", b"..%2f", b"%2e%2e%2f", b"%252e%252e", b"..%5c", b"..\\", b"%c0%ae%c0%ae", b"....//", b".%00."]
)  # fmt: skip
GOALS = [b"/etc/passwd", b"/key", b"/../key", b"%2fkey"]
TRAVERSALS = [b"/artifacts/" + up + goal for up in UPS for goal in GOALS]


@pytest.mark.torture("C", "attempts to leave the artifacts' folder")
def test_forty_paths_out_of_the_folder_are_not_found(
    server: Target, record_property: Callable[[str, int], None]
) -> None:
    linked(server)  # creates the folder, with a key beside it
    assert len(TRAVERSALS) == 40
    for path in TRAVERSALS:
        for start in (b"", b"/v1"):
            answer = raw(server, b"GET " + start + path)
            status = int(answer.split(b" ", 2)[1])
            assert 400 <= status < 500, path
            assert b"root:" not in answer
    record_property("count", len(TRAVERSALS))


@pytest.mark.parametrize("id", ["key", "../key", "%2e%2e%2fkey", "artifacts", ".", "..", "art_", "%00", "a" * 10_000])
def test_files_beside_the_artifacts_are_not_served(server: Target, id: str) -> None:
    for path in (f"/v1/artifacts/{id}", f"/artifacts/{id}/photo.png"):
        assert 400 <= server.get(path).status < 500


@pytest.mark.parametrize(
    "given", ["../../etc/cron.d/x", "/etc/passwd", "C:\\Windows\\x.dll", "a\0b", "..", "", "\u202egnp.x"]
)
def test_a_display_name_is_never_a_path(given: str) -> None:
    name = display_name(given)
    assert name
    assert not set(name) & set("/\\\0\n\r\u202e")
    assert name not in (".", "..")


def test_a_long_name_keeps_its_ending() -> None:
    name = display_name("ä" * 500 + ".png")
    assert name.endswith("ä.png")
    assert len(name.encode()) <= MAX_NAME_BYTES


@pytest.mark.parametrize("name", ["plain.png", 'a "quoted" name.txt', "größe, 名前.csv", "100%.md", "a;b=c.txt"])
def test_a_name_can_be_read_from_the_header_unchanged(name: str) -> None:
    plain, _, whole = disposition(name, shown=False).partition("; filename*=UTF-8''")
    assert unquote(whole) == name
    assert re.fullmatch(r'attachment; filename="[\x20-\x7e]+"', plain)
    assert plain.count('"') == 2


def test_the_headers_of_an_image_and_of_a_page(server: Target) -> None:
    for name, media, how in (("photo.png", "image/png", "inline"), ("page.html", "text/html", "attachment")):
        item = linked(server, name=name)
        reply = server.get(urlsplit(str(item["url"])).path)
        assert reply.headers["content-type"] == media == item["mime_type"]
        assert reply.headers["content-disposition"].startswith(f"{how}; ")
        assert reply.headers["x-content-type-options"] == "nosniff"
        assert reply.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert reply.headers["etag"] == f'"{item["sha256"]}"'


@pytest.mark.parametrize(
    ("header", "status", "start", "end"),
    [
        ("bytes=0-0", 206, 0, 1), ("bytes=0-", 206, 0, 200_000), ("bytes=-1", 206, 199_999, 200_000),
        ("bytes=199999-", 206, 199_999, 200_000), ("bytes=5-9999999", 206, 5, 200_000), ("BYTES=1-2", 206, 1, 3),
        ("bytes=-9999999", 206, 0, 200_000), ("bytes=0-1,5-6", 200, 0, 200_000), ("bytes=9-3", 200, 0, 200_000),
        ("items=0-1", 200, 0, 200_000), ("bytes=-", 200, 0, 200_000), ("bytes=200000-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
    ],
)  # fmt: skip
def test_one_range_is_answered_and_others_get_all(
    server: Target, header: str, status: int, start: int, end: int
) -> None:
    path = urlsplit(str(linked(server)["url"])).path
    whole = server.get(path).body
    reply = server.get(path, {"range": header})
    assert reply.status == status
    if status == 416:
        assert reply.headers["content-range"] == "bytes */200000"
    else:
        assert reply.body == whole[start:end]


def test_a_link_for_one_use_works_once(start: Callable[..., Process], tmp_path: Path) -> None:
    once = Target(start({"JANUS_ARTIFACTS_DIR": str(tmp_path), "JANUS_ARTIFACT_SINGLE_USE": "true"}).url)
    item = linked(once)
    path = urlsplit(str(item["url"])).path
    assert once.head(path).status == 200  # HEAD does not count as a use
    first = once.get(path)
    assert hashlib.sha256(first.body).hexdigest() == item["sha256"]
    assert first.headers["cache-control"] == "no-store"
    assert once.get(path).status == 410
    assert once.get(f"/v1/artifacts/{item['id']}").status == 410


@pytest.mark.parametrize(
    ("host", "environment", "base"),
    [
        ("competitor.example:9000", {}, "http://competitor.example:9000"),
        ("[::1]:80", {}, "http://[::1]:80"),
        ("evil.example/x?y", {}, "http://localhost:"),
        ("a b", {}, "http://localhost:"),
        ("competitor.example:9000", {"JANUS_ARTIFACT_PORT": "8443"}, "http://competitor.example:8443"),
        ("x", {"JANUS_ARTIFACT_URL_BASE": "https://files.example/janus/"}, "https://files.example/janus"),
    ],
)
def test_a_link_is_absolute_whatever_the_host(
    start: Callable[..., Process], tmp_path: Path, host: str, environment: dict[str, str], base: str
) -> None:
    target = Target(start({"JANUS_ARTIFACTS_DIR": str(tmp_path), **environment}).url)
    (item,) = artifacts(target.stream("artifact 200000 photo.png", headers={"host": host}))
    assert item["url"].startswith(f"{base}/artifacts/art_" if not base.endswith(":") else base)


def test_sending_64_mib_to_a_slow_client_needs_at_most_8_mib_of_memory(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    process = start({"JANUS_ARTIFACTS_DIR": str(tmp_path)})
    target = Target(process.url)
    warm = linked(target, MIB)
    target.get(urlsplit(str(warm["url"])).path)
    item = linked(target, 64 * MIB)
    _settled(process.pid)
    before = _resident(process.pid)
    digest, size, maximum = hashlib.sha256(), 0, 0
    with urllib.request.urlopen(str(item["url"])) as response:
        time.sleep(0.5)  # the client reads nothing yet; read-ahead would show in the memory
        maximum = _resident(process.pid)
        while piece := response.read(256 * 1024):
            digest.update(piece)
            size += len(piece)
            if size % (4 * MIB) == 0:
                time.sleep(0.02)
                maximum = max(maximum, _resident(process.pid))
    assert size == 64 * MIB
    assert digest.hexdigest() == item["sha256"]
    print(f"{(maximum - before) / MIB:.1f} MiB more memory was used while 64 MiB went to a slow reader")
    assert maximum - before <= 8 * MIB


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def _settled(pid: int) -> None:
    """Waits until the memory that was needed to make the artifact is free again."""
    last = 0
    while abs(_resident(pid) - last) > MIB // 4:
        last = _resident(pid)
        time.sleep(0.3)
