"""Protects a developer's machine from web pages: `make run` listens where every page in the browser can send requests.
Contract file: replaced by updates.

A page may send a request to any address without being allowed to read the response, and under a name of its own that
it lets point to this machine (DNS rebinding) it may read the response, too. In the arena, a gateway calls the server
under any name, so this is only for `make run`.
"""

from collections.abc import Container, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ..errors import ApiError
from ..request.error_responses import refusal
from ..request.own_host import is_own_host, is_own_host_or_in

_HOST = "In development, this server answers under localhost, an IP address or a name in JANUS_DEBUG_HOSTS."
_SITE = "In development, this server does not answer web pages of other sites."
_TYPE = "In development, the header Content-Type is required: application/json."


def reason(method: str, headers: Mapping[str, str], hosts: Container[str]) -> ApiError | None:
    """Returns why a request is refused in development; None if it is not."""
    if not is_own_host_or_in(headers.get("host", ""), hosts):
        return ApiError("not_allowed", _HOST)
    origin = headers.get("origin")
    foreign = origin is not None and not is_own_host(urlsplit(origin).netloc)
    if foreign or headers.get("sec-fetch-site", "none").lower() == "cross-site":
        return ApiError("not_allowed", _SITE)
    if method == "POST" and "content-type" not in headers:
        return ApiError("unsupported_media_type", _TYPE, "content-type")
    return None


class Development:
    """An ASGI application that refuses what `reason` refuses, on every route. `app` answers all other requests."""

    def __init__(self, app: ASGIApp, hosts: Container[str]):
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            error = reason(scope["method"], headers, self._hosts)
            if error is not None:
                await refusal(error, headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)
