"""The uvicorn fast path: writes a response directly to uvicorn's transport while the client keeps up.
Contract file: replaced by updates.

ASGI's `send` is a coroutine, but a chunk arrives in a callback. A callback can call `send` only through a task, which
takes two more turns of the event loop, even if `send` does not have to wait. `FastPath` does exactly what uvicorn's own
`send` does when it does not have to wait. With 50 streams at 20 ms a token, a relayed chunk then costs a third less.
In all other cases (the client does not read, the server is not uvicorn, or uvicorn's version is not supported), the
chunk goes through `send`.
"""

from typing import Any

from starlette.types import Send

try:
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
except ImportError:  # without httptools, uvicorn uses another class
    RequestResponseCycle = None  # type: ignore[assignment,misc]

_NEEDED = ("transport", "flow", "disconnected", "response_started", "response_complete", "chunked_encoding")


class FastPath:
    """Writes a response straight to uvicorn's transport, bypassing ASGI `send`."""

    __slots__ = ("_cycle",)

    def __init__(self, send: Send):
        cycle: Any = getattr(send, "__self__", None)
        known = RequestResponseCycle is not None and type(cycle) is RequestResponseCycle
        self._cycle: Any = cycle if known and all(hasattr(cycle, name) for name in _NEEDED) else None

    def write(self, body: bytes) -> bool:
        """Writes a part of the body. Returns False if `send` has to write it."""
        cycle = self._cycle
        if (
            cycle is None
            or cycle.flow.write_paused
            or cycle.disconnected
            or not cycle.response_started
            or cycle.response_complete
            or not cycle.chunked_encoding
        ):
            return False
        cycle.transport.write(b"%x\r\n%b\r\n" % (len(body), body))
        return True
