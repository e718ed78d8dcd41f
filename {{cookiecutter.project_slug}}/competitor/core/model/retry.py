"""Failures of an upstream: what an HTTP status means, and whether the same call may be retried."""
# Contract file: replaced by updates.

import asyncio
import email.utils
import random
import time

from ..errors import UpstreamError
from ..limits import MAX_ERROR_BODY_BYTES, MAX_RETRY_PAUSE_SECONDS
from ..outbound.response import Response

_REFUSAL_SECONDS = 5.0
# With these statuses, a retry may succeed; some servers send 529 when they are overloaded.
_PASSING_STATUSES = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))
_PASSING_KINDS = frozenset(("unreachable", "broke_off", "in_stream"))
_REFUSALS = {401: "refused_key", 403: "refused_key", 429: "busy", 503: "busy", 529: "busy"}
_FIRST_PAUSE_SECONDS = 0.5


async def failure(response: Response) -> UpstreamError:
    """The error for a status other than 200. The server's own message goes only to the log."""
    status = response.status
    try:
        async with asyncio.timeout(_REFUSAL_SECONDS):
            detail = (await response.read(MAX_ERROR_BODY_BYTES)).decode("utf-8", "replace")
    except (UpstreamError, TimeoutError):
        detail = ""
    finally:
        response.close()
    kind = _REFUSALS.get(status, "failed" if status >= 500 else "refused")
    pause = _seconds(response.headers.get("retry-after", ""))
    return UpstreamError(kind, detail, status=status, retry_after=pause)


def _seconds(retry_after: str) -> float | None:
    """Converts `Retry-After`, a number or a date, to seconds from now; None if it is neither."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        seconds: float = email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
        return max(0.0, seconds)
    except (ValueError, TypeError):
        return None


def pause_before_retry(error: UpstreamError, attempt: int) -> float | None:
    """Seconds to wait before the next attempt; None if another attempt would not help."""
    if error.status not in _PASSING_STATUSES and (error.status or error.kind not in _PASSING_KINDS):
        return None
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= MAX_RETRY_PAUSE_SECONDS else None
    return _FIRST_PAUSE_SECONDS * (1 << (attempt - 1)) * random.uniform(0.75, 1.25)
