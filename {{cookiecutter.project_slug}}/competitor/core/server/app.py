"""The HTTP application: its routes, its error responses, and what happens at start and end."""
# Contract file: replaced by updates.

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import CONTRACT_VERSION
from ..answer.admission import Bodies, Gate
from ..answer.backend import Backend, load
from ..answer.endpoint import CHAT_PATH, ChatEndpoint, Shared
from ..answer.keepalive import Clock
from ..answer.watchdog import Watchdog
from ..artifacts.keeper import Keeper
from ..artifacts.routes import add_artifact_routes
from ..artifacts.sweeper import Sweeper
from ..console import Console, add_console_routes
from ..errors import ApiError
from ..identity import identity
from ..model.upstream import Llm, described
from ..observe.metrics import TEXT_TYPE, Metrics
from ..observe.tracing import tracing
from ..offline import OfflineServer
from ..outbound.client import HttpClient
from ..outbound.egress import Egress
from ..request.error_responses import crashed, does_not_fit, no_such_route, refused
from ..settings import Settings
from ..stream.pacing import Pacing
from . import openapi
from .extras import add_router, limited

log = logging.getLogger("competitor.app")


class _Application(FastAPI):
    """FastAPI, except that chat requests bypass its middleware, which costs as much CPU as the answer itself.

    FastAPI would wrap each chat request in five layers. Four of them wrap `send`, so they would handle every chunk.
    """

    chat: ASGIApp
    max_body_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == CHAT_PATH and scope["method"] == "POST":
            await self.chat(scope, receive, send)
        else:
            if self.state.backend.may_add_routes and scope["type"] == "http" and not self._knows(scope):
                with suppress(Exception):  # then the log says why, and there are no more routes
                    await self.state.backend.ready()
            await super().__call__(scope, limited(receive, self.max_body_bytes), send)

    def _knows(self, scope: Scope) -> bool:
        return any(route.matches(scope)[0] is not Match.NONE for route in self.router.routes)

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            super().openapi().setdefault("components", {}).setdefault("schemas", {}).update(openapi.SCHEMAS)
        return self.openapi_schema or {}


def create_app(settings: Settings, backend: Backend | None = None, folder: Path | None = None) -> FastAPI:
    """Makes the application for these settings, with the given backend or the one in `competitor/backend/`.

    `folder` is a folder that all workers share.
    """
    backend = backend or load()
    started = time.monotonic()
    offline = OfflineServer(settings.offline_words_per_second)
    egress = Egress(settings.base_urls)
    traces = tracing(settings, egress)
    client = HttpClient(
        egress, connect_seconds=settings.llm_connect_seconds, silence_seconds=settings.llm_silence_seconds
    )
    llm = Llm(settings, client, offline)
    metrics = Metrics(version=identity().version, backend=backend.name, model=described(settings)["model"])
    keeper = Keeper(settings)
    sweeper = Sweeper(keeper)
    console = _console(settings, folder)
    _warn_of_missing_tools(settings)
    _warn_of_missing_keys(settings)
    shared = Shared(
        settings=settings,
        llm=llm,
        backend=backend,
        gate=Gate(settings.max_running, settings.max_open, settings.queue_seconds),
        bodies=Bodies(settings.max_bodies_bytes, settings.max_open),
        clock=Clock(),
        pacing=_pacing(settings),
        metrics=metrics,
        keeper=keeper,
        console=console,
        tracing=traces,
        watchdog=Watchdog() if settings.development else None,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeper.start()
        async with shared.watchdog or nullcontext():
            await backend.begin(partial(add_router, app, backend.ready))
            yield
            await backend.end()
        await sweeper.stop()
        client.close()
        await offline.stop()
        if console is not None:
            console.close()
        if traces is not None:
            traces.close()

    app = _Application(
        title=identity().name,
        version=identity().version,
        lifespan=lifespan,
        docs_url=None,  # its page loads scripts from the internet
        redoc_url=None,
        redirect_slashes=False,  # callers follow none, and `Host` could forge them
        # X1: a variable could turn telemetry on.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        responses=openapi.REFUSALS,
        exception_handlers={
            ApiError: refused,
            HTTPException: no_such_route,
            RequestValidationError: does_not_fit,
            Exception: crashed,
        },
    )
    app.chat = chat = ChatEndpoint(shared)
    app.max_body_bytes = settings.max_body_bytes
    app.state.backend = backend

    @app.post(CHAT_PATH, openapi_extra=openapi.CHAT, responses=openapi.CHAT_RESPONSES)
    async def chat_completions(request: Request) -> Response:
        """Answers a conversation, as one object or as a stream of server-sent events.

        This function is for the OpenAPI description only: `_Application` answers such requests before FastAPI does.
        """
        return await chat.response(request)

    add_artifact_routes(app, keeper)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        """Reports that the server runs. This needs neither a key nor an upstream (E2)."""
        return {
            "status": "ok",
            "name": identity().name,
            "version": identity().version,
            "uptime_seconds": round(time.monotonic() - started, 3),
            "contract_version": CONTRACT_VERSION,
            "backend": backend.name,
            **described(settings),
        }

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        """Lists the names of models that work (E3): the competitor's own, and those of the default server.

        A request may name any model.
        """
        names = dict.fromkeys([identity().name, *await llm.models()])
        models = [{"id": name, "object": "model", "created": 0, "owned_by": identity().name} for name in names]
        return {"object": "list", "data": models}

    @app.get("/metrics", responses=openapi.METRICS_RESPONSES)
    async def figures(request: Request) -> Response:
        """The metrics since the start, of all workers: in Prometheus' format, or in JSON if asked for (E4)."""
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse(metrics.as_json())
        return Response(metrics.as_text(), headers={"content-type": TEXT_TYPE})

    if console is not None:
        add_console_routes(app, console)
    return app


def _pacing(settings: Settings) -> Pacing | None:
    if settings.pacing == "off":
        return None
    return Pacing(settings.pacing_seconds, settings.pacing_most_seconds, settings.pacing_tail_seconds)


def _warn_of_missing_tools(settings: Settings) -> None:
    if settings.local_code:
        from ..tools.builtin.local_code import why_not

        if why := why_not():
            log.warning("`run_code` is not offered: this machine cannot confine a program", extra={"why": why})


def _warn_of_missing_keys(settings: Settings) -> None:
    for name, model in settings.models.items():
        if model.declared.key is not None and model.key is None:
            about = {"model": name, "variable": model.declared.key}
            log.warning("a model of backend/models.py has no key: its variable is not set", extra=about)


def _console(settings: Settings, folder: Path | None) -> Console | None:
    """Makes the console. Returns None if it is off, or if no temporary folder can be written."""
    if not settings.debug:
        return None
    try:
        return Console(settings, folder)
    except OSError as error:
        log.warning("no temporary folder can be written: there is no debug console", extra={"why": error.strerror})
        return None
