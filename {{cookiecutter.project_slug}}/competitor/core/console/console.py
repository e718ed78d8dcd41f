"""The console's data. All workers share one folder, so that each of them shows the same requests."""
# Contract file: replaced by updates.

import asyncio
import logging
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..errors import ApiError
from ..limits import MAX_HELD_BYTES, MAX_WAITING
from ..observe.logs import conceal
from ..request.ids import answer_id, debug_id, echoed
from ..request.schema import ChatRequest
from ..settings import Settings
from .budget import Budget
from .guard import Guard
from .live import Live
from .recorder import Recorder, Rest
from .storage import Shelf, new_number

log = logging.getLogger("competitor.console")


class Console:
    """The console of one process. Workers share `folder`; without it, the console makes one and removes it later."""

    def __init__(self, settings: Settings, folder: Path | None = None):
        """Raises `OSError` if no folder can be made."""
        self._own = None if folder else tempfile.TemporaryDirectory(prefix="competitor-")
        folder = folder or Path(self._own.name if self._own else "")
        self.guard = Guard(settings.debug_allow, settings.debug_hosts)
        self.secrets = settings.secrets
        self.seconds = settings.timeout_seconds
        self.shelf = Shelf(folder / "requests")
        self.live = Live(folder / "live", settings.timeout_seconds)
        self.budget = Budget(MAX_HELD_BYTES)
        self._waiting = Budget(MAX_WAITING)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="console")  # one thread keeps the order

    def recorder(self, asked: ChatRequest, size: int, request_id: str, headers: Mapping[str, str]) -> Recorder:
        """Starts the record of a request of `size` bytes. If it has `debug: true`, its events can be followed (E6)."""
        follow = self.live.log(debug_id(headers) or request_id, echoed(headers)) if asked.debug else None
        return Recorder(self, asked, size, request_id, follow)

    def refused(self, error: ApiError, headers: Mapping[str, str]) -> None:
        """Records a request that was refused, without its body, because the body could not be read."""
        message = conceal(error.message, self.secrets)
        shown = {"message": message, "code": error.code, "param": error.param, "status": error.status}
        self.keep(new_number(), {"request_id": answer_id(headers), "state": "refused", "error": shown, "prompt": ""})
        if followed := debug_id(headers):
            self.live.log(followed, echoed(headers)).tell("error", "REQ", f"The request was refused: {message}", shown)

    def keep(self, number: str, head: dict[str, Any], rest: Rest | None = None) -> bool:
        """Lets another thread store a request. Returns False if too many requests already wait to be stored.

        A call with `rest` completes a request whose head is stored already, so it is never refused.
        """
        fits = self._waiting.take(1)
        if fits or rest is not None:
            self._writer.submit(self._put, number, head, rest, fits)
        return fits

    async def heads(self) -> list[dict[str, Any]]:
        """The heads of all stored requests, the newest first, including all that this process has recorded so far."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self.shelf.heads)

    async def record(self, number: str) -> dict[str, Any] | None:
        """The whole record of one request; None if it is no longer stored."""
        return await asyncio.get_running_loop().run_in_executor(self._writer, self.shelf.get, number)

    def close(self) -> None:
        self._writer.shutdown()
        if self._own is not None:
            self._own.cleanup()

    def _put(self, number: str, head: dict[str, Any], rest: Rest | None, counted: bool) -> None:
        try:
            self.shelf.put(number, head, None if rest is None else rest.made())
        except Exception as error:  # noqa: BLE001 - a fault of the console must not stop answers
            log.warning("the console could not keep a request", extra={"why": f"{type(error).__name__}: {error}"})
        finally:
            self._waiting.give(counted)
            if rest is not None:
                rest.free()
