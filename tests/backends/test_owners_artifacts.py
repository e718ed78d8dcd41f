"""Tests that clients get artifacts of any size unchanged when an owner's code saves them.

The tests use each variant with the offline model, and ask for streamed and for non-streamed answers.
"""

import hashlib
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from ..bakes import Bakes
from ..models.conftest import one_at_once
from ..template_path import contract_tests
from ..unit.artifacts import test_openai_sdk as by_sdk

processes = contract_tests("processes")

# The owner's code. It is in a tool that the model calls, or, in a variant without tools, after the model's answer.
A_TOOL = """
import random

from ..api import Chat, Result, Tool, tool


def tools(chat: Chat) -> list[Tool]:
    async def record(size: str) -> Result:
        \"\"\"Records noise.\"\"\"
        data = random.Random(size).randbytes(int(size))
        return Result("recorded", artifacts=(await chat.artifacts.save(data, "noise.wav"),))

    return [tool(record)]
"""
AFTER_THE_ANSWER = """
    import random
    import re

    size = re.findall('"([0-9]+)"', str(chat.messages[-1]["content"]))[-1]
    yield await chat.artifacts.save(random.Random(size).randbytes(int(size)), "noise.wav")
"""
INLINE_BYTES = 180_000
MAX_INLINE_BYTES = 1_000_000
SIZES = [1, 1000, INLINE_BYTES, INLINE_BYTES + 1, MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1, 5_000_000]


def edited(project: Path) -> Path:
    agent, tools = (project / "competitor" / "backend" / name for name in ("agent.py", "tools.py"))
    if tools.is_file():
        tools.write_text(A_TOOL, encoding="utf-8")
    else:
        agent.write_text(agent.read_text(encoding="utf-8") + AFTER_THE_ANSWER, encoding="utf-8")
    return project


@pytest.fixture(scope="module", params=one_at_once("tools"))
def owned(request: pytest.FixtureRequest, bakes: Bakes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp(request.param) / "my-competitor"
    return edited(Path(shutil.copytree(bakes(request.param), copy)))


@pytest.fixture(scope="module", params=[0, INLINE_BYTES, MAX_INLINE_BYTES], ids=lambda size: f"inline up to {size}")
def threshold(request: pytest.FixtureRequest) -> int:
    size: int = request.param
    return size


@pytest.fixture(scope="module")
def sdk(owned: Path, threshold: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    yield from serving(owned, threshold, tmp_path_factory.mktemp("artifacts"))


@pytest.fixture(scope="module")
def largest_sdk(owned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenAI]:
    yield from serving(owned, INLINE_BYTES, tmp_path_factory.mktemp("artifacts"))


def serving(owned: Path, threshold: int, kept: Path) -> Iterator[OpenAI]:
    environment = {
        "JANUS_OFFLINE_WORDS_PER_SECOND": "1000",
        "JANUS_ARTIFACTS_DIR": str(kept),
        "JANUS_ARTIFACT_INLINE_BYTES": str(threshold),
    }
    with (
        processes.competitor(environment, cwd=owned) as (url, _),
        OpenAI(base_url=f"{url}/v1", api_key="unused", max_retries=0) as client,
    ):
        yield client
    shutil.rmtree(kept)


@pytest.mark.parametrize("ask", [by_sdk.streamed, by_sdk.whole], ids=["stream", "whole"])
@pytest.mark.parametrize("size", SIZES)
def test_an_artifact_that_a_backend_saved_is_fetched_unchanged(
    sdk: OpenAI, threshold: int, ask: Any, size: int
) -> None:
    assert_fetched_unchanged(sdk, threshold, ask, size)


@pytest.mark.parametrize("ask", [by_sdk.streamed, by_sdk.whole], ids=["stream", "whole"])
def test_the_largest_artifact_is_fetched_unchanged(largest_sdk: OpenAI, ask: Any) -> None:
    assert_fetched_unchanged(largest_sdk, INLINE_BYTES, ask, 64 * 2**20)


def assert_fetched_unchanged(sdk: OpenAI, threshold: int, ask: Any, size: int) -> None:
    (item,), text = ask(sdk, f'Please record "{size}".')
    assert item["url"].startswith("data:audio/" if size <= threshold else "http://127.0.0.1:")
    data = by_sdk.content(item["url"])
    assert data == random.Random(str(size)).randbytes(size)
    assert (len(data), hashlib.sha256(data).hexdigest()) == (item["size_bytes"], item["sha256"])
    assert f"[noise.wav]({item['url']})" in text
