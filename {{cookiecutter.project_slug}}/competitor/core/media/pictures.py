"""Turns an image into a PNG that fits into an answer (A6), with Pillow, which is imported on first use.
Contract file: replaced by updates.

An image comes from another server, so it may be anything: its format, its size in pixels and its frames are checked
before it is decoded, and one image is decoded at a time.
"""

import asyncio
import io
import math
import threading
import warnings
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ..errors import ArtifactError
from ..limits import MAX_IMAGE_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP")
_BEGINNINGS = {b"\x89PNG\r\n": "image/png", b"\xff\xd8\xff": "image/jpeg", b"GIF8": "image/gif"}
_COLOURS = 256
_MIN_SIDE = 16
# An image of 16 million pixels takes 64 MB while it is decoded.
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG of at most the wanted size. `lost` says whether it has fewer pixels or colours than the original."""

    png: bytes
    width: int
    height: int
    lost: bool


@cache
def available() -> bool:
    return find_spec("PIL") is not None


def media_type(data: bytes) -> str:
    """The media type of an image, by its first bytes; plain bytes if it is none that is known."""
    for beginning, found in _BEGINNINGS.items():
        if data.startswith(beginning):
            return found
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else "application/octet-stream"


async def fitted(data: bytes, most: int) -> Picture:
    """Makes a PNG of at most `most` bytes: as it is, else with a palette, else smaller as well.

    Raises `ArtifactError` if the data is no image in a known format, or has more than `MAX_IMAGE_PIXELS`.
    """
    return await asyncio.to_thread(_fitted, data, most)


def _fitted(data: bytes, most: int) -> Picture:
    with _ONE_AT_A_TIME:
        image = _decoded(data)
        png = _encoded(image)
        if len(png) <= most:
            return Picture(png, *image.size, lost=False)
        scale = 1.0
        while True:
            size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            png = _encoded(_with_palette(image if scale == 1.0 else image.resize(size)))
            if len(png) <= most or max(size) <= _MIN_SIDE:
                return Picture(png, *size, lost=True)
            scale *= min(0.9, 0.95 * math.sqrt(most / len(png)))


def _decoded(data: bytes) -> "Image":
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a bomb is only a warning up to a size
            with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
                if opened.width * opened.height > MAX_IMAGE_PIXELS:
                    raise ArtifactError("unreadable", detail=f"{opened.width} x {opened.height} pixels")
                opened.load()
                image = ImageOps.exif_transpose(opened)
                has_alpha = image.mode in ("LA", "PA", "RGBA") or "transparency" in image.info
                return image.convert("RGBA" if has_alpha else "L" if image.mode in ("1", "L") else "RGB")
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Warning, Image.DecompressionBombError) as error:
        raise ArtifactError("unreadable", detail=f"{type(error).__name__}: {error}"[:200]) from None


def _with_palette(image: "Image") -> "Image":
    from PIL.Image import Quantize

    return image.quantize(_COLOURS, method=Quantize.FASTOCTREE)


def _encoded(image: "Image") -> bytes:
    made = io.BytesIO()
    image.save(made, format="PNG", compress_level=6)
    return made.getvalue()
