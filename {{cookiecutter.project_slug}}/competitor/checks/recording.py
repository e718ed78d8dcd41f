"""Records the responses that a case gets, as the evidence for its verdict."""
# Contract file: replaced by updates.

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from typing import TypeVar

from .responses import Reply, Stream, Unanswered

T = TypeVar("T")
Response = Reply | Stream | Unanswered

# The responses that the current case has got. None: they are not recorded.
_RECORD: ContextVar[list[Response] | None] = ContextVar("record", default=None)


@contextmanager
def recording() -> Iterator[list[Response]]:
    """Records each `Reply`, `Stream` and `Unanswered` that any target gets in the block."""
    record: list[Response] = []
    before = _RECORD.set(record)
    try:
        yield record
    finally:
        _RECORD.reset(before)


@contextmanager
def unrecorded() -> Iterator[None]:
    before = _RECORD.set(None)
    try:
        yield
    finally:
        _RECORD.reset(before)


def recorded(response: T) -> T:
    """Adds a response to the record, if one is kept. Returns it."""
    record = _RECORD.get()
    if record is not None and isinstance(response, Reply | Stream | Unanswered):
        record.append(response)
    return response


def at_once(calls: Iterable[Callable[[], T]], limit: int = 16) -> list[T]:
    """Makes all calls concurrently, at most `limit` at a time. Returns their results in the same order.

    Raises the first exception that a call raises. What the calls get is recorded for the current case.
    """
    given = list(calls)
    with ThreadPoolExecutor(min(limit, len(given)) or 1) as pool:
        return list(pool.map(lambda each: each[0].run(each[1]), [(copy_context(), call) for call in given]))
