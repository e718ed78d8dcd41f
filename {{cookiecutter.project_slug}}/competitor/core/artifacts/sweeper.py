"""Deletes expired artifacts, also those of earlier processes, with one timer for the process."""
# Contract file: replaced by updates.

import asyncio
import logging

from ..errors import ArtifactError
from .keeper import Keeper

log = logging.getLogger("competitor.artifacts")

# Longest time between two looks, because other replicas store artifacts that this one does not know.
MAX_PAUSE_SECONDS = 60.0
MIN_PAUSE_SECONDS = 1.0


class Sweeper:
    """Deletes expired artifacts after `start` is called, until `stop`. If the store fails, it tries again later."""

    def __init__(self, keeper: Keeper):
        self._keeper = keeper
        self._timer: asyncio.TimerHandle | None = None
        self._sweep: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._wait(MIN_PAUSE_SECONDS)

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._sweep is not None:
            self._sweep.cancel()
            await asyncio.wait({self._sweep})

    def _wait(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._sweep = asyncio.get_running_loop().create_task(self._once())

    async def _once(self) -> None:
        pause = MAX_PAUSE_SECONDS
        try:
            due = await self._keeper.sweep()
            if due is not None:
                pause = min(MAX_PAUSE_SECONDS, max(MIN_PAUSE_SECONDS, due - self._keeper.clock()))
        except (ArtifactError, OSError) as error:
            detail = error.detail if isinstance(error, ArtifactError) else type(error).__name__
            log.warning("expired artifacts could not be deleted", extra={"detail": detail})
        self._wait(pause)
