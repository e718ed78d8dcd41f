"""Tests files and charts made by the variants' own tools, with the offline model: every client gets the right bytes."""

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from competitor.checks import Target
from competitor.checks.clauses.artifacts import artifacts

from ..unit.artifacts import test_openai_sdk as by_sdk
from .conftest import Serve

SPEED = {"JANUS_OFFLINE_WORDS_PER_SECOND": "1000"}
Ask = Callable[[OpenAI, str], tuple[list[dict[str, Any]], str]]

ASKED = pytest.mark.parametrize("ask", [by_sdk.streamed, by_sdk.whole], ids=["stream", "whole"])


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "by URL"])
@ASKED
def test_a_file_that_a_tool_made_is_fetched_unchanged(
    project: Path, serve: Serve, ask: Ask, inline: bool, tmp_path: Path
) -> None:
    environment = {**SPEED, "JANUS_ARTIFACTS_DIR": str(tmp_path)}
    target = serve(project, environment if inline else {**environment, "JANUS_ARTIFACT_INLINE_BYTES": "0"})
    with OpenAI(base_url=f"{target.url}/v1", api_key="unused", max_retries=0) as sdk:
        (item,), text = ask(sdk, 'Create a file notes.md that contains "Größe: 17".')
    assert item["url"].startswith("data:" if inline else f"{target.url}/artifacts/")
    data = by_sdk.content(item["url"])
    assert data.decode() == "Größe: 17"
    assert len(data) == item["size_bytes"]
    assert hashlib.sha256(data).hexdigest() == item["sha256"]
    assert f"[notes.md]({item['url']})" in text


def test_a_plot_is_an_image_in_the_text(project: Path, serve: Serve) -> None:
    stream = serve(project, SPEED).stream("Show a plot of 3, 1 and 2.")
    (item,) = artifacts(stream)
    assert (item["type"], item["mime_type"]) == ("image", "image/png")
    assert f"]({item['url']})" in stream.text
    assert "![" in stream.text
    assert base64.b64decode(item["url"].partition(",")[2]).startswith(b"\x89PNG")


def test_the_model_is_told_about_a_file_that_cannot_be_saved_and_the_answer_continues(
    project: Path, serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("not a folder")
    broken = {**SPEED, "JANUS_ARTIFACTS_DIR": str(tmp_path / "taken"), "JANUS_ARTIFACT_INLINE_BYTES": "0"}
    target: Target = serve(project, broken)
    stream = target.stream('What is 17 * 23? Also create a file notes.md that contains "x".')
    assert "391" in stream.text
    assert not artifacts(stream)
    ends = [delta["janus"]["payload"] for _, delta in stream.deltas if "janus" in delta]
    assert any("could not be saved" in str(payload.get("result")) for payload in ends)
    assert stream.finish_reasons == ["stop"]
