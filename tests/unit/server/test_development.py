"""Tests which requests are refused in development, on which routes, and that the image answers any gateway."""

import http.client
import json
from collections.abc import Iterator

import pytest

from competitor.core.server.development import reason

from ...scripted import SCRIPTED
from ...template_path import UNBAKED, contract_tests

processes = contract_tests("processes")
HOSTS = frozenset({"gateway.internal"})
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:8080"},
        {"host": "127.0.0.1:8080"},
        {"host": "[::1]:8080"},
        {"host": "192.168.1.7"},
        {"host": "mine.localhost"},
        {"host": "gateway.internal:80"},
        {"host": "localhost:8080", "origin": "http://localhost:8080", "sec-fetch-site": "same-origin"},
        {"host": "localhost:8080", "origin": "http://localhost:3000", "sec-fetch-site": "same-site"},
        {"host": "localhost:8080", "sec-fetch-site": "none"},
    ],
)
def test_local_requests_are_answered(headers: dict[str, str]) -> None:
    assert reason("POST", {**JSON, **headers}, HOSTS) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": ""},
        {"host": "evil.example"},
        {"host": "localhost.evil.example"},
        {"host": "evil.example:8080", "origin": "http://evil.example:8080", "sec-fetch-site": "same-origin"},
        {"host": "localhost:8080", "origin": "http://evil.example"},
        {"host": "localhost:8080", "origin": "https://localhost.evil.example"},
        {"host": "localhost:8080", "origin": "null"},
        {"host": "localhost:8080", "origin": "chrome-extension://abc"},
        {"host": "localhost:8080", "sec-fetch-site": "cross-site"},
        {"host": "localhost:8080", "sec-fetch-site": "Cross-Site", "sec-fetch-mode": "navigate"},
    ],
)
def test_requests_of_other_sites_and_under_other_names_are_refused(headers: dict[str, str]) -> None:
    for method in ("GET", "POST"):
        error = reason(method, {**JSON, **headers}, HOSTS)
        assert error is not None
        assert error.status == 403


def test_a_post_needs_its_content_type() -> None:
    error = reason("POST", {"host": "localhost"}, HOSTS)
    assert error is not None
    assert error.status == 415
    assert reason("GET", {"host": "localhost"}, HOSTS) is None


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[bool, str]]:
    """The URL of a server in development, and of one as in the image."""
    launcher = processes.Launcher(cwd=UNBAKED)
    try:
        development = launcher({"JANUS_DEBUG": "1", "JANUS_DEVELOPMENT": "1"}, *SCRIPTED)
        image = launcher({"JANUS_DEBUG": "1"}, *SCRIPTED)
        yield {True: development.url, False: image.url}
    finally:
        launcher.close()


ROUTES = [
    ("GET", "/health"),
    ("GET", "/v1/models"),
    ("GET", "/metrics"),
    ("GET", "/debug"),
    ("GET", "/v1/debug/stream/abc"),
    ("GET", "/openapi.json"),
    ("GET", "/artifacts/x"),
    ("POST", "/v1/chat/completions"),
    ("OPTIONS", "/v1/chat/completions"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_is_guarded_in_development_and_only_debug_routes_in_the_image(
    method: str, path: str, servers: dict[bool, str]
) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}) if method == "POST" else None
    for host in ("evil.example", None):
        for development, url in servers.items():
            connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)
            headers = {**JSON, **({"host": host} if host else {})}
            connection.request(method, path, body, headers)
            status = connection.getresponse().status
            connection.close()
            if development and host:
                assert status == 403
            elif not path.startswith(("/debug", "/v1/debug")) or not host:
                assert status != 403
