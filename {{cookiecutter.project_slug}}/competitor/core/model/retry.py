"""Failures of an upstream: what an HTTP status means, whether a call may be retried, and which server is asked next."""
# Contract file: replaced by updates.

import asyncio
import email.utils
import random
import time
from collections.abc import Sequence

from ..errors import UpstreamError
from ..limits import MAX_ERROR_BODY_BYTES, MAX_RETRY_PAUSE_SECONDS
from ..outbound.response import Response
from .upstream import Upstream

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


class Attempts:
    """The servers of one call, in the order in which they are asked.

    In the first round, each is asked at once after the one before it has failed. In later rounds, after a pause, those
    are asked again whose failure may pass. After the platform's one host comes the other one, if it was unreachable.
    """

    def __init__(self, upstreams: Sequence[Upstream], rounds: int):
        self.upstream, *self._left = upstreams
        self.may_skip = bool(self._left)  # a server that says nothing may be given up for the next one
        self.round = 1
        self._rounds = rounds
        self._again: list[Upstream] = []
        self._pause = MAX_RETRY_PAUSE_SECONDS
        self._moved = False  # the platform's other host was tried

    def pause_before_next(self, error: UpstreamError) -> float | None:
        """Goes on to the next server. Returns the seconds to wait before; None if no other attempt would help."""
        pause = pause_before_retry(error, self.round)
        if error.kind == "silent" and self.may_skip:  # only slow, perhaps: it gets more time in the next round
            pause, self._rounds = 0.0, max(self._rounds, 2)
        if pause is not None:
            self._again.append(self.upstream)
            self._pause = min(self._pause, pause)
        if error.kind == "unreachable" and not self._moved and (other := self.upstream.elsewhere()) is not None:
            self._left.insert(0, other)
            self._moved = True
        if self._left:
            self.upstream = self._left.pop(0)
            self.may_skip = self.round == 1 and bool(self._left)
            return 0.0
        if not self._again or self.round >= self._rounds:
            return None
        self.upstream, *self._left = self._again
        pause, self._pause, self._again = self._pause, MAX_RETRY_PAUSE_SECONDS, []
        self.round += 1
        self.may_skip = False  # a slow server answers at last
        return pause
