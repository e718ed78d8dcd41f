"""Mutants for section 7 of the contract, limits. Each breaks the clause that its decorator names."""

import email
import http.client
import threading
import time
from collections.abc import Mapping
from typing import Any

from competitor.checks import PROMPTS

from ..plain_server import Json, Plain, Refused
from .registry import breaks


@breaks("N1/1", "E9/1", says="not healthy", also="E8")
class IsHealthyOnlyWithAnUpstream(Plain):
    def health(self) -> tuple[int, Json]:
        return (200 if self.base_url else 503), super().health()[1]


@breaks("N2/1", says="its first event came after|did not end in", also="S2 S3 S1 E4 E6 S4 S15 S14 N4 R8")
class AnswersOneAfterTheOther(Plain):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.turn = threading.Lock()

    def check(self, asked: Json) -> None:
        super().check(asked)
        self.turn.acquire()

    def over(self) -> None:
        self.turn.release()


@breaks("N2/2", says="only after the other had ended", also="S2 S3 S4")
class StreamsOneAfterTheOther(Plain):
    """N2: this server sends pings and notes to a second stream, but asks the model only when the first has ended."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.steady = 0

    def respond(self, connection: http.client.HTTPConnection, asked: Json) -> http.client.HTTPResponse:
        if asked["messages"][-1]["content"] == PROMPTS["steady"]:
            self.steady += 1
            time.sleep(2.5 * (self.steady - 1))  # a steady answer takes a second
        return super().respond(connection, asked)


@breaks("N2/3", says="GET /health answered 503", also="E2 E8 E9")
class IsUnhealthyWhileItAnswers(Plain):
    def health(self) -> tuple[int, Json]:
        return (503 if self.running else 200), super().health()[1]


@breaks("N3/2", says="a list of more than 200,000 numbers: it got 200")
class CountsNoValues(Plain):
    def check_values(self, given: Json) -> None:
        pass


class ReadsAnyHead:
    """Reads a request head of any size."""

    def parse_request(self) -> bool:
        given: Any = self
        given.requestline = given.raw_requestline.decode("latin-1").strip()
        given.command, given.path, given.request_version = given.requestline.split()
        lines = []
        while (line := given.rfile.readline()).strip():
            lines.append(line)
        given.headers = email.message_from_bytes(b"".join(lines))
        given.close_connection = True
        return True


@breaks("N4/1", says="it got 200, not a 4xx")
class HasNoLimitForHeads(Plain):
    handler_bases = (ReadsAnyHead,)


class ReadsChunks:
    """Reads a body in chunks, with extensions and trailers of any size."""

    def read_body(self) -> bytes:
        given: Any = self
        if given.headers.get("transfer-encoding") != "chunked":
            return bytes(given.rfile.read(int(given.headers.get("content-length", 0))))
        body = b""
        while size := int(given.rfile.readline().partition(b";")[0], 16):
            body += given.rfile.read(size)
            given.rfile.readline()
        while line := given.rfile.readline().strip():
            self.trailer(*line.decode("latin-1").split(": ", 1))
        return body

    def trailer(self, name: str, value: str) -> None:
        pass


class ReadsTrailers(ReadsChunks):
    def trailer(self, name: str, value: str) -> None:
        given: Any = self
        given.headers[name] = value


@breaks("N4/2", says="trailers of 128 KiB: it got 200")
class HasNoLimitForTrailers(Plain):
    handler_bases = (ReadsChunks,)


@breaks("N4/3", says="taken for a header field")
class TakesTrailersForHeaders(Plain):
    handler_bases = (ReadsTrailers,)


@breaks("N4/4", says="it got 426")
class RefusesAnUpgrade(Plain):
    def check_headers(self, headers: Mapping[str, str], size: int) -> None:
        if "upgrade" in headers:
            raise Refused("upgrade", "no upgrade", 426)
        super().check_headers(headers, size)
