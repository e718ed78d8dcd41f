"""Mutants for services: images and speech that are made elsewhere (X1, A6)."""

from ..plain_server import Json
from .bases import Drawing
from .registry import breaks


@breaks("X1/3", says="num_inference_steps = 'None'")
class LeavesOutTheSteps(Drawing):
    def image(self) -> Json:
        return {name: value for name, value in super().image().items() if name != "num_inference_steps"}


@breaks("X1/3", says="got no request")
class DrawsAtAnotherPath(Drawing):
    image_path = "/images/generations"


@breaks("X1/4", says="speed = 'fast'")
class SpeaksFastInWords(Drawing):
    def speech(self) -> Json:
        return {**super().speech(), "speed": "fast"}


@breaks("A6/1", says="not a PNG")
class CallsAJpegAPng(Drawing):
    def photo(self) -> Json:
        return self.shelf.descriptor(b"\xff\xd8\xff\xe0 and so on", "photo.png")


@breaks("A6/1", says="sent as 'http")
class LinksToAnImage(Drawing):
    def photo(self) -> Json:
        return self.shelf.descriptor(b"\x89PNG\r\n\x1a\n" + bytes(self.shelf.inline_bytes), "photo.png")
