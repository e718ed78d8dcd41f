"""Tests that the console refuses a peer that is not listed. A network namespace acts as the peer's machine."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from ..scripted import SCRIPTED
from ..template_path import UNBAKED, contract_tests

# These tests are among the browser tests because both need root, or sudo without a password.
pytestmark = pytest.mark.browser
processes = contract_tests("processes")

_BECOME = [] if os.geteuid() == 0 else ["sudo", "-n"]
# Addresses that RFC 2544 reserves for benchmarks, so no network uses them.
HERE, THERE, NETWORK = "198.18.77.1", "198.18.77.2", "198.18.77.0/30"
ASK = """
import sys, urllib.error, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    print(opener.open(sys.argv[1], timeout=10).status)
except urllib.error.HTTPError as refused:
    print(refused.code, refused.read().decode())
"""


@dataclass(frozen=True)
class Machine:
    """A network namespace. It has its own IP address, like another machine."""

    name: str

    def asks(self, url: str) -> str:
        """Sends a GET from the namespace. Returns the status, and for an error also the body."""
        return _run("ip", "netns", "exec", self.name, sys.executable, "-c", ASK, url)


def _run(*command: str) -> str:
    done = subprocess.run([*_BECOME, *command], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, f"{' '.join(command[:4])}: {done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="module")
def other() -> Iterator[Machine]:
    name = f"janus-{os.getpid()}"
    near, far = f"jn{os.getpid()}"[:15], f"jf{os.getpid()}"[:15]
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", name)
        _run("ip", "addr", "add", f"{HERE}/30", "dev", near)
        _run("ip", "link", "set", near, "up")
        _run("ip", "-n", name, "addr", "add", f"{THERE}/30", "dev", far)
        _run("ip", "-n", name, "link", "set", far, "up")
        yield Machine(name)
    finally:
        _run("ip", "netns", "del", name)  # this also deletes both ends of the virtual cable


def served(port: int, **settings: str) -> "subprocess.Popen[bytes]":
    given = {"HOST": HERE, "PORT": str(port), "JANUS_DEBUG": "true", **settings}
    server = subprocess.Popen([sys.executable, *SCRIPTED], cwd=UNBAKED, env=given, stderr=subprocess.DEVNULL)
    processes.wait_until_healthy(f"http://{HERE}:{port}", server)
    return server


@pytest.mark.parametrize("allowed", ["", "10.0.0.0/8, 198.18.76.0/24", NETWORK, f"{THERE}/32"])
def test_a_peer_sees_the_console_only_if_the_settings_name_its_address(allowed: str, other: Machine) -> None:
    port = processes.free_port()
    server = served(port, JANUS_DEBUG_ALLOW=allowed)
    url = f"http://{HERE}:{port}"
    try:
        for path in ("/debug", "/debug/requests"):
            said = other.asks(f"{url}{path}")
            if allowed in (NETWORK, f"{THERE}/32"):
                assert said == "200", path
            else:
                assert said.startswith("403"), path
                assert "not_allowed" in said
                assert "<script" not in said
        assert other.asks(f"{url}/health") == "200", "the server can be reached"
        assert other.asks(f"{url}/v1/debug/stream/any-peer-may-ask") == "200", "any peer may read a debug stream (E6)"
    finally:
        server.terminate()
        server.wait(15)


def test_while_the_console_is_off_a_peer_gets_404(other: Machine) -> None:
    port = processes.free_port()
    server = served(port, JANUS_DEBUG="false", JANUS_DEBUG_ALLOW=NETWORK)
    try:
        for path in ("/debug", "/debug/requests", "/v1/debug/stream/any"):
            assert other.asks(f"http://{HERE}:{port}{path}").startswith("404"), path
    finally:
        server.terminate()
        server.wait(15)
