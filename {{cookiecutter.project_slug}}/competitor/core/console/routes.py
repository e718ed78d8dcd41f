"""The console's routes. They exist only while the console is on (E5)."""
# Contract file: replaced by updates.

from functools import cache
from importlib import resources

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from ..errors import ApiError
from ..limits import MAX_RECORDS
from ..request.ids import usable
from .console import Console

_PRIVATE = {"cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
# The page loads its own script and style, and nothing from elsewhere.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_console_routes(app: FastAPI, console: Console) -> None:
    def guarded(request: Request) -> None:
        peer = request.client.host if request.client else ""
        if reason := console.guard.reason(peer, request.headers):
            raise ApiError("not_allowed", reason)

    @app.get("/debug", include_in_schema=False)
    async def page(request: Request) -> Response:
        guarded(request)
        return HTMLResponse(_file("page.html"), headers={**_PRIVATE, "content-security-policy": _POLICY})

    @app.get("/debug/console.css", include_in_schema=False)
    async def style(request: Request) -> Response:
        guarded(request)
        return Response(_file("console.css"), media_type="text/css", headers=_PRIVATE)

    @app.get("/debug/console.js", include_in_schema=False)
    async def script(request: Request) -> Response:
        guarded(request)
        return Response(_file("console.js"), media_type="text/javascript", headers=_PRIVATE)

    @app.get("/debug/requests", include_in_schema=False)
    async def requests(request: Request) -> Response:
        guarded(request)
        heads = await console.heads()
        return JSONResponse({"most": MAX_RECORDS, "requests": heads}, headers=_PRIVATE)

    @app.get("/debug/requests/{number}", include_in_schema=False)
    async def one(request: Request, number: str) -> Response:
        guarded(request)
        found = await console.record(number)
        if found is None:
            raise ApiError("not_found", "Only the last requests are kept; this one is not among them.")
        return JSONResponse(found, headers=_PRIVATE)

    @app.get("/v1/debug/stream/{id}", include_in_schema=False)
    async def follow(request: Request, id: str) -> Response:
        """Streams the debug events of a request (E6), to any client: a gateway on another machine reads them."""
        if not usable(id) or not console.guard.is_stream_host(request.headers.get("host", "")):
            raise ApiError("not_found", "This cannot be the id of a request.")
        headers = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        return StreamingResponse(console.live.follow(id), media_type="text/event-stream", headers=headers)


@cache
def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
