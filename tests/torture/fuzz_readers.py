"""Fuzzes one parser, guided by coverage. If the parser crashes or takes too long, the exit code is not 0.

python fuzz_readers.py READER SECONDS FOLDER     FOLDER has the seeds, and gets the new inputs that the fuzzer finds
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["competitor.core"]):
    from competitor.core.artifacts.links import Refused, Signer
    from competitor.core.artifacts.names import display_name, disposition
    from competitor.core.artifacts.ranges import wanted
    from competitor.core.errors import ApiError, UpstreamError
    from competitor.core.model.chunk_reader import ChunkReader
    from competitor.core.model.iteration import PullSink
    from competitor.core.model.prompt import messages, options, tools
    from competitor.core.model.sse import EventSplitter
    from competitor.core.offline.replies import reply
    from competitor.core.outbound.egress import EgressRefused, parse
    from competitor.core.request.parsing import read_request


def request(data: bytes) -> None:
    """Fuzzes request bodies: each is refused with a short message, or parsed and converted for the upstream."""
    try:
        asked = read_request(data)
    except ApiError as error:
        assert error.status == 400
        assert len(error.message) < 1000
    else:
        messages(asked)
        tools(asked)


def offline(data: bytes) -> None:
    """Fuzzes requests to the offline model: schemas, tools and texts that the server has accepted."""
    with suppress(ApiError):
        asked = read_request(data)
        reply(json.loads(json.dumps({**options(asked), **tools(asked), "model": "m", "messages": messages(asked)})))


def stream(data: bytes) -> None:
    """Fuzzes an upstream's stream in pieces of equal length. The first byte determines the length."""
    splitter, reader = EventSplitter(), ChunkReader(PullSink())
    cut = data[0] % 32 + 1 if data else 1
    with suppress(UpstreamError):
        for start in range(1, len(data), cut):
            for payload in splitter.feed(data[start : start + cut]):
                reader.chunk(payload)
        for payload in splitter.end():
            reader.chunk(payload)
        reader.ended()


def url(data: bytes) -> None:
    """Fuzzes URLs: an accepted one has no line break, NUL, space or backslash in its host and target."""
    with suppress(EgressRefused):
        origin, target = parse(data.decode("utf-8", "surrogateescape"))
        assert target.startswith("/")
        assert not set(target + origin.host) & set("\r\n\0 \\")


def artifact(data: bytes) -> None:
    """Fuzzes artifacts' names, links and ranges: no name has a slash or line break; no range exceeds the artifact."""
    text = data.decode("utf-8", "surrogateescape")
    name = display_name(text)
    assert name
    assert not set(name) & set("/\\\0\r\n")
    assert not set(disposition(name, shown=False)) & set("\r\n")
    with suppress(Refused):
        Signer(b"k" * 32).check(text, 0)
    with suppress(ApiError):
        part = wanted(text, 1000)
        assert 0 <= part.start < part.end <= 1000


READERS: dict[str, Callable[[bytes], None]] = {
    reader.__name__: reader for reader in (request, offline, stream, url, artifact)
}
# In CPU seconds, for an input of MAX_BYTES. The instrumentation makes the readers about ten times as slow.
MAX_SECONDS, MAX_BYTES = 2.0, 4096


def timed(reader: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        began = time.thread_time()
        reader(data)
        took = time.thread_time() - began
        assert took < MAX_SECONDS, f"{took:.1f} s of CPU time for {len(data)} bytes"

    return read


if __name__ == "__main__":
    given = (f"-max_total_time={sys.argv[2]}", f"-max_len={MAX_BYTES}", "-timeout=20")
    atheris.Setup([sys.argv[0], *given, sys.argv[3]], timed(READERS[sys.argv[1]]))
    atheris.Fuzz()
