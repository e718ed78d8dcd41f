"""Servers without a fault, from which several mutants are derived."""

import threading
from collections.abc import Mapping

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
