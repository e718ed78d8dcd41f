"""Servers without a fault that several mutants build on."""

import threading
from collections.abc import Mapping

from ..plain_server import Json, Plain


class Remembering(Plain):
    """A plain server whose methods may tell one another things about the request of their thread."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.here = threading.local()


class Attentive(Plain):
    """Knows in the thread of a request whether its answer has begun."""

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
