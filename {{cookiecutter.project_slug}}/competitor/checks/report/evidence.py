"""Shows the request and the response behind a verdict as text: without secrets, and cut to a readable length."""
# Contract file: replaced by updates.

import re
import shlex
from collections.abc import Mapping

from ..recording import Response
from ..responses import Request, Stream, Unanswered

MAX_CHARACTERS = 600  # of a body or a stream
MAX_COMMAND_BYTES = 4000  # of a body in a shell command
_HEAD_LINES, _TAIL_LINES = 4, 4  # of a stream that is cut
_SECRET_HEADERS = ("authorization", "cookie", "set-cookie", "x-api-key")
_SECRET_FIELDS = re.compile(r'("(?:chutes_access_token|api_key|authorization)"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
REDACTED = "(redacted)"


def request_text(response: Response) -> str:
    """The request as text: its first line, its headers, and its body."""
    request = response.request
    hidden = "".join(f"{name}: {REDACTED}\n" for name in request.hidden)
    head = f"{request.method} {request.origin}{request.path}\n{_headers(request.headers)}{hidden}"
    return f"{head}\n{_cut(_decoded(request.body))}" if request.body else head


def curl(request: Request) -> str:
    """A shell command that repeats the request. The values of hidden headers are variables of the shell.

    Before it stands a comment if the server needs certain variables at its start.
    """
    words = ["curl", "-i", "-N", *(("-I",) if request.method == "HEAD" else ()), f"{request.origin}{request.path}"]
    for name, value in request.headers.items():
        words += ["-H", f"{name}: {REDACTED if name.lower() in _SECRET_HEADERS else value}"]
    line = shlex.join(words)
    for name in request.hidden:
        line += f' -H "{name}: ${name.upper().replace("-", "_")}"'
    if request.body:
        body = _whole_text(request.body)
        line += f" --data-raw {shlex.quote(body)}" if body else f" --data-binary @body  # {len(request.body):,} bytes"
    environment = request.environment
    if not environment:
        return line
    shown = (name if "KEY" in name else f"{name}={shlex.quote(value)}" for name, value in environment.items())
    return f"# The server was started with {' '.join(shown)}\n{line}"


def _whole_text(body: bytes) -> str:
    """The text of a body, without secrets; empty if it is too long for a command line, or no text."""
    try:
        text = body.decode() if len(body) <= MAX_COMMAND_BYTES else ""
    except UnicodeDecodeError:
        return ""
    return _SECRET_FIELDS.sub(rf'\1"{REDACTED}"', text) if text.isprintable() else ""


def looked_at_text(looked_at: str) -> str:
    """What a case has looked at, if that is no response: without secrets, such as those in what an upstream got."""
    return _SECRET_FIELDS.sub(rf'\1"{REDACTED}"', looked_at)


def response_text(response: Response) -> str:
    """The response as text. The lines of a stream have the seconds after which they arrived."""
    if isinstance(response, Unanswered):
        return response.reason
    head = f"status {response.status}\n{_headers(response.headers)}" if response.status else ""
    body = _lines(response) if isinstance(response, Stream) else _cut(_decoded(response.body))
    return f"{head}\n{body}" if body else head


def _headers(headers: Mapping[str, str]) -> str:
    shown = {name: REDACTED if name.lower() in _SECRET_HEADERS else value for name, value in headers.items()}
    return "".join(f"{name}: {_cut(value)}\n" for name, value in shown.items())


def _lines(stream: Stream) -> str:
    shown = [f"{at:7.3f} s  {_cut(_decoded(line))}" for at, line in stream.lines if line]
    if len(shown) > _HEAD_LINES + _TAIL_LINES:
        left = len(shown) - _HEAD_LINES - _TAIL_LINES
        shown[_HEAD_LINES:-_TAIL_LINES] = [f"           ({left} more lines)"]
    end = [f"{stream.seconds:7.3f} s  cut off: {stream.cut}"] if stream.cut else []
    return "\n".join(shown + end)


def _decoded(data: bytes) -> str:
    """The text of some bytes. Only as much is decoded as can be shown; secrets may be longer than that."""
    return _SECRET_FIELDS.sub(rf'\1"{REDACTED}"', data[: 8 * MAX_CHARACTERS].decode("utf-8", "replace"))


def _cut(text: str) -> str:
    if len(text) <= MAX_CHARACTERS:
        return text
    return f"{text[:MAX_CHARACTERS]}... ({len(text) - MAX_CHARACTERS:,} more characters)"
