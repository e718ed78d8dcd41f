"""Serves artifacts: `GET` and `HEAD` of `/artifacts/{id}/{name}` and `/v1/artifacts/{id}` (E7, A4)."""
# Contract file: replaced by updates.

import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from email.utils import formatdate

from fastapi import FastAPI
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ..errors import ApiError, ArtifactError
from .keeper import Found, Keeper
from .links import Refused
from .media import is_shown
from .names import disposition
from .ranges import Part, is_known, wanted

log = logging.getLogger("competitor.artifacts")

# An artifact that is a web page or an SVG must not run with the rights of this site or of the site that embeds it.
_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def add_artifact_routes(app: FastAPI, keeper: Keeper) -> None:
    methods = ["GET", "HEAD"]

    @app.api_route("/artifacts/{id}/{name}", methods=methods, include_in_schema=False)
    async def artifact(request: Request, id: str, name: str) -> Response:
        """Serves an artifact by the link in its descriptor."""
        return await _answer(keeper, request, id, name)

    @app.api_route("/v1/artifacts/{id}", methods=methods, include_in_schema=False)
    async def artifact_by_id(request: Request, id: str) -> Response:
        """Serves an artifact by its id."""
        return await _answer(keeper, request, id, None)


async def _answer(keeper: Keeper, request: Request, id: str, name: str | None) -> Response:
    """Raises `ApiError`."""
    found = await _found(keeper, id, name)
    tag = f'"{found.described["sha256"]}"'
    headers = _headers(keeper, found, tag)
    if is_known(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    unchanged = request.headers.get("if-range", tag) == tag
    part = wanted(request.headers.get("range") if unchanged else None, found.size)
    headers["content-length"] = str(part.end - part.start)
    if part.partial:
        headers["content-range"] = f"bytes {part.start}-{part.end - 1}/{found.size}"
    if request.method == "HEAD":
        return Response(status_code=206 if part.partial else 200, headers=headers)
    if keeper.settings.artifact_single_use:
        await _use(keeper, found)
    return await _send(keeper, found, part, headers)


async def _found(keeper: Keeper, id: str, name: str | None) -> Found:
    try:
        found = await keeper.find(id)
    except Refused as refused:
        raise _refusal(refused) from None
    except ArtifactError as error:
        log.warning("the store of artifacts failed", extra={"kind": error.kind, "detail": error.detail})
        raise _unreadable() from None
    if name is not None and name != found.described["display_name"]:
        raise _refusal(Refused(expired=False))
    return found


async def _use(keeper: Keeper, found: Found) -> None:
    try:
        await keeper.use(found)
    except Refused as refused:
        raise _refusal(refused) from None
    except ArtifactError:
        raise _unreadable() from None


def _refusal(refused: Refused) -> ApiError:
    if refused.expired:
        return ApiError("gone", "This artifact has expired.")
    return ApiError("not_found", "There is no artifact under this link.")


def _unreadable() -> ApiError:
    return ApiError("overloaded", "The artifact cannot be read now. Please try again.", headers={"retry-after": "5"})


def _headers(keeper: Keeper, found: Found, tag: str) -> dict[str, str]:
    described, media = found.described, found.described["mime_type"]
    left = max(0, int(found.expires - keeper.clock()))
    return {
        "content-type": media,
        "content-disposition": disposition(described["display_name"], shown=is_shown(media)),
        "etag": tag,
        "accept-ranges": "bytes",
        "cache-control": "no-store" if keeper.settings.artifact_single_use else f"private, max-age={left}, immutable",
        "expires": formatdate(found.expires, usegmt=True),
        "x-content-type-options": "nosniff",
        "content-security-policy": _POLICY,
        "cross-origin-resource-policy": "cross-origin",  # other sites may embed artifacts as images
        "access-control-allow-origin": "*",  # and check the hash; anyone with the link may read
        "referrer-policy": "no-referrer",
    }


async def _send(keeper: Keeper, found: Found, part: Part, headers: dict[str, str]) -> Response:
    """Sends stored bytes in pieces. Reads each piece only after the server has sent the previous piece."""
    pieces = found.pieces(part.start, part.end)
    first = await _first(pieces)

    async def body() -> AsyncIterator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    after = BackgroundTask(_forget, keeper, found) if keeper.settings.artifact_single_use else None
    return StreamingResponse(body(), 206 if part.partial else 200, headers, background=after)


async def _first(pieces: AsyncIterator[bytes]) -> bytes:
    """Reads the first piece before the head is sent, so that an error of the store becomes an error response."""
    try:
        return await anext(pieces, b"")
    except KeyError:
        raise _refusal(Refused(expired=True)) from None
    except ArtifactError:
        raise _unreadable() from None


async def _forget(keeper: Keeper, found: Found) -> None:
    with suppress(ArtifactError):
        await keeper.delete(found)
