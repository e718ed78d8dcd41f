"""Tests that the model gets only the names of artifacts in earlier answers, and that files in a request are decoded."""

import base64
import json
import time
from typing import Any

import pytest

from competitor.core.artifacts.received import received_files
from competitor.core.limits import MAX_RECEIVED_FILES
from competitor.core.model.history import without_bytes
from competitor.core.model.prompt import messages
from competitor.core.request.parsing import read_request
from competitor.core.request.schema import ChatRequest

MOST = 10 * 2**20
PIXEL = base64.b64encode(b"\x89PNG pixel").decode()


def request(*conversation: dict[str, Any]) -> ChatRequest:
    return read_request(json.dumps({"model": "m", "messages": list(conversation)}).encode())


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (f"![a.png](data:image/png;base64,{PIXEL})", "[a.png]"),
        (f"See [t.csv](data:text/csv;base64,{PIXEL}) there", "See [t.csv] there"),
        (f"![my \\[photo\\]\\_1.png](data:image/png;base64,{PIXEL})!", "[my [photo]_1.png]!"),
        (f"![](data:image/png;base64,{PIXEL})", "[]"),
        (f"<img src='data:image/png;base64,{PIXEL}'>", "<img src='[image/png]'>"),
        (f"x data:text/plain;charset=utf-8;base64,{PIXEL} y", "x [text/plain] y"),
        ("![a.png](https://example.com/a.png)", "![a.png](https://example.com/a.png)"),
        ("data: nothing;base64, at all", "data: nothing;base64, at all"),
        ("plain", "plain"),
    ],
)
def test_a_model_gets_the_name_instead_of_a_data_url(text: str, read: str) -> None:
    assert without_bytes(text) == read


def test_the_time_for_many_brackets_grows_linearly() -> None:
    """Ten times as much text takes about ten times as long, not a hundred times."""
    began = time.process_time()
    for hostile in ("[" * 1_000_000, "![" * 500_000, "data:a/b" * 125_000, "[a](data:a/b;" * 70_000):
        without_bytes(hostile + ";base64,")
    assert time.process_time() - began < 20


def test_bytes_are_removed_from_earlier_answers_but_not_from_a_user_s_messages() -> None:
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    mine = f"Decode data:text/plain;base64,{PIXEL}"
    body = messages(
        request(
            {"role": "user", "content": [{"type": "text", "text": mine}, image]},
            {"role": "assistant", "content": f"Here: ![plot.png](data:image/png;base64,{PIXEL})"},
            {"role": "assistant", "content": [{"type": "text", "text": f"[t](data:text/csv;base64,{PIXEL})"}, image]},
            {"role": "user", "content": "And now?"},
        )
    )
    assert body[0]["content"] == [{"type": "text", "text": mine}, image]
    assert body[1]["content"] == "Here: [plot.png]"
    assert body[2]["content"] == [{"type": "text", "text": "[t]"}, {"type": "text", "text": "[image]"}]
    assert body[3]["content"] == "And now?"


def test_files_reach_the_backend_decoded_typed_and_named() -> None:
    parts = [
        {"type": "text", "text": "What are these?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "file", "file": {"name": "../t.csv", "mime_type": "text/csv", "content": "a,b\n1,2\n"}},
        {"type": "file", "name": "x.pdf", "mime_type": "application/pdf", "content": PIXEL.rstrip("=")},
        {"type": "file", "file": {"filename": "y.zip", "file_data": f"data:application/zip;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": {"url": "data:image/svg+xml,%3Csvg%2F%3E"}},
    ]
    files = received_files(request({"role": "user", "content": parts}), MOST)
    assert [(file.name, file.mime_type, file.type) for file in files] == [
        ("image-2.png", "image/png", "image"),
        ("t.csv", "text/csv", "dataset"),
        ("x.pdf", "application/pdf", "file"),
        ("y.zip", "application/zip", "binary"),
        ("image-7.svg", "image/svg+xml", "image"),
    ]
    assert files[0].data == files[2].data == files[3].data == b"\x89PNG pixel"
    assert files[1].text == "a,b\n1,2\n"
    assert files[4].data == b"<svg/>"


def test_an_image_by_url_is_passed_to_the_upstream_unchanged() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}}
    assert messages(request({"role": "user", "content": [image]}))[0]["content"] == [image]


def test_files_that_are_too_large_or_cannot_be_decoded_are_left_out() -> None:
    bad = {"type": "file", "name": "x.pdf", "mime_type": "application/pdf", "content": "not base64 !"}
    large = {"type": "file", "name": "l.txt", "mime_type": "text/plain", "content": "x" * 1001}
    good = {"type": "file", "name": "g.txt", "mime_type": "text/plain", "content": "x" * 1000}
    many = [good] * (MAX_RECEIVED_FILES + 5)
    assert [file.name for file in received_files(request({"role": "user", "content": [bad, large, good]}), 1000)] == [
        "g.txt"
    ]
    assert len(received_files(request({"role": "user", "content": many}), 1000)) == MAX_RECEIVED_FILES
    assert received_files(request({"role": "user", "content": "text"}), 1000) == []
