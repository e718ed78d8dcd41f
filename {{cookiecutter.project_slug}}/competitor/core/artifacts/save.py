"""Saves artifacts: how a backend gives its user an image, a file or a dataset."""
# Contract file: replaced by updates.

import asyncio
import base64
import hashlib
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import ArtifactError
from ..media import pictures
from .descriptor import Artifact
from .keeper import Keeper
from .links import new_inline_id
from .media import KINDS, Kind, media_type
from .names import display_name, in_url
from .public import public_base

log = logging.getLogger("competitor.artifacts")

# Hashing this many bytes takes about a millisecond. More bytes are hashed in a thread.
_AT_ONCE_BYTES = 512 * 1024


class Artifacts:
    """Saves the artifacts of one answer. At its end, the core sends the artifacts that the backend did not yield."""

    __slots__ = ("_host", "_keeper", "saved")

    def __init__(self, keeper: Keeper, host: str = ""):
        self._keeper, self._host = keeper, host
        self.saved: list[Artifact] = []

    async def save(
        self,
        data: bytes | str | Path,
        name: str,
        *,
        mime_type: str | None = None,
        type: Kind | None = None,
        ttl_seconds: int | None = None,
        inline: bool = True,
    ) -> Artifact:
        """Makes an artifact from bytes, a text, or a file's content: `yield await chat.artifacts.save(png, "a.png")`.

        The name's suffix gives the media type, which decides if the artifact is an image, a file, a dataset or
        binary. If `inline` is false, it is behind a link even if it is small. If saving fails, stores nothing and
        raises `ArtifactError`, whose text is a sentence for the user.
        """
        shown = display_name(name)
        try:
            artifact = await self._save(data, shown, media_type(shown, mime_type), type, ttl_seconds, inline=inline)
        except ArtifactError as error:
            log.warning("an artifact could not be saved", extra={"kind": error.kind, "detail": error.detail})
            raise error.about(shown) from None
        self.saved.append(artifact)
        return artifact

    async def save_image(self, data: bytes, title: str) -> list[Artifact]:
        """Makes artifacts from an image in any usual format: a PNG that fits into the answer (A6).

        If it has fewer pixels or colours than the original, the original follows, behind a link. Without Pillow there
        is only the original. Raises `ArtifactError`, also for data that is no image.
        """
        if not pictures.available():
            return [await self.save(data, title, mime_type=pictures.media_type(data))]
        picture = await pictures.fitted(data, self._keeper.settings.artifact_inline_bytes)
        made = [await self.save(picture.png, f"{title}.png")]
        if picture.lost:
            kind = pictures.media_type(data)
            name = f"{title} (original).{kind.rpartition('/')[2]}"
            made.append(await self.save(data, name, mime_type=kind, inline=False))
        return made

    async def _save(
        self, given: bytes | str | Path, name: str, mime_type: str, kind: Kind | None, ttl: int | None, *, inline: bool
    ) -> Artifact:
        settings, now = self._keeper.settings, int(self._keeper.clock())
        data = await _content(given, settings.artifact_bytes)
        ttl = settings.artifact_ttl_seconds if ttl is None else max(1, ttl)
        described: dict[str, Any] = {
            "type": kind or KINDS[mime_type],
            "mime_type": mime_type,
            "display_name": name,
            "size_bytes": len(data),
            "sha256": await _hash(data),
            "created_at": datetime.fromtimestamp(now, UTC).isoformat(),
            "ttl_seconds": ttl,
        }
        if inline and len(data) <= settings.artifact_inline_bytes:
            made, url = new_inline_id(), f"data:{mime_type};base64,{base64.b64encode(data).decode()}"
        else:
            made = await self._keeper.keep(data, described, now, ttl)
            url = f"{public_base(settings, self._host)}/artifacts/{made}/{in_url(name)}"
        return Artifact(id=made, url=url, **described)


async def _content(given: bytes | str | Path, most: int) -> bytes:
    """The bytes to save. Raises `ArtifactError` for more than `most` bytes, and for a file that cannot be read."""
    if isinstance(given, Path):
        data = await asyncio.to_thread(_read, given, most + 1)
    else:
        data = given if isinstance(given, bytes) else _encoded(given)
    if len(data) > most:
        raise ArtifactError("too_large", detail=f"more than {most} bytes", most=most)
    return data


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _read(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise ArtifactError("unreadable", detail=f"{type(error).__name__}: {error.strerror}") from None


async def _hash(data: bytes) -> str:
    if len(data) <= _AT_ONCE_BYTES:
        return hashlib.sha256(data).hexdigest()
    return await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
