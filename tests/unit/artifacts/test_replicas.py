"""Tests two replicas with one bucket of a real S3 server: each serves the other's artifacts, which expire for both."""

import asyncio
import hashlib
import os
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from competitor.checks import Target
from competitor.checks.clauses.artifacts import artifacts
from competitor.checks.target import question
from competitor.core.artifacts.links import Refused

from ...template_path import contract_tests
from .conftest import Process
from .shelves import Clock, keeper, read, saved

lateness = contract_tests("lateness")


@pytest.mark.parametrize("size", [200_000, 20 * 2**20])
def test_a_replica_serves_an_artifact_of_another_replica(
    start: Callable[..., Process], bucket: dict[str, str], size: int
) -> None:
    # The environment names a proxy that does not exist, so using it would fail (X1).
    nowhere = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY"), "http://127.0.0.1:9")
    one, other = (Target(start({**bucket, **nowhere}).url) for _ in range(2))
    (item,) = artifacts(one.stream(f"artifact {size} photo.png"))
    for target in (other, one):
        reply = target.get(urlsplit(item["url"]).path)
        assert reply.status == 200
        assert len(reply.body) == item["size_bytes"] == size
        assert hashlib.sha256(reply.body).hexdigest() == item["sha256"]
    assert (
        other.get(urlsplit(item["url"]).path, {"range": "bytes=10-19"})
        .headers["content-range"]
        .startswith("bytes 10-19/")
    )


def test_an_artifact_expires_at_both_servers(start: Callable[..., Process], bucket: dict[str, str]) -> None:
    short = {**bucket, "JANUS_ARTIFACT_TTL_SECONDS": "3"}
    one, other = (Target(start(short).url) for _ in range(2))

    def expires() -> None:
        (item,) = artifacts(one.read_stream(question("artifact 200000 photo.png", stream=True)))
        path = urlsplit(item["url"]).path
        assert other.get(path).status == 200
        over = datetime.fromisoformat(item["created_at"]).timestamp() + 3
        time.sleep(max(0.0, over - time.time()))
        assert [target.get(path).status for target in (one, other)] == [410, 410]

    lateness.measured_on_time(expires)


def test_an_artifact_expires_for_both_keepers_and_its_bytes_are_deleted(bucket: dict[str, str], tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        one, other = keeper(tmp_path, clock, bucket), keeper(tmp_path, clock, bucket)
        made = await saved(one, b"x" * 300_000)
        clock.now += 3599
        assert await read(other, made.id) == b"x" * 300_000
        found = await other.find(made.id)
        clock.now += 1
        for replica in (one, other):
            with pytest.raises(Refused) as refused:
                await replica.find(made.id)
            assert refused.value.expired
        await other.sweep()
        with pytest.raises(KeyError):
            await found.store.describe(made.id)
        assert not os.listdir(tmp_path)

    asyncio.run(run())


def test_a_link_for_one_use_works_once_for_all_replicas_together(bucket: dict[str, str], tmp_path: Path) -> None:
    async def run() -> None:
        clock = Clock()
        shelves = [keeper(tmp_path, clock, bucket) for _ in range(6)]
        made = await saved(shelves[0])
        found = [await shelf.find(made.id) for shelf in shelves]
        used = await asyncio.gather(
            *(shelf.use(one) for shelf, one in zip(shelves, found, strict=True)), return_exceptions=True
        )
        assert sorted(type(one).__name__ for one in used) == ["NoneType"] + ["Refused"] * 5

    asyncio.run(run())


def test_a_missing_bucket_affects_one_artifact_and_never_the_stream(start: Callable[..., Process]) -> None:
    nowhere = {"JANUS_ARTIFACTS_BUCKET": "artifacts", "JANUS_ARTIFACTS_ENDPOINT": "http://127.0.0.1:9"}
    target = Target(start(nowhere).url)
    stream = target.stream("artifact 200000 photo.png")
    assert "The file photo.png could not be saved: the file storage cannot be used now." in stream.text
    assert stream.finish_reasons == ["stop"]
    assert target.get(f"/v1/artifacts/art_{'a' * 48}").status == 503
