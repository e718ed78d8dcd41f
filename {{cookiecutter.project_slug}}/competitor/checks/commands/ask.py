"""`competitor ask`: sends a prompt to a running competitor, prints the stream as it arrives, then a summary."""
# Contract file: replaced by updates.

import json
import sys
from pathlib import Path

from ..responses import Failed, Stream
from ..target import Target, question

_DIM, _PLAIN = ("\x1b[2m", "\x1b[0m") if sys.stdout.isatty() else ("", "")


def ask(url: str, prompt: str, save: Path | None = None) -> int:
    """Prints the answer to a prompt. `save` is a file to write the lines of the stream to, as they were received.

    Returns the exit code: 0 if the stream ended with `[DONE]`, else 1.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(encoding="utf-8", errors="replace")
    target = Target(url.rstrip("/"), timeout=300)
    printer = _Printer()
    try:
        stream = target.read_stream(question(prompt, stream=True), on_line=printer.line)
    except Failed as error:
        _say(f"{url}: {error}. Is it running? `make run` starts it.\n")
        return 1
    _say("\n")
    if stream.status != 200:
        _say(f"HTTP {stream.status}: {b' '.join(line for _, line in stream.lines).decode('utf-8', 'replace')}\n")
        return 1
    _say(summary(stream))
    if save is not None:
        save.write_bytes(b"".join(line + b"\n" for _, line in stream.lines))
        _say(f"  saved        {save.name}, {len(stream.lines)} lines\n")
    return 0 if stream.done else 1


def summary(stream: Stream) -> str:
    """The summary of a stream as lines of text: times, counts and how it ended."""
    usage = stream.usages[-1] if stream.usages else {}
    words = sum(1 for _, delta in stream.deltas if delta.get("content"))
    thoughts = sum(1 for _, delta in stream.deltas if delta.get("reasoning_content"))
    pings = sum(1 for _, line in stream.lines if line.startswith(b":"))
    rows = [
        ("first word", f"{(stream.first_word or 0) * 1000:.0f} ms", "at most 2 s"),
        ("longest gap", f"{stream.largest_gap * 1000:.0f} ms", "at most 2 s"),
        ("deltas", f"{words} of text, {thoughts} of reasoning, {pings} pings", ""),
        ("tokens", f"{usage.get('prompt_tokens')} in, {usage.get('completion_tokens')} out", ""),
        ("end", f"{', '.join(stream.finish_reasons)}{', [DONE]' if stream.done else ', no [DONE]'}", ""),
        ("time", f"{stream.seconds:.2f} s", ""),
    ]
    return "".join(f"  {name:<12} {value}{f'  (contract: {limit})' if limit else ''}\n" for name, value, limit in rows)


class _Printer:
    """Prints the deltas of a stream as they arrive: reasoning dimmed, text plain."""

    def __init__(self) -> None:
        self._last = ""  # the kind of the last delta: reasoning or text

    def line(self, line: bytes) -> None:
        if not line.startswith(b"data: {"):
            return
        for choice in json.loads(line[6:]).get("choices") or ():
            delta = choice.get("delta", {})
            if thought := delta.get("reasoning_content"):
                _say(f"{self._gap('reasoning')}{_DIM}{thought}{_PLAIN}")
            if text := delta.get("content"):
                _say(f"{self._gap('text')}{text}")

    def _gap(self, kind: str) -> str:
        """What separates a delta of this kind from the last one."""
        before, self._last = self._last, kind
        return "\n\n" if before not in ("", kind) else ""


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()
