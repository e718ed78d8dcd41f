"""Tests with the OpenAI SDK that a fetched artifact of any size has the length and hash that its descriptor states."""

import base64
import hashlib
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from competitor.checks import Target
from competitor.checks.clauses.artifacts import FIELDS, artifacts

from ..servers import SCRIPTED, Launch

INLINE_BYTES = 180_000
SIZES = [0, 1, 1000, INLINE_BYTES, INLINE_BYTES + 1, 5_000_000, 64 * 2**20]


@pytest.fixture(scope="module")
def sdk(core: Target) -> Iterator[OpenAI]:
    with OpenAI(base_url=f"{core.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


def streamed(sdk: OpenAI, prompt: str) -> tuple[list[dict[str, Any]], str]:
    """The descriptors and the text, as the SDK reads them."""
    found, text = [], ""
    with sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}], stream=True) as chunks:
        for chunk in chunks:
            for choice in chunk.choices:
                text += choice.delta.content or ""
                event = (choice.delta.model_extra or {}).get("janus") or {}
                if event.get("event") == "artifacts":
                    found += event["payload"]["items"]
    return found, text


def whole(sdk: OpenAI, prompt: str) -> tuple[list[dict[str, Any]], str]:
    answer = sdk.chat.completions.create(model="m", messages=[{"role": "user", "content": prompt}])
    message = answer.choices[0].message
    return (message.model_extra or {})["artifacts"], message.content or ""


def content(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=60) as response:
        data: bytes = response.read()
        return data


@pytest.mark.parametrize("ask", [streamed, whole], ids=["stream", "whole"])
@pytest.mark.parametrize("size", SIZES)
def test_what_is_fetched_has_the_length_and_the_hash_of_its_descriptor(sdk: OpenAI, ask: Any, size: int) -> None:
    (item,), text = ask(sdk, f"artifact {size} photo.png")
    assert item.keys() - {"index"} == FIELDS.keys()  # a stream numbers the items in its lists
    assert item["url"].startswith("data:image/png;base64," if size <= INLINE_BYTES else "http://127.0.0.1:")
    data = content(item["url"])
    assert len(data) == item["size_bytes"] == size
    assert hashlib.sha256(data).hexdigest() == item["sha256"]
    assert text == f"Here it is:\n\n![photo.png]({item['url']})\n\nThat was all."


def test_what_was_saved_and_not_yielded_is_shown_at_the_end(core: Target) -> None:
    stream = core.stream("artifact_not_yielded")
    (item,) = artifacts(stream)
    assert stream.text == f"The table:\n\n[table.csv]({item['url']})\n\n"
    assert base64.b64decode(item["url"].partition(",")[2]) == b"a,b\n1,2\n"


def test_an_inline_megabyte_comes_in_lines_that_readers_can_take(launch: Launch) -> None:
    """Lines with text stay below 512 KiB for any maximum inline size (A2). The descriptor's line may be longer."""
    large = launch({"JANUS_ARTIFACT_INLINE_BYTES": "1000000"}, *SCRIPTED)
    stream = large.stream("artifact 1000000 photo.png")
    (item,) = artifacts(stream)
    assert f"![photo.png]({item['url']})" in stream.text
    assert max(len(line) for _, line in stream.lines if b'"content"' in line) < 512 * 1024


def test_base64_is_no_text_to_the_usage(core: Target) -> None:
    usage = core.ask("artifact 180000 photo.png").json()["usage"]
    assert usage["completion_tokens"] < 50


def test_too_large_a_file_is_a_sentence_in_an_answer_that_ends_well(core: Target) -> None:
    stream = core.stream(f"artifact {64 * 2**20 + 1} photo.png")
    assert stream.text.startswith("Here it is:")
    assert "The file photo.png could not be saved: it is larger than 67108864 bytes" in stream.text
    assert stream.finish_reasons == ["stop"]
    assert stream.done
    assert not artifacts(stream)


def test_metrics_count_what_users_got(launch: Launch) -> None:
    fresh = launch({}, *SCRIPTED)
    fresh.stream("artifact 1000 photo.png")
    figures = json.loads(fresh.get("/metrics", {"accept": "application/json"}).body)
    (sample,) = figures["janus_artifacts_total"]["samples"]
    assert (sample["labels"], sample["value"]) == ({"type": "image"}, 1)
    assert figures["janus_artifact_bytes_total"]["samples"][0]["value"] == 1000
