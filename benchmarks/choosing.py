"""`python -m benchmarks.choosing`: measures what helps to choose a variant, for the table of docs/variants.md."""

import json
import re
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from . import environments, machine
from .costs import QUICK_LOADS, cost
from .environments import ROOT
from .goals import ratio
from .lineup import PEERS
from .report import shown, table
from .servers import Mock, Server

PAGE = ROOT / "docs" / "variants.md"
BETWEEN = re.compile(r"(?<=<!-- measured -->\n).*?(?=<!-- end -->)", re.DOTALL)
HEAD = [
    "Variant",
    "Packages",
    "Adds to the image",
    "Healthy after",
    "First answer after",
    "CPU a token, as a multiple of *proxy*",
    "Prompt tokens added to `hello`",
]
REPETITIONS = 3


def main() -> int:
    machine.leave_the_servers_core()
    names = {"relay": "proxy"} | {name: name for name in environments.variants() if name != "proxy"}
    costs = {"s50": cost("s50", QUICK_LOADS["s50"], tuple(names), REPETITIONS)}
    rows = []
    tokens = {peer: _answered(peer) for peer in names}
    for peer, name in names.items():
        packages, size = _installed(name)
        healthy, first, prompt = tokens[peer]
        times = ratio(costs, "s50", "relay", peer)
        added = prompt - tokens["relay"][2]
        rows.append(
            [f"*{name}*", str(packages), f"{size} MB", f"{healthy:.1f} s", f"{first:.1f} s", shown(times), str(added)]
        )
    made = table(HEAD, rows)
    print(made)
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(BETWEEN.sub(lambda _: f"{made}\n", text), encoding="utf-8")
    return 0


def _answered(peer: str) -> tuple[float, float, int]:
    """The seconds from the start to the first 200 of /health, and to the end of an answer, and its prompt tokens."""
    asked = {"model": "any", "messages": [{"role": "user", "content": "hello"}]}
    with Mock() as mock:
        for _ in range(2):  # the first start writes bytecode
            with Server(PEERS[peer], mock.port, bare=True) as server:
                given = urllib.request.Request(
                    server.url, json.dumps(asked).encode(), {"content-type": "application/json"}
                )
                with urllib.request.urlopen(given, timeout=60) as response:
                    said: dict[str, Any] = json.loads(response.read())
                found = server.ready_after, time.monotonic() - server.began, int(said["usage"]["prompt_tokens"])
    return found


def _installed(variant: str) -> tuple[int, int]:
    """The number of packages in the variant's lock, and their size in MB once they are installed."""
    lock = next((ROOT / "templates_variants" / variant).glob("*/requirements.txt"))
    pins = re.findall(r"^[a-z0-9._-]+==", lock.read_text(encoding="utf-8"), re.MULTILINE | re.IGNORECASE)
    python = environments.python_of(f"variant-{variant}", lock)
    folder = next(python.parents[1].glob("lib/python*/site-packages"))
    return len(pins), round(sum(_size(path) for path in folder.rglob("*")) / 1e6)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() and "__pycache__" not in path.parts else 0


if __name__ == "__main__":
    sys.exit(main())
