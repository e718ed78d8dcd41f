"""Tests that any image becomes a PNG that fits into an answer (A6), and that no image can hurt the server."""

import asyncio
import io
import random
import struct
import zlib

import pytest
from PIL import Image

from competitor.core.artifacts.keeper import Keeper
from competitor.core.artifacts.save import Artifacts
from competitor.core.errors import ArtifactError
from competitor.core.limits import MAX_IMAGE_PIXELS
from competitor.core.media import pictures, sound
from competitor.core.settings import Settings

INLINE = 180_000


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """An image that cannot be compressed."""
    bands = len(Image.new(mode, (1, 1)).getbands())
    return Image.frombytes(mode, (width, height), random.Random(1).randbytes(width * height * bands))


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    made = io.BytesIO()
    image.save(made, format=format, **options)
    return made.getvalue()


def fitted(data: bytes, most: int = INLINE) -> pictures.Picture:
    return asyncio.run(pictures.fitted(data, most))


def opened(picture: pictures.Picture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.png))
    assert image.format == "PNG"
    image.load()
    return image


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_small_image_keeps_its_pixels(format: str) -> None:
    picture = fitted(encoded(Image.new("RGB", (40, 30), (200, 30, 40)), format))
    assert (picture.width, picture.height, picture.lost) == (40, 30, False)
    red, green, blue = opened(picture).convert("RGB").getpixel((20, 15))  # type: ignore[misc]
    assert abs(red - 200) + abs(green - 30) + abs(blue - 40) < 20


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
@pytest.mark.parametrize("most", [180_000, 60_000, 5_000, 2_000])
def test_a_large_image_is_made_to_fit(mode: str, most: int) -> None:
    picture = fitted(encoded(noise(600, 400, mode), "PNG"), most)
    assert len(picture.png) <= most
    assert picture.lost
    assert opened(picture).size == (picture.width, picture.height)
    assert abs(picture.width / picture.height - 1.5) < 0.2


def test_fewer_colours_come_before_fewer_pixels() -> None:
    gradient = Image.linear_gradient("L").resize((500, 500)).convert("RGB")
    data = encoded(gradient.rotate(30), "PNG")
    picture = fitted(data, len(data) - 1)
    assert (picture.width, picture.height, picture.lost) == (500, 500, True)


def test_transparency_stays() -> None:
    image = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    assert opened(fitted(encoded(image, "PNG"))).convert("RGBA").getpixel((5, 5)) == (255, 0, 0, 0)


def test_a_photo_is_turned_as_its_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    picture = fitted(encoded(Image.new("RGB", (40, 20)), "JPEG", exif=exif))
    assert (picture.width, picture.height) == (20, 40)


def test_of_a_film_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert opened(fitted(data)).convert("RGB").getpixel((1, 1)) == (255, 0, 0)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"0" * 1000)) + chunk(b"IEND", b"")
    )


JPEG = encoded(noise(50, 50), "JPEG")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an image",
        b"<html>",
        JPEG[:200],
        b"\xff\xd8\xff" + b"0" * 100,
        bomb(60_000, 60_000),
        bomb(5_000, 5_000),
        bomb(8, 8),
        b"%PDF-1.4",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"II*\x00" + b"0" * 50,
    ],
)
def test_what_is_no_image_or_too_large_is_refused(data: bytes) -> None:
    with pytest.raises(ArtifactError) as error:
        fitted(data)
    assert error.value.kind == "unreadable"


def test_the_limit_of_pixels_is_decided_before_decoding() -> None:
    with pytest.raises(ArtifactError) as error:
        fitted(bomb(4097, 4096))
    assert "4097 x 4096" in error.value.detail
    assert MAX_IMAGE_PIXELS == 4096 * 4096


def saved(data: bytes, environment: dict[str, str]) -> list[tuple[str, str, bool]]:
    """The artifacts of an image: name, media type, whether it is inline."""

    async def work() -> list[tuple[str, str, bool]]:
        artifacts = Artifacts(Keeper(Settings.from_environment(environment)))
        made = await artifacts.save_image(data, "A cat")
        return [(one.display_name, one.mime_type, one.url.startswith("data:")) for one in made]

    return asyncio.run(work())


def test_the_original_follows_behind_a_link_if_something_was_lost(tmp_path: object) -> None:
    environment = {"JANUS_ARTIFACTS_DIR": str(tmp_path), "JANUS_ARTIFACT_INLINE_BYTES": "20000"}
    photo = encoded(noise(200, 200), "JPEG", quality=20)
    assert len(photo) < 20_000
    assert saved(photo, environment) == [
        ("A cat.png", "image/png", True),
        ("A cat (original).jpeg", "image/jpeg", False),
    ]
    assert saved(encoded(Image.new("RGB", (9, 9)), "JPEG"), environment) == [("A cat.png", "image/png", True)]


def test_without_pillow_an_image_leaves_as_it_came(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "available", lambda: False)
    assert saved(JPEG, {"JANUS_ARTIFACTS_DIR": str(tmp_path)}) == [("A cat", "image/jpeg", True)]


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b"RIFF0000WAVE", "wav"),
        (b"ID3\x04", "mp3"),
        (b"\xff\xfb\x90", "mp3"),
        (b"OggS", "ogg"),
        (b"fLaC", "flac"),
        (b"<html>", None),
        (b"", None),
        (b"\xff", None),
    ],
)
def test_sound_is_recognised(data: bytes, suffix: str | None) -> None:
    assert sound.suffix(data) == suffix
