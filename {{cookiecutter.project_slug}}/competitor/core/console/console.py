# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""What the console keeps. With several workers all of it lies in one folder, so that each shows the same."""

import logging
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..errors import ApiError
from ..ids import answer_id, debug_id, echoed
from ..schema import ChatRequest
from ..settings import Settings
from .guard import Guard
from .live import Live
from .recorder import Recorder
from .shelf import Shelf, new_number

log = logging.getLogger("competitor.console")

# What all open requests together may hold in memory for the console.
MOST_HELD_BYTES = 8 * 2**20


class Console:
    """One for each process. `folder` is shared by all workers; without one it makes its own, and removes it."""

    def __init__(self, settings: Settings, folder: Path | None = None):
        self._own = None if folder else tempfile.TemporaryDirectory(prefix="competitor-")
        folder = folder or Path(self._own.name if self._own else "")
        self.guard = Guard(settings.debug_allow)
        self.secrets = settings.secrets
        self.shelf = Shelf(folder / "requests")
        self.live = Live(folder / "live", settings.timeout_seconds)
        self.held = 0
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="console")  # one, so that nothing overtakes

    def recorder(self, asked: ChatRequest, request_id: str, headers: Mapping[str, str]) -> Recorder:
        """Keeps a request, and tells whoever follows it, where it asked for that (E6)."""
        follow = self.live.log(debug_id(headers) or request_id, echoed(headers)) if asked.debug else None
        return Recorder(self, asked, request_id, follow)

    def refused(self, error: ApiError, headers: Mapping[str, str]) -> None:
        """A request that never became an answer: its body could not be read, so it is not kept."""
        shown = {"message": error.message, "code": error.code, "param": error.param, "status": error.status}
        head = {"request_id": answer_id(headers), "state": "refused", "error": shown, "prompt": ""}
        self.keep(new_number(), head)

    def has_room(self, size: int) -> bool:
        return self.held + size <= MOST_HELD_BYTES

    def keep(self, number: str, head: dict[str, Any], rest: Callable[[], dict[str, Any]] | None = None) -> None:
        """Puts a request on the shelf, not at the loop's cost; `rest` is made in the writer's thread."""
        self._writer.submit(self._put, number, head, rest)

    def close(self) -> None:
        self._writer.shutdown()
        if self._own is not None:
            self._own.cleanup()

    def _put(self, number: str, head: dict[str, Any], rest: Callable[[], dict[str, Any]] | None) -> None:
        try:
            self.shelf.put(number, head, None if rest is None else rest())
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the console, answers go on
            log.warning("the console could not keep a request", extra={"why": f"{type(error).__name__}: {error}"})
