"""Linux's timerfd, called through the C library, since Python has it only from version 3.13 on."""
# Contract file: replaced by updates.

import ctypes
import os
import sys
import time
from typing import Any

_C: Any = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
EXISTS = hasattr(_C, "timerfd_create") and hasattr(_C, "timerfd_settime")
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME


class _Times(ctypes.Structure):
    """The C structure `itimerspec`: the interval, and the first expiry."""

    _fields_ = (
        ("again_seconds", ctypes.c_long),
        ("again_nanoseconds", ctypes.c_long),
        ("seconds", ctypes.c_long),
        ("nanoseconds", ctypes.c_long),
    )


def create() -> int:
    """Creates a timer. Returns a descriptor that becomes readable when the timer expires. Raises `OSError`."""
    descriptor: int = _checked(_C.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC))
    return descriptor


def set_time(descriptor: int, when: float) -> None:
    """Sets when the timer expires, in seconds of `time.monotonic`; a past time expires at once. Raises `OSError`."""
    nanoseconds = max(1, int(when * 1e9))  # zero would disarm the timer
    times = _Times(0, 0, nanoseconds // 10**9, nanoseconds % 10**9)
    _checked(_C.timerfd_settime(descriptor, _ABSOLUTE, ctypes.byref(times), None))


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
