"""Runs a competitor alone in a network namespace and prints whom it calls: `python -m tests.backends.alone FOLDER`.

In the namespace, every address leads to this machine, so that each packet for another one can be seen: a call of a
model, a trace, a question for a name. What is printed is a JSON list of addresses.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from ..template_path import contract_tests

SET_UP = ("unshare", "-rn", "sh", "-c", 'ip link set lo up && ip route add local default dev lo && exec "$@"', "sh")
ASKED = ("hello", "What is 17 * 23? Use your calculator.", 'Create a file named "notes.md" with "Hello, reader".')
WAIT_SECONDS = 7.0  # the frameworks' exporters send every 5 s
# What would switch the telemetry of a framework on.
TEMPTING = {
    "LANGSMITH_TRACING": "true", "LANGCHAIN_TRACING_V2": "true", "LANGSMITH_API_KEY": "key",
    "LOGFIRE_TOKEN": "token", "LOGFIRE_SEND_TO_LOGFIRE": "true",
    "OPENAI_AGENTS_DISABLE_TRACING": "false", "OPENAI_API_KEY": "key",
}  # fmt: skip


def main() -> None:
    found: set[str] = set()
    listening = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.ntohs(0x0800))
    listening.bind(("lo", 0x0800))
    threading.Thread(target=_listen, args=(listening, found), daemon=True).start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.sendto(b"x", ("203.0.113.9", 9))  # shows that packets are seen
    processes = contract_tests("processes")
    with processes.competitor(TEMPTING, cwd=Path(sys.argv[1])) as (url, _):
        for text in ASKED:
            asked = json.dumps({"model": "any", "messages": [{"role": "user", "content": text}]}).encode()
            given = urllib.request.Request(f"{url}/v1/chat/completions", asked, {"content-type": "application/json"})
            with urllib.request.urlopen(given, timeout=120) as response:
                response.read()
        time.sleep(WAIT_SECONDS)
    print(json.dumps(sorted(found)))


def _listen(listening: socket.socket, found: set[str]) -> None:
    while packet := listening.recv(100):
        goal = socket.inet_ntoa(packet[16:20])
        if not goal.startswith("127."):
            found.add(goal)


if __name__ == "__main__":
    os.environ.pop("http_proxy", None)
    assert subprocess.run(["ip", "link"], capture_output=True, check=True).stdout.count(b"\n") == 2, "not alone"
    main()
