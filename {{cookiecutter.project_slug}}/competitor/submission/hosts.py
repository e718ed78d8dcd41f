"""Finds the hosts that the code and the Dockerfile name. In the arena, only `PLATFORM_HOSTS` can be reached (X1)."""
# Contract file: replaced by updates.

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ..core.outbound.egress import PLATFORM_HOSTS
from .finding import Finding

_URL = re.compile(r"(?:https?|wss?)://(?:[^/\s\"'@]*@)?(\[[0-9a-f:]+\]|[A-Za-z0-9._-]+)")
_HERE = ("localhost", "127.0.0.1", "[::1]", "0.0.0.0")  # noqa: S104 # nosec B104 - only compared
_SAMPLES = ("example.com", "example.org", "example.net")
# Libraries that open connections themselves. They bypass the core's client, which enforces the list of hosts.
_CLIENTS = {"aiohttp", "ftplib", "grpc", "http", "httpx", "requests", "smtplib", "socket", "urllib3", "websockets"}


def reviewed(root: Path) -> Finding:
    """The finding on egress: `broken` for an unlisted host, `look` for a library that can open connections."""
    about = "egress"
    backend = sorted((root / "competitor" / "backend").rglob("*.py"))
    named = [(file.relative_to(root).as_posix(), host) for file in backend for host in _hosts(_tree(file))]
    dockerfile = root / "Dockerfile"
    text = dockerfile.read_text(encoding="utf-8", errors="replace") if dockerfile.is_file() else ""
    settings = "\n".join(line for line in _joined(text) if line.lstrip().upper().startswith("ENV"))
    named += [("Dockerfile", host) for host in _URL.findall(settings)]
    if unlisted := list(dict.fromkeys(f"{host} in {file}" for file, host in named if not _is_listed(host))):
        remedy = f"in the arena only {', '.join(PLATFORM_HOSTS)} can be reached; use one of these"
        return Finding(about, "broken", f"names {', '.join(unlisted[:5])}", remedy)
    clients = [f"{file.name} imports {name}" for file in backend for name in sorted(_imports(_tree(file)) & _CLIENTS)]
    if clients:
        remedy = "call services with `chat.http`, which enforces the list, or name the library's hosts in the README"
        return Finding(about, "look", ", ".join(clients[:5]), remedy)
    return Finding(about, "ok", "only listed hosts are named, and only the core's client opens connections")


def _is_listed(host: str) -> bool:
    host = host.lower().rstrip(".")
    return host in PLATFORM_HOSTS or host in _HERE or host.removeprefix("www.") in _SAMPLES


def _tree(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _hosts(tree: ast.Module) -> Iterator[str]:
    """The hosts of the URLs in a module's strings, except in docstrings."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield from _URL.findall(node.value)


def _imports(tree: ast.Module) -> set[str]:
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    names += [f"{node.module}.{alias.name}" for node in froms for alias in node.names]
    web = {"urllib3"} if any(name.startswith("urllib.request") for name in names) else set()
    return {name.partition(".")[0] for name in names} | web


def _joined(text: str) -> list[str]:
    return re.sub(r"\\\r?\n", " ", text).splitlines()
