"""Egress rules: this process may connect only to the platform's hosts and the configured base URLs (X1, X2)."""
# Contract file: replaced by updates.

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

# The hosts that clause X1 of the contract lists.
INFERENCE_HOSTS = ("api.chutes.ai", "llm.chutes.ai")
PLATFORM_HOSTS = (
    *INFERENCE_HOSTS,
    "image.chutes.ai",
    "chutes-kokoro.chutes.ai",
    "proxy.janus.rodeo",
    "sandbox.janus.rodeo",
    "search.janus.rodeo",
    "vector.janus.rodeo",
)
_PORTS = {"http": 80, "https": 443}
# The form of host names and literal addresses. Parsers read anything else (spaces, escapes, control
# characters, backslashes) in different ways, so it is refused.
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\]")
_URL = re.compile(r"[\x21\x23-\x5b\x5d\x5f\x61-\x7a\x7e]+")


class EgressRefused(Exception):
    """This process may not call the URL. The message names the reason, not the URL."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port: the server that a connection is made to."""

    scheme: str
    host: str
    port: int

    @property
    def host_header(self) -> str:
        return self.host if self.port == _PORTS[self.scheme] else f"{self.host}:{self.port}"


@lru_cache(maxsize=64)  # all requests use the same few base URLs
def parse(url: str) -> tuple[Origin, str]:
    """The origin of an `http(s)` URL, and the path with the query.

    Raises `EgressRefused` for a URL that different parsers could read in different ways.
    """
    if not _URL.fullmatch(url):
        raise EgressRefused("it has characters that a URL may not have")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise EgressRefused("it cannot be read as a URL") from None
    if parts.scheme not in _PORTS:
        raise EgressRefused("it is neither http nor https")
    if "@" in parts.netloc:
        raise EgressRefused("it holds a user name")
    host = f"[{parts.hostname}]" if parts.netloc.startswith("[") else parts.hostname or ""
    behind = parts.netloc.rpartition("]")[2].partition(":")[0] if host.startswith("[") else ""
    if behind or not _HOST.fullmatch(host):
        raise EgressRefused("it has no valid host name")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Origin(parts.scheme, host, port or _PORTS[parts.scheme]), target


def is_platform(url: str) -> bool:
    """Whether the URL's host is the platform's inference service: `chutes.ai` or a subdomain (R8, E9)."""
    host = parse(url)[0].host
    return host == "chutes.ai" or host.endswith(".chutes.ai")


def other_inference_url(url: str) -> str | None:
    """The same URL at the platform's other inference host (X2); None for a URL of another host."""
    host = parse(url)[0].host
    if host not in INFERENCE_HOSTS:
        return None
    other = INFERENCE_HOSTS[1 - INFERENCE_HOSTS.index(host)]
    return url.replace(host, other, 1)


def is_this_machine(host: str) -> bool:
    """Whether the host of an `Origin` is `localhost` or a loopback address."""
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Egress:
    """The allow-list. It holds origins, so that only the listed ports of a host are open."""

    def __init__(self, base_urls: Iterable[str] = ()):
        self._allowed = {Origin("https", host, 443) for host in PLATFORM_HOSTS}
        for url in base_urls:
            self.allow(url)

    def allow(self, base_url: str) -> None:
        self._allowed.add(parse(base_url)[0])

    def check(self, url: str) -> tuple[Origin, str]:
        """Returns the origin to connect to and the target to request, exactly as they were checked.

        Raises `EgressRefused` if the origin is not on the list.
        """
        origin, target = parse(url)
        if origin not in self._allowed:
            raise EgressRefused("its host is not on the list")
        return origin, target
