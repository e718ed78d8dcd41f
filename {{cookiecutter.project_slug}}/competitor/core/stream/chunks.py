"""Makes the chunks of a stream as bytes. The parts that are the same in every chunk are serialised once (S6).
Contract file: replaced by updates.

All JSON is ASCII (S11): if a `data:` line contains an unescaped U+2028, some readers lose the rest of the chunk.
"""

import json
from json.encoder import encode_basestring_ascii as quoted  # the C function that json.dumps uses for strings
from typing import Any

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"
_END = b"}}]}\n\n"


_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def _dump(value: Any) -> bytes:
    return _encode(value).encode()


class Envelope:
    """Makes every chunk of one answer. Fields that are null are left out (S5)."""

    def __init__(self, id: str, model: str, created: int):
        fixed = _dump({"id": id, "object": "chat.completion.chunk", "created": created, "model": model})
        self._head = b"data: " + fixed[:-1]
        self._delta = self._head + b',"choices":[{"index":0,"delta":'
        self._text = self._delta + b'{"content":'
        self._reasoning = self._delta + b'{"reasoning_content":'

    def text(self, text: str) -> bytes:
        return self._text + quoted(text).encode() + _END

    def reasoning(self, text: str) -> bytes:
        return self._reasoning + quoted(text).encode() + _END

    def delta(self, delta: dict[str, Any]) -> bytes:
        return self._delta + _dump(delta) + b"}]}\n\n"

    def finish(self, reason: str, usage: dict[str, Any] | None) -> bytes:
        """The only chunk with a `finish_reason` (S7). It also has the usage, unless a separate chunk has it (S8)."""
        tail = b"" if usage is None else b',"usage":' + _dump(usage)
        return self._delta + b'{},"finish_reason":"' + reason.encode() + b'"}]' + tail + b"}\n\n"

    def usage(self, usage: dict[str, Any]) -> bytes:
        return self._head + b',"choices":[],"usage":' + _dump(usage) + b"}\n\n"
