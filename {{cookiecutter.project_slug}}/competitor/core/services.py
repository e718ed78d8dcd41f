"""Calls other services for a backend: with limits, with retries where they are safe, and with errors that say where."""
# Contract file: replaced by updates.

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from .errors import ServiceError, UpstreamError
from .limits import MAX_REPLY_BYTES, MAX_SERVICE_ATTEMPTS, MAX_WAITING_EVENTS
from .model.retry import failure, pause_before_retry
from .model.sse import EventSplitter
from .outbound.client import HttpClient
from .outbound.egress import EgressRefused, parse
from .outbound.response import Response
from .settings import Settings

log = logging.getLogger("competitor.services")

Doing = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """The response of a service, with a status from 200 to 299. The names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    service: str = ""  # its host, and the setting that holds its base URL

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises `ServiceError` if it is none."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            kind = self.headers.get("content-type", "no content type")[:100]
            log.warning("a service did not answer with JSON", extra={"service": self.service, "content_type": kind})
            raise ServiceError(f"{self.service} did not answer with JSON", detail=kind) from None


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a service."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes = b""
    max_bytes: int = MAX_REPLY_BYTES
    seconds: float = 60.0


def with_query(url: str, query: Mapping[str, Any] | None) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(query, doseq=True)}" if query else url


async def call(client: HttpClient, settings: Settings, request: Request, doing: Doing) -> Reply:
    """Sends a request, and again if it is a GET whose failure may pass. Raises `ServiceError`."""
    service, request_id = named(request.url, settings), request.headers.get("x-request-id", "")
    doing(f"Asking {service}")
    try:
        async with asyncio.timeout(request.seconds):
            attempt = 1
            while True:
                try:
                    return await _once(client, request, service)
                except UpstreamError as error:
                    pause = pause_before_retry(error, attempt) if request.method == "GET" else None
                    if pause is None or attempt >= MAX_SERVICE_ATTEMPTS:
                        raise failed(service, error, request_id) from None
                doing(f"{service} failed; asking again")
                await asyncio.sleep(pause)
                attempt += 1
    except TimeoutError:
        raise _too_late(service, request) from None
    finally:
        doing("Working on it")


async def events(client: HttpClient, settings: Settings, request: Request) -> AsyncGenerator[Any]:
    """Sends a request once, and yields the JSON of each server-sent event of the response. Raises `ServiceError`."""
    service, request_id = named(request.url, settings), request.headers.get("x-request-id", "")
    until = asyncio.get_running_loop().time() + request.seconds
    splitter, waiting = EventSplitter(), asyncio.Queue[bytes | None]()
    response: Response | None = None

    def keep(data: bytes) -> None:
        for event in splitter.feed(data):
            waiting.put_nowait(event)
        if response is not None and waiting.qsize() > MAX_WAITING_EVENTS:
            response.pause()

    try:
        async with asyncio.timeout_at(until):
            response = await client.open(request.method, request.url, request.headers, request.body, reuse=False)
            if not 200 <= response.status < 300:
                raise await failure(response)
        response.ended.add_done_callback(lambda _: waiting.put_nowait(None))
        response.start(keep)
        while True:
            async with asyncio.timeout_at(until):
                event = await waiting.get()
            if event is None:
                break
            if not waiting.qsize():
                response.resume()
            with contextlib.suppress(ValueError, RecursionError):  # such as OpenAI's `[DONE]`
                yield json.loads(event)
        response.ended.result()
    except UpstreamError as error:
        raise failed(service, error, request_id) from None
    except TimeoutError:
        raise _too_late(service, request) from None
    finally:
        if response is not None:
            response.close(finished=response.whole)


def _too_late(service: str, request: Request) -> ServiceError:
    why = {"request_id": request.headers.get("x-request-id", ""), "service": service, "seconds": request.seconds}
    log.warning("a service did not answer in time", extra=why)
    return ServiceError(f"{service} did not answer within {request.seconds:g} s")


async def _once(client: HttpClient, request: Request, service: str) -> Reply:
    # A request that must not be made twice gets a connection of its own: a reused one may turn out to be closed.
    reuse = request.method == "GET"
    response = await client.open(request.method, request.url, request.headers, request.body, reuse=reuse)
    try:
        if not 200 <= response.status < 300:
            raise await failure(response)
        return Reply(response.status, dict(response.headers), await response.read(request.max_bytes), service)
    finally:
        response.close(finished=response.whole)


def named(url: str, settings: Settings) -> str:
    """The host of a URL, and the setting that holds its base URL: `weather.example (WEATHER_URL)`."""
    try:
        origin = parse(url)[0]
    except EgressRefused as refused:
        raise ServiceError(f"A URL cannot be called: {refused}") from None
    holders = [(base, name) for name, base in settings.named_base_urls.items() if parse(base)[0] == origin]
    # The longest that fits. The owner's settings come last, and are meant most often.
    variable = max(reversed(holders), key=lambda held: url.startswith(held[0]) * len(held[0]))[1] if holders else ""
    return f"{origin.host_header} ({variable})" if variable else origin.host_header


def failed(service: str, error: UpstreamError, request_id: str) -> ServiceError:
    """Logs a failure, and returns it as an error with a sentence."""
    said = {
        "unreachable": "cannot be reached",
        "silent": "stopped answering",
        "broke_off": "broke the connection off",
        "not_openai": "did not answer in HTTP",
        "too_large": "sent more than is accepted",
        "egress": "may not be called: no setting holds its base URL (competitor/backend/settings.py)",
    }.get(error.kind, f"answered with the HTTP status {error.status}")
    if 300 <= error.status < 400:
        said += ", which leads elsewhere and is not followed"
    log.warning(
        "a service failed",
        extra={"request_id": request_id, "why": f"{service} {said}", "detail": error.detail[:300]},
    )
    return ServiceError(f"{service} {said}", status=error.status, detail=error.detail)
