"""Error responses: all have OpenAI's error shape (S16) and echo the caller's ids (R10)."""
# Contract file: replaced by updates.

import logging
from collections.abc import Mapping
from typing import cast

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from ..errors import ApiError
from .ids import answer_id, echoed

log = logging.getLogger("competitor.errors")


def refusal(error: ApiError, headers: Mapping[str, str]) -> JSONResponse:
    """The response `{"error": {message, type, param, code}}` for an error."""
    body = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return JSONResponse({"error": body}, error.status, {**echoed(headers), **error.headers})


async def refused(request: Request, error: Exception) -> JSONResponse:
    return refusal(cast(ApiError, error), request.headers)


async def no_such_route(request: Request, error: Exception) -> JSONResponse:
    """Replaces the framework's own error responses, such as 404 and 405, with ones in OpenAI's error shape."""
    error = cast(HTTPException, error)
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        wrong = ApiError("method_not_allowed", f"This path answers {allowed} only.", headers=error.headers)
        return refusal(wrong, request.headers)
    if error.status_code == 404:
        where = "There is nothing at this path. Try POST /v1/chat/completions, GET /v1/models or GET /health."
        return refusal(ApiError("not_found", where), request.headers)
    if error.status_code == 400:
        return refusal(ApiError("bad_request", "The request cannot be read."), request.headers)
    code = "body_too_large" if error.status_code == 413 else "bad_request"  # of a route of the owner's
    wrong = ApiError(code, str(error.detail), headers=error.headers)
    wrong.status = error.status_code
    return refusal(wrong, request.headers)


async def does_not_fit(request: Request, error: Exception) -> JSONResponse:
    """The response if a request to a route of the owner's does not fit its types. It echoes no value."""
    found = cast(RequestValidationError, error).errors()[0]
    field = ".".join(str(part) for part in found["loc"][1:])
    wrong = ApiError("invalid_value", f"{field or 'the body'}: {found['msg']}"[:500], field[:200] or None)
    wrong.status = 422
    return refusal(wrong, request.headers)


async def crashed(request: Request, error: Exception) -> JSONResponse:
    """The response if the server has a bug. It contains only an id; the log has the details under this id."""
    number = answer_id(request.headers)
    log.error("request failed", extra={"request_id": number, "why": type(error).__name__})
    said = f"The server failed. The log has details under the id {number}."
    return refusal(ApiError("internal_error", said), request.headers)
