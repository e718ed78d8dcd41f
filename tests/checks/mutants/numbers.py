"""Mutants for section 7 of the contract, limits. Each breaks the clause that its decorator names."""

import threading
from collections.abc import Mapping

from ..plain_server import Json, Plain
from .registry import breaks


@breaks("N1", "E9", says="not healthy", also="E8")
class IsHealthyOnlyWithAnUpstream(Plain):
    def health(self) -> tuple[int, Json]:
        return (200 if self.base_url else 503), super().health()[1]


@breaks("N2", says="one of 2 concurrent streams came after|did not end in", also="S2 S3 S1 E4")
class AnswersOneAfterTheOther(Plain):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.turn = threading.Lock()

    def check(self, asked: Json) -> None:
        super().check(asked)
        self.turn.acquire()

    def over(self) -> None:
        self.turn.release()
