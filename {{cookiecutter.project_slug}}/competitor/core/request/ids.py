"""Ids: those in a request's headers, and the id of its answer (W1, R10)."""
# Contract file: replaced by updates.

import re
import secrets
from collections.abc import Mapping

_USABLE = re.compile(r"[\w.-]{1,128}", re.ASCII)
_ECHOED = ("x-request-id", "x-correlation-id")
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,256}")


def usable(id: str) -> bool:
    return _USABLE.fullmatch(id) is not None


def answer_id(headers: Mapping[str, str]) -> str:
    """The caller's `X-Request-Id` if it is a usable id, else `chatcmpl-` and 24 hex digits."""
    given = headers.get("x-request-id", "")
    return given if usable(given) else f"chatcmpl-{secrets.token_hex(12)}"


def debug_id(headers: Mapping[str, str]) -> str | None:
    """The id under which a gateway follows a request (E6); None if there is none."""
    given = headers.get("x-debug-request-id", "")
    return given if usable(given) else None


def echoed(headers: Mapping[str, str]) -> dict[str, str]:
    """The caller's two ids as response headers. An id that could split a header is left out."""
    return {name: value for name in _ECHOED if (value := headers.get(name)) and _PRINTABLE.fullmatch(value)}
