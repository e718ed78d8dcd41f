"""The list of hosts holds at the socket: no way past it by a redirect, a proxy, a name, by size or by time."""

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

from ..unit.outbound.test_client import OK, fetch, says, with_server
from .conftest import Faulty, processes

pytestmark = pytest.mark.torture("D", "ways past the list: redirects, proxies, rebinding, size, time")


@contextmanager
def listener() -> Iterator[socket.socket]:
    """Somewhere that nobody may come to."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.5)
        yield listening


def nobody_came(listening: socket.socket) -> bool:
    try:
        listening.accept()[0].close()
    except TimeoutError:
        return True
    return False


def test_a_redirect_is_a_refusal_and_leads_nowhere() -> None:
    with listener() as elsewhere:
        location = f"location: http://127.0.0.1:{elsewhere.getsockname()[1]}/\r\n".encode()
        redirect = b"HTTP/1.1 307 Temporary Redirect\r\n" + location + b"content-length: 0\r\n\r\n"
        assert asyncio.run(with_server(says(redirect), fetch))[0] == 307
        assert nobody_came(elsewhere)


def test_proxies_of_the_environment_are_not_asked(faulty: Faulty) -> None:
    with listener() as proxy:
        url = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
        given = {**dict.fromkeys(names, url), "JANUS_LLM_BASE_URL": f"{faulty.url}/v1"}
        with processes.competitor(given, *processes.SCRIPTED) as (served, _):
            said = processes.Target(served).post(question("fault: none")).json()
        assert said["choices"][0]["message"]["content"] == "Hello "
        assert nobody_came(proxy)


def test_a_name_that_leads_to_a_listed_address_is_not_listed() -> None:
    """Rebinding: what is looked at is the name, and what is connected to is that name's own address, once."""

    async def go(port: int) -> None:
        client = HttpClient(Egress([f"http://127.0.0.1:{port}/"]), connect_seconds=2, silence_seconds=2)
        with pytest.raises(UpstreamError, match="egress"):
            await client.open("GET", f"http://localhost:{port}/", {})

    with listener() as here:
        asyncio.run(go(here.getsockname()[1]))
        assert nobody_came(here)


def test_a_response_has_a_most_size() -> None:
    large = says(OK + b"content-length: 2000000\r\n\r\n" + b"x" * 2_000_000)
    with pytest.raises(UpstreamError, match="too_large"):
        asyncio.run(with_server(large, fetch))


def test_a_response_has_a_most_time() -> None:
    began = time.monotonic()
    with pytest.raises(UpstreamError, match="silent"):
        asyncio.run(with_server(says(OK, pause=600), fetch, silence_seconds=0.5))
    assert time.monotonic() - began < 300
