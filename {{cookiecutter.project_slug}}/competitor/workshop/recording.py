"""Checks a stream that `competitor ask --save` wrote to a file: the order and content of events, not their times."""
# Contract file: replaced by updates.

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Recording:
    """A summary of a saved stream. `wrong` is empty if the stream is correct, or else says what is wrong."""

    wrong: str = ""
    chunks: int = 0
    tokens: int = 0
    finish_reason: str = ""


def recorded(data: bytes) -> Recording:
    """Checks the content of a file. It also reads UTF-16, which PowerShell writes when output is redirected."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    lines = [line[6:].strip() for line in data.decode(encoding, "replace").splitlines() if line.startswith("data: ")]
    try:
        chunks = [json.loads(line) for line in lines if line != "[DONE]"]
        return _judged(chunks, done=lines[-1:] == ["[DONE]"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return Recording("is not a stream of chat completion chunks")


def _judged(chunks: list[dict[str, Any]], *, done: bool) -> Recording:
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    reasons = [choice["finish_reason"] for choice in choices if choice.get("finish_reason")]
    usages = [chunk["usage"] for chunk in chunks if chunk.get("usage")]
    if not choices or choices[0]["delta"].get("role") != "assistant":
        return Recording("does not begin with the role (S1)")
    if len(reasons) != 1:
        return Recording(f"has {len(reasons)} finish reasons, not one (S7)")
    if len(usages) != 1:
        return Recording(f"has {len(usages)} usages, not one (S8)")
    if not done:
        return Recording("does not end with [DONE]")
    return Recording("", len(chunks), int(usages[0]["total_tokens"]), str(reasons[0]))
