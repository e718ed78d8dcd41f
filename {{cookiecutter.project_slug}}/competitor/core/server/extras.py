"""Routes that a backend adds to the server (`router` in agent.py). They never replace the contract's."""
# Contract file: replaced by updates.

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

# One path of each of the contract's routes, also of those that are switched off, and of FastAPI's description.
_TAKEN = (
    "/v1/chat/completions",
    "/health",
    "/v1/models",
    "/metrics",
    "/debug",
    "/debug/requests",
    "/v1/debug/stream/id",
    "/artifacts/id/name",
    "/v1/artifacts/id",
    "/openapi.json",
)


def add_router(app: FastAPI, ready: Callable[[], Awaitable[object]], router: Any) -> None:
    """Adds a backend's routes, whose requests wait for `ready`.

    Raises `TypeError` if it is no router, or if a route answers for one of the contract.
    """
    if not isinstance(router, APIRouter):
        kind = type(router).__name__
        raise TypeError(f"`router` in competitor/backend/agent.py must be a FastAPI APIRouter, not {kind}")
    for route in router.routes:
        pattern = getattr(route, "path_regex", None)
        shadowed = [path for path in _TAKEN if pattern is None or pattern.match(path)]
        if shadowed:
            path = getattr(route, "path", type(route).__name__)
            raise TypeError(f"the route {path} of competitor/backend/agent.py would answer for {shadowed[0]}")
    app.include_router(router, dependencies=[Depends(ready)])
    app.openapi_schema = None  # so that it is made again, with these routes


def limited(receive: Receive, most: int) -> Receive:
    """Reads at most this many bytes of a request's body (N3)."""
    read = 0

    async def receive_some() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise HTTPException(413, f"The body is larger than {most} bytes.")
        return message

    return receive_some
