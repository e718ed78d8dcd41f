"""Tests that each variant draws and speaks if the request's flags say so, and that a request with an image is seen."""

import base64
import io
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed
from competitor.checks.target import question

from ..bakes import Bakes, sampled
from ..baking.baking import VARIANTS
from ..template_path import contract_tests

processes = contract_tests("processes")


@pytest.fixture(scope="module", params=sampled(VARIANTS))
def server(request: pytest.FixtureRequest, bakes: Bakes) -> Iterator[Target]:
    """A server of each variant with the stand-ins of `make run`, and with the offline model."""
    with processes.competitor({"JANUS_MEDIA_DOUBLE": "1"}, cwd=bakes(request.param)) as (url, _):
        yield Target(url, timeout=120)


def answered(server: Target, prompt: str, flag: str | None, *, stream: bool) -> tuple[str, list[dict[str, Any]]]:
    """The text and the artifacts of an answer."""
    body = {**question(prompt, stream=stream), **({"generation_flags": {flag: True}} if flag else {})}
    if stream:
        read = server.read_stream(body)
        well_formed(read)
        events = [delta["janus"] for _, delta in read.deltas if "janus" in delta]
        items = [item for one in events if one["event"] == "artifacts" for item in one["payload"]["items"]]
        return read.text, items
    message = server.post(body).json()["choices"][0]["message"]
    return message["content"], message["artifacts"]


@pytest.mark.parametrize("stream", [True, False])
def test_with_the_flag_for_images_there_is_one_as_png(stream: bool, server: Target) -> None:
    text, artifacts = answered(server, "A red cat on a sofa", "generate_image", stream=stream)
    assert [one["mime_type"] for one in artifacts] == ["image/png"]
    assert f"]({artifacts[0]['url']})" in text
    png = base64.b64decode(artifacts[0]["url"].partition(";base64,")[2])
    assert Image.open(io.BytesIO(png)).format == "PNG"


@pytest.mark.parametrize("stream", [True, False])
def test_with_the_flag_for_sound_there_is_some(stream: bool, server: Target) -> None:
    _, artifacts = answered(server, "Good morning, how are you?", "generate_audio", stream=stream)
    assert [one["mime_type"] for one in artifacts] == ["audio/wav"]


def test_without_a_flag_there_is_neither(server: Target) -> None:
    text, artifacts = answered(server, "Good morning!", None, stream=False)
    assert text
    assert artifacts == []
