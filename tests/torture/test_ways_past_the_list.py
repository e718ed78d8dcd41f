"""Tests that no redirect, proxy or name bypasses the allow-list, and that responses have a maximum size and time."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from competitor.checks.target import question
from competitor.core.errors import UpstreamError
from competitor.core.outbound.client import HttpClient
from competitor.core.outbound.egress import Egress

from ..scripted import SCRIPTED
from ..unit.outbound.test_client import OK, fetch, says, with_server
from .conftest import Faulty, processes

pytestmark = pytest.mark.torture("D", "ways around the limits of outgoing requests")


@contextmanager
def listener() -> Iterator[socket.socket]:
    """A listening socket to which nothing may connect."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.5)
        yield listening


def nobody_connected(listening: socket.socket) -> bool:
    try:
        listening.accept()[0].close()
    except TimeoutError:
        return True
    return False


def test_a_redirect_is_not_followed() -> None:
    with listener() as elsewhere:
        location = f"location: http://127.0.0.1:{elsewhere.getsockname()[1]}/\r\n".encode()
        redirect = b"HTTP/1.1 307 Temporary Redirect\r\n" + location + b"content-length: 0\r\n\r\n"
        assert asyncio.run(with_server(says(redirect), fetch))[0] == 307
        assert nobody_connected(elsewhere)


def test_proxies_in_the_environment_are_not_used(faulty: Faulty) -> None:
    with listener() as proxy:
        url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        given = {**dict.fromkeys(names, url), "JANUS_LLM_BASE_URL": f"{faulty.url}/v1"}
        with processes.competitor(given, *SCRIPTED) as (served, _):
            said = processes.Target(served).post(question("fault: none")).json()
        assert said["choices"][0]["message"]["content"] == "Hello "
        assert nobody_connected(proxy)


def test_a_name_that_resolves_to_a_listed_address_is_not_allowed() -> None:
    """DNS rebinding is impossible: a host is allowed by its name, not its address, and is resolved only once."""

    async def go(port: int) -> None:
        client = HttpClient(Egress([f"http://127.0.0.1:{port}/"]), connect_seconds=2, silence_seconds=2)
        with pytest.raises(UpstreamError, match="egress"):
            await client.open("GET", f"http://localhost:{port}/", {})

    with listener() as here:
        asyncio.run(go(here.getsockname()[1]))
        assert nobody_connected(here)


def test_a_response_has_a_maximum_size() -> None:
    large = says(OK + b"content-length: 2000000\r\n\r\n" + b"x" * 2_000_000)
    with pytest.raises(UpstreamError, match="too_large"):
        asyncio.run(with_server(large, fetch))


def test_a_silent_response_has_a_time_limit() -> None:
    began = time.monotonic()
    with pytest.raises(UpstreamError, match="silent"):
        asyncio.run(with_server(says(OK, pause=600), fetch, silence_seconds=0.5))
    assert time.monotonic() - began < 300
