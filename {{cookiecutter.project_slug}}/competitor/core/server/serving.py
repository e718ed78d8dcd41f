"""Runs the application under uvicorn until a signal arrives, and then lets open answers end correctly."""
# Contract file: replaced by updates.

import asyncio
import errno
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from .. import CONTRACT_VERSION
from ..answer.backend import Backend, load
from ..artifacts.places import without_proxies
from ..identity import identity
from ..model.upstream import described
from ..observe.logs import configure
from ..observe.metrics import FOLDER_VARIABLE
from ..observe.slips import check_syntax, explained
from ..settings import Settings
from .app import create_app
from .development import Development
from .http11 import intake
from .reloading import follow
from .workers import Workers

log = logging.getLogger("competitor")

BACKLOG = 2048
# How long tasks may clean up after the last answer has ended.
STUBBORN_SECONDS = 1.0


class _Server(uvicorn.Server):
    """A uvicorn server that logs its address, and that exits with code 0 after a signal instead of raising it again."""

    def __init__(self, config: uvicorn.Config, about: dict[str, Any]):
        super().__init__(config)
        self._about = about
        self.failed = False
        self.when_started: Callable[[], None] = lambda: None

    def end(self) -> None:
        """Stops the server as a signal does. May be called in any thread."""
        self.should_exit = True

    def give_up(self, error: BaseException) -> None:
        """Stops the server because its backend cannot be used."""
        log.critical(f"the backend cannot be started: {explained(error)}", exc_info=error)
        self.failed = self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.failed:
            host, port = (sockets or self.servers[0].sockets)[0].getsockname()[:2]
            shown = "localhost" if host in ("0.0.0.0", "::", "127.0.0.1") else host  # noqa: S104 # nosec B104
            log.info(f"{identity().name} is listening on http://{shown}:{port}", extra=self._about)
            self.when_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        about = {"open": len(self.server_state.tasks), "grace_s": self.config.timeout_graceful_shutdown}
        log.info("shutting down; open answers still have time to end", extra=about)
        await super().shutdown(sockets)
        if self.server_state.tasks:  # just cancelled: they still write their last frames
            await asyncio.wait(set(self.server_state.tasks), timeout=2.0)
        self._captured_signals.clear()
        await _end_the_rest()


async def _end_the_rest() -> None:
    """Cancels the remaining tasks. Exits if a task ignores the cancellation and so keeps the process alive."""
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left and (await asyncio.wait(left, timeout=STUBBORN_SECONDS))[1]:
        log.error("a task ignored cancellation, so the process exits now")
        logging.shutdown()
        os._exit(0)


def serve(
    settings: Settings,
    backend: Backend | None = None,
    *,
    listener: socket.socket | None = None,
    parent: Connection | None = None,
) -> int:
    """Serves until SIGTERM or SIGINT. Several workers ignore `backend` and load `competitor/backend/`.

    A child of a reloading server gets its `listener` and the pipe to its `parent`. It loads its backend completely
    before it listens. Returns the exit code of the process.
    """
    configure(settings)
    for name, meant in settings.unknown.items():
        instead = f"; write {meant}" if meant else ""
        log.warning(f"nothing reads the variable {name}{instead}", extra={"variable": name, "meant": meant})
    without_proxies()
    if settings.workers == 1 or parent is not None:
        try:
            if parent is not None:
                # A file that is saved twice in a second, with the same size, would be read from stale bytecode.
                sys.dont_write_bytecode = True
                check_syntax()
            backend = backend or load(wait=parent is not None)
        except Exception as error:
            log.critical(f"the backend cannot be loaded: {explained(error)}", exc_info=error)
            return 1
        shared = os.environ.get(FOLDER_VARIABLE) if parent is not None else None
        sockets = None if listener is None else [listener]
        return _serve(settings, backend, sockets, Path(shared) if shared else None, parent=parent)
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=BACKLOG)
    except OSError as error:
        log.error(taken(settings.host, settings.port, error))  # noqa: TRY400 - a traceback says no more
        return 1
    return Workers(settings.workers, listener, _worker, settings).run()


def _worker(settings: Settings, listener: socket.socket, number: int) -> None:
    configure(settings)
    shared = os.environ.get(FOLDER_VARIABLE)
    sys.exit(_serve(settings, load(), [listener], Path(shared) if shared else None, worker=number))


def _serve(
    settings: Settings,
    backend: Backend,
    sockets: list[socket.socket] | None = None,
    folder: Path | None = None,
    parent: Connection | None = None,
    **about: Any,
) -> int:
    app: ASGIApp = create_app(settings, backend, folder)
    config = uvicorn.Config(
        Development(app, settings.debug_hosts) if settings.development else app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(settings.shutdown_seconds)),
        backlog=BACKLOG,
        http=intake(settings),
        ws="none",
    )
    if settings.debug:
        about["console"] = "/debug"
    gc.collect()
    gc.freeze()  # garbage collections then skip the objects made so far
    server = _Server(config, {**about, "backend": backend.name, **described(settings), "contract": CONTRACT_VERSION})
    backend.when_failed(server.give_up)
    if parent is not None:
        server.when_started = follow(parent, server.end)
    try:
        server.run(sockets)
    except SystemExit:  # uvicorn's, after an error of the socket
        log.error(taken(settings.host, settings.port))  # noqa: TRY400 - a traceback says no more
        return 1
    return 0 if server.started and not server.failed else 1


def taken(host: str, port: int, error: OSError | None = None) -> str:
    """Why the server cannot listen, and what to write instead."""
    if error is not None and error.errno != errno.EADDRINUSE:
        return f"HOST={host} and PORT={port} cannot be used ({error.strerror}); set others, such as PORT={port + 1}."
    return f"Port {port} is taken by another program; write `PORT={port + 1} make run`, or end that program."
