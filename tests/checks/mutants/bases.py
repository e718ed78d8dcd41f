"""Servers without a fault, from which several mutants are derived."""

import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from typing import ClassVar
from urllib.parse import urlsplit

from ..plain_server import Json, Plain


class Remembering(Plain):
    """A plain server whose methods can store facts about the request of the current thread in `here`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.here = threading.local()


class Attentive(Plain):
    """A plain server that knows whether the answer in the current thread has begun (`answering`)."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.stream = threading.local()

    @property
    def answering(self) -> bool:
        return bool(getattr(self.stream, "answering", False))

    def chunk(self, fixed: Json, delta: Json) -> Json:
        if delta.get("content"):
            self.stream.answering = True
        return super().chunk(fixed, delta)


class Drawing(Plain):
    """A plain server that asks services for images and speech, and turns a photo into a PNG."""

    # The check's names for the prompts that make it do so.
    PROMPTS: ClassVar[Mapping[str, str]] = {"image": "draw", "speech": "speak", "image_jpeg": "photo"}
    image_path = "/generate"

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.image_url = environment.get("JANUS_IMAGE_URL", "")
        self.speech_url = environment.get("JANUS_SPEECH_URL", "")

    def scripted(self, asked: Json) -> Iterator[Json] | None:
        prompt = asked["messages"][-1].get("content")
        if prompt == "draw":
            return self.served(self.image_url, self.image_path, self.image())
        if prompt == "speak":
            return self.served(self.speech_url, "/speak", self.speech())
        if prompt == "photo":
            return iter(self.shelf.deltas(self.photo()))
        return super().scripted(asked)

    def image(self) -> Json:
        return {"model": "m", "prompt": "a cat", "width": 64, "height": 64, "num_inference_steps": 4}

    def speech(self) -> Json:
        return {"text": "hello", "voice": "v", "speed": 1.0}

    def photo(self) -> Json:
        return self.shelf.descriptor(b"\x89PNG\r\n\x1a\n and so on", "photo.png")

    def served(self, base_url: str, path: str, body: Json) -> Iterator[Json]:
        parts = urlsplit(base_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=90)
        connection.request("POST", parts.path + path, json.dumps(body), {"content-type": "application/json"})
        connection.getresponse().read()
        connection.close()
        return iter([{"content": "Done."}])
