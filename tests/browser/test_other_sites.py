"""Tests in a real Chromium that pages of other sites read nothing from a server in development, and do nothing there.

The browser's own resolver maps every name to this machine, as an attacker's name server would (DNS rebinding).
"""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from selenium.webdriver import Chrome

from ..bakes import Bakes
from ..template_path import contract_tests
from .window import started

pytestmark = pytest.mark.browser
processes = contract_tests("processes")

# Sends one request of each kind, and collects what the page could read of each response.
ATTACK = """
const [base, done] = arguments, found = {};
const body = JSON.stringify({model: "m", messages: [{role: "user", content: "hello"}]});
const tries = {
  chat_as_a_form: () => fetch(base + "/v1/chat/completions", {method: "POST", mode: "no-cors", body: new Blob([body])}),
  chat_as_text: () => fetch(base + "/v1/chat/completions", {method: "POST", mode: "no-cors", body}),
  chat_as_json: () => fetch(base + "/v1/chat/completions",
    {method: "POST", headers: {"content-type": "application/json"}, body}),
  chat_by_beacon: async () => { navigator.sendBeacon(base + "/v1/chat/completions", new Blob([body])); },
  console: () => fetch(base + "/debug"),
  requests: () => fetch(base + "/debug/requests"),
  stream: () => fetch(base + "/v1/debug/stream/abc"),
  metrics: () => fetch(base + "/metrics"),
  health: () => fetch(base + "/health"),
  artifact: () => fetch(base + "/artifacts/x"),
};
(async () => {
  for (const [name, send] of Object.entries(tries)) {
    try {
      const response = await send();
      found[name] = response ? `${response.type} ${response.status}` : "sent";
    } catch (error) { found[name] = "refused"; }
  }
  done(found);
})();
"""


@pytest.fixture(scope="module")
def page() -> Iterator[int]:
    """The port of another site, which serves an empty page."""

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>other site</title>")

        def log_message(self, *_: object) -> None: ...

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def server(bakes: Bakes) -> Iterator[str]:
    settings = {"JANUS_DEBUG": "1", "JANUS_DEVELOPMENT": "1"}
    with processes.competitor(settings, cwd=bakes("proxy")) as (url, _):
        yield url


@pytest.fixture(scope="module")
def anyone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A browser for which every name is this machine."""
    profile: Path = tmp_path_factory.mktemp("profile")
    with started(profile, "--host-resolver-rules=MAP *.example 127.0.0.1") as browser:
        browser.set_script_timeout(30)
        yield browser


def answered(server: str) -> int:
    """The number of chat requests that the server has answered."""
    with urlopen(f"{server}/debug/requests", timeout=10) as response:
        return len(json.loads(response.read())["requests"])


def test_a_page_of_another_site_reads_nothing_and_does_nothing(anyone: Chrome, page: int, server: str) -> None:
    before = answered(server)
    anyone.get(f"http://evil.example:{page}")
    found = anyone.execute_async_script(ATTACK, server)
    assert {name: said for name, said in found.items() if said not in ("refused", "sent", "opaque 0")} == {}
    assert answered(server) == before


def test_a_page_under_a_name_that_points_to_this_machine_reads_nothing(anyone: Chrome, server: str) -> None:
    before, port = answered(server), server.rpartition(":")[2]
    anyone.get(f"http://evil.example:{port}/debug")
    assert "In development" in anyone.page_source
    found = anyone.execute_async_script(ATTACK, f"http://evil.example:{port}")
    read = {name: said for name, said in found.items() if said not in ("refused", "sent", "basic 403", "opaque 0")}
    assert read == {}
    assert answered(server) == before
