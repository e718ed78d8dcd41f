"""Stores artifacts until they expire, within the limits, in the configured folder or bucket."""
# Contract file: replaced by updates.

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import ArtifactError
from ..settings import Settings
from .links import KEY_BYTES, Refused, Signer
from .places import is_untouched, open_store
from .store import BLOCK_BYTES, FOLDER, Described, Kept, Store

T = TypeVar("T")

# Longest time of one step of the store. If a bucket does not respond, only the artifact fails, not the answer.
STORE_SECONDS = 60.0
_KEY = f"{FOLDER}/key"


@dataclass(frozen=True, slots=True)
class Found:
    """A stored artifact with its description. `expires` is Unix time in seconds."""

    id: str
    expires: int
    described: Described
    store: Store = field(repr=False)

    @property
    def size(self) -> int:
        return int(self.described["size_bytes"])

    def pieces(self, start: int, end: int) -> AsyncIterator[bytes]:
        return self.store.pieces(self.id, start, end)


@dataclass(frozen=True, slots=True)
class _Opened:
    store: Store
    signer: Signer


class Keeper:
    """Stores the artifacts of one process. `clock` returns Unix time; the store is opened when first needed."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time):
        self.settings, self.clock = settings, clock
        self._opened: _Opened | None = None
        self._opening, self._looking = asyncio.Lock(), asyncio.Lock()
        self._arriving = 0  # bytes that are being written now

    async def keep(self, data: bytes, described: Described, now: int, ttl_seconds: int) -> str:
        """Stores the bytes for `ttl_seconds` after `now`, and returns their id. Raises `ArtifactError`."""
        opened = await self._open()
        size = len(data) + BLOCK_BYTES
        await self._make_room(opened.store, size)
        try:
            made = opened.signer.make(now + ttl_seconds)
            await _in_time(opened.store.put(made, data, {"id": made, **described}))
        finally:
            self._arriving -= size
        return made

    async def find(self, id: str) -> Found:
        """The artifact with this id. Raises `Refused` for a bad or expired id, `ArtifactError` if the store fails."""
        opened = await self._open()
        expires = opened.signer.check(id, self.clock())
        try:
            return Found(id, expires, await _in_time(opened.store.describe(id)), opened.store)
        except KeyError:
            raise Refused(expired=True) from None

    async def use(self, found: Found) -> None:
        """Marks a single-use artifact as fetched. Raises `Refused` if it was fetched before, from any replica."""
        if not await _in_time(found.store.use(found.id)):
            raise Refused(expired=True)

    async def delete(self, found: Found) -> None:
        await _in_time(found.store.delete(found.id))

    async def sweep(self) -> float | None:
        """Deletes expired artifacts. Returns when the next one expires, in Unix time; None if none is left."""
        if self._opened is None and is_untouched(self.settings):
            return None
        store = (await self._open()).store
        left = await self._swept(store)
        await asyncio.to_thread(store.forget_halves, self.clock())
        return min((kept.expires for kept in left), default=None)

    async def _swept(self, store: Store) -> list[Kept]:
        now, left = self.clock(), []
        for kept in await _in_time(store.list()):
            if kept.expires > now:
                left.append(kept)
            else:
                await _in_time(store.delete(kept.id))
        return left

    async def _make_room(self, store: Store, size: int) -> None:
        """Reserves `size` bytes. Raises `ArtifactError` if all replicas together would then store too much."""
        most = self.settings.artifacts_total_bytes
        async with self._looking:
            arriving = self._arriving  # read before the listing, so that none is missed
            kept = sum(one.size for one in await self._swept(store))
            if kept + arriving + size > most:
                raise ArtifactError("store_full", detail=f"{kept + arriving} of {most} bytes used, {size} more wanted")
            self._arriving += size

    async def _open(self) -> _Opened:
        async with self._opening:
            if self._opened is None:
                try:
                    store = await asyncio.to_thread(open_store, self.settings)
                    self._opened = _Opened(store, Signer(await self._key(store)))
                except KeyError:
                    raise ArtifactError("unavailable", detail="the folder or the bucket does not exist") from None
        return self._opened

    async def _key(self, store: Store) -> bytes:
        """The configured key, or else a random one that the first replica stores beside the artifacts."""
        given = self.settings.artifact_key
        if given is not None:
            return hashlib.sha256(given.get_secret_value().encode()).digest()
        try:
            return await _in_time(store.read(_KEY))
        except KeyError:
            pass
        await _in_time(store.create(_KEY, secrets.token_bytes(KEY_BYTES)))
        store.hide(_KEY)
        return await _in_time(store.read(_KEY))


async def _in_time(step: Coroutine[Any, Any, T]) -> T:
    try:
        async with asyncio.timeout(STORE_SECONDS):
            return await step
    except TimeoutError:
        raise ArtifactError("unavailable", detail=f"no answer from the store within {STORE_SECONDS:g} s") from None
