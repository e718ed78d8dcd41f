"""Stores bytes in a folder or a bucket, with obstore, which is imported when first needed.
Contract file: replaced by updates.

A stored object is the artifact's bytes, followed by a block of fixed size that describes them. (obstore keeps no
attributes in folders.) Both kinds of store make an object visible as a whole or not at all, so no reader sees half an
object. Any replica that shares the store can serve it.
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
    """An object in a listing. `size` includes its description."""

    id: str
    size: int
    expires: int


class Store:
    """Stores objects by id. Raises `ArtifactError` if the store fails, and `KeyError` for an unknown id."""

    def __init__(self, objects: "LocalStore | S3Store", folder: Path | None = None):
        self._objects, self._folder = objects, folder

    async def put(self, id: str, data: bytes, described: Described) -> None:
        """Stores an object. When this returns, the whole object is stored; if it raises, nothing is."""
        import obstore

        block = json.dumps(described).encode().ljust(BLOCK_BYTES)
        if len(block) != BLOCK_BYTES:
            raise ValueError(f"a description has at most {BLOCK_BYTES} bytes")
        with faults():
            await obstore.put_async(self._objects, _path(id), [data, block], use_multipart=False)

    async def create(self, name: str, data: bytes) -> bool:
        """Stores `data` unless the name is taken. Of several concurrent callers, only one gets True."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with faults():
            try:
                await obstore.put_async(self._objects, name, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                return False
        return True

    def hide(self, name: str) -> None:
        """Lets no other user read this object, if the store is a folder. File systems without permissions ignore it."""
        if self._folder is not None:
            with suppress(OSError):
                (self._folder / name).chmod(0o600)

    async def use(self, id: str) -> bool:
        """Marks an object as used. Returns False if it was marked before."""
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
        """Yields the bytes from `start` up to `end` in pieces that fit into a socket's buffer."""
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
        """Lists all objects, and also the marks that show which objects were used."""
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
        """Removes expired files that are incomplete because the process that wrote them was killed.

        Only a folder can contain such files. `list` omits them.
        """
        if self._folder is None:
            return
        for path in (self._folder / FOLDER).glob("art_*#*"):
            expires = expiry(path.name.partition("#")[0].removesuffix(USED))
            if expires is not None and expires <= now:
                with suppress(OSError):
                    path.unlink()


def _path(id: str) -> str:
    return f"{FOLDER}/{id}"
