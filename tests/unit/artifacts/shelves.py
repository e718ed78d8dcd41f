"""Helpers: an artifact keeper with a clock that the test moves."""

from collections.abc import Mapping
from pathlib import Path

from competitor.core.artifacts.descriptor import Artifact
from competitor.core.artifacts.keeper import Keeper
from competitor.core.artifacts.save import Artifacts
from competitor.core.settings import Settings


class Clock:
    def __init__(self, now: float = 1_800_000_000.0):
        self.now = now

    def __call__(self) -> float:
        return self.now


def keeper(folder: Path, clock: Clock, environment: Mapping[str, str] | None = None) -> Keeper:
    given = {"JANUS_ARTIFACTS_DIR": str(folder), "JANUS_ARTIFACT_INLINE_BYTES": "0", **(environment or {})}
    return Keeper(Settings.from_environment(given), clock)


async def saved(keeper: Keeper, data: bytes = b"bytes", name: str = "a.bin") -> Artifact:
    return await Artifacts(keeper, "example.com").save(data, name)


async def read(keeper: Keeper, id: str) -> bytes:
    found = await keeper.find(id)
    return b"".join([piece async for piece in found.pieces(0, found.size)])


def kept_files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "artifacts").iterdir() if path.name != "key")
