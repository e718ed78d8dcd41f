"""Where bytes are kept: one folder, or one bucket, by obstore, which is imported when first needed.
Contract file: replaced by updates.

An object is the artifact's bytes and, behind them, a block of fixed size that describes them. Both stores
make an object visible as a whole or not at all, so no reader ever sees half of one, or bytes without
their description; and whoever shares the store can serve it. (obstore keeps no attributes in folders.)
"""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .faults import faults
from .links import expiry

if TYPE_CHECKING:
    from obstore.store import LocalStore, S3Store

Described = dict[str, Any]

BLOCK_BYTES = 2048
PIECE_BYTES = 256 * 1024
FOLDER = "artifacts"
USED = ".used"


@dataclass(frozen=True, slots=True)
class Kept:
    """An object as a listing shows it; `size` counts its description as well."""

    id: str
    size: int
    expires: int


class Store:
    """Objects by id. Raises `ArtifactError` where the store itself fails, `KeyError` for what is not there."""

    def __init__(self, objects: "LocalStore | S3Store", folder: Path | None = None):
        self._objects, self._folder = objects, folder

    async def put(self, id: str, data: bytes, described: Described) -> None:
        """Keeps an object. It is there when this returns, whole; else nothing of it is."""
        import obstore

        block = json.dumps(described).encode().ljust(BLOCK_BYTES)
        if len(block) != BLOCK_BYTES:
            raise ValueError(f"a description has at most {BLOCK_BYTES} bytes")
        with faults():
            await obstore.put_async(self._objects, _path(id), [data, block], use_multipart=False)

    async def create(self, name: str, data: bytes) -> bool:
        """Keeps `data` under a name unless something is there. Of many who try, one is told that it did."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with faults():
            try:
                await obstore.put_async(self._objects, name, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    async def use(self, id: str) -> bool:
        """Marks an object as used; False where somebody else has."""
        return await self.create(_path(f"{id}{USED}"), b"")

    async def read(self, name: str) -> bytes:
        import obstore

        with faults():
            return bytes(await (await obstore.get_async(self._objects, name)).bytes_async())

    async def describe(self, id: str) -> Described:
        import obstore

        with faults():
            found = await obstore.get_async(self._objects, _path(id), options={"range": {"suffix": BLOCK_BYTES}})
            described: Described = json.loads(bytes(await found.bytes_async()))
        return described

    async def pieces(self, id: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `end`, not more of them at a time than a socket takes in a moment."""
        import obstore

        if start >= end:
            return
        with faults():
            found = await obstore.get_async(self._objects, _path(id), options={"range": (start, end)})
            async for piece in found.stream(min_chunk_size=PIECE_BYTES):
                yield bytes(piece)

    async def delete(self, id: str) -> None:
        import obstore

        with suppress(KeyError), faults():
            await obstore.delete_async(self._objects, _path(id))

    async def list(self) -> list[Kept]:
        """All there is, marks of use among it."""
        import obstore

        found = []
        with faults():
            async for page in obstore.list(self._objects, FOLDER, chunk_size=500):
                for entry in page:
                    name = entry["path"].rpartition("/")[2]
                    expires = expiry(name.removesuffix(USED))
                    if expires is not None:
                        found.append(Kept(name, entry["size"], expires))
        return found

    def forget_halves(self, now: float) -> None:
        """Removes what was being written when its process was killed; no listing shows it, and a bucket has none."""
        if self._folder is None:
            return
        for path in (self._folder / FOLDER).glob("art_*#*"):
            expires = expiry(path.name.partition("#")[0].removesuffix(USED))
            if expires is not None and expires <= now:
                with suppress(OSError):
                    path.unlink()


def _path(id: str) -> str:
    return f"{FOLDER}/{id}"
