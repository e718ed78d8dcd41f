"""Watches the owner's code in development: lines that block all answers, and coroutines that nobody awaited.
Contract file: replaced by updates.
"""

import asyncio
import logging
import re
import sys
import threading
import time
import warnings
from collections import deque
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from ..chat import Chat
from ..observe.slips import Place, is_own, place_in
from .outcome import Outcome

log = logging.getLogger("competitor.backend")

# A line is reported if the event loop could do nothing else for this long. The contract allows two seconds (S2, S4).
BLOCKED_SECONDS = 1.0
_LOOK_SECONDS = 0.1
_REMEMBERED = 50
_CREATED = re.compile(r'File "([^"]+)", line (\d+)')
# What stands before the call in a line: the name that gets its result, if there is one.
_ASSIGNED = re.compile(r"^(?:\w+(?:\s*:[^=]+)?\s*=\s*(?!=))?")
_ADVICE = (
    (r"\btime\.sleep\(", r"await asyncio.sleep("),
    (r"\b((?:requests|httpx|urllib\.request)\.\w+)\(([^()]*)\)", r"await asyncio.to_thread(\1, \2)"),
    (r"\bsubprocess\.run\(([^()]*)\)", r"await asyncio.to_thread(subprocess.run, \1)"),
)


class Watchdog:
    """Looks at the event loop from a thread of its own: `async with Watchdog() as watchdog`."""

    def __init__(self) -> None:
        self._seen = time.monotonic()
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._blocked: tuple[float, Place] | None = None  # since when, and by which line
        self._said: deque[tuple[float, str]] = deque(maxlen=_REMEMBERED)

    async def __aenter__(self) -> Self:
        self._loop, self._loop_thread = asyncio.get_running_loop(), threading.get_ident()
        sys.set_coroutine_origin_tracking_depth(1)
        self._shown, warnings.showwarning = warnings.showwarning, self._warned
        warnings.filterwarnings("always", "coroutine", RuntimeWarning)
        self._tick()
        self._thread = threading.Thread(target=self._look, name="watchdog", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._ending.set()
        self._timer.cancel()
        warnings.showwarning = self._shown
        sys.set_coroutine_origin_tracking_depth(0)

    def advised(self, outcome: Outcome, since: float) -> Outcome:
        """Adds what was seen since this time of `time.monotonic` to an outcome that has no advice."""
        if outcome.advice is not None:
            return outcome
        self._report()
        said = next((said for at, said in self._said if at >= since), None)
        return outcome if said is None else replace(outcome, advice=said, note=f"{outcome.note}\n\n{said}".strip())

    def _tick(self) -> None:
        self._seen = time.monotonic()
        self._timer = self._loop.call_later(_LOOK_SECONDS, self._tick)

    def _look(self) -> None:
        while not self._ending.wait(_LOOK_SECONDS):
            since = self._seen
            while time.monotonic() - since > 2 * _LOOK_SECONDS and since == self._seen and not self._ending.is_set():
                if self._blocked is None and (place := place_in(sys._current_frames().get(self._loop_thread))):
                    self._blocked = since, place
                time.sleep(_LOOK_SECONDS / 10)
            self._report()

    def _report(self) -> None:
        """Reports a line that has blocked the loop. Called in either thread, whichever comes first."""
        with self._lock:
            blocked, self._blocked = self._blocked, None
        if blocked is not None and (seconds := time.monotonic() - blocked[0]) > BLOCKED_SECONDS:
            place = blocked[1]
            self._say(f"{place}: this line blocked all answers for {seconds:.1f} s; {_instead(place)}.")

    def _warned(self, message: Any, category: type[Warning], *more: Any, **named: Any) -> None:
        """Takes the place of `warnings.showwarning`."""
        text = str(message)
        created = [found for found in _CREATED.findall(text) if is_own(found[0])]
        if not (text.startswith("coroutine") and created):
            self._shown(message, category, *more, **named)
            return
        file, line = created[-1]
        place = Place(file, int(line))
        awaited = _ASSIGNED.sub(r"\g<0>await ", place.code.removeprefix("return "), count=1)
        self._say(f"{place}: `await` is missing; write `{awaited}`.")

    def _say(self, sentence: str) -> None:
        self._said.append((time.monotonic(), sentence))
        log.warning(sentence)


def empty(chat: Chat) -> Outcome:
    """The outcome of an answer without content that ended without an error."""
    if chat.asked:
        said = "The model sent no text: look at the reasoning and the finish reason of its answer."
    else:
        said = (
            "competitor/backend/agent.py: `answer` ended without content; "
            'write `yield Text("...")` or `yield chat.complete()`.'
        )
    log.warning(said)
    return Outcome(note=said, advice=said)


def _instead(place: Place) -> str:
    for old, new in _ADVICE:
        changed = re.sub(old, new, place.code)
        if changed != place.code:
            return f"write `{changed}`"
    return "use an async library, or `await asyncio.to_thread(function, ...)`"
