"""The base URL for links to artifacts. It is absolute, because relative links would break (A2)."""
# Contract file: replaced by updates.

import re

from ..settings import Settings

# A name, an IPv4 or a bracketed IPv6 address, and a port. Any other Host header is not used for links.
_HOST = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")


MAX_PORT = 65_535


def public_base(settings: Settings, host: str) -> str:
    """The configured base URL, or else `http://` and the request's `Host` header, if this header is valid."""
    if settings.artifact_url_base is not None:
        return settings.artifact_url_base.rstrip("/")
    found = _HOST.fullmatch(host)
    valid = found and int(found[2] or 0) <= MAX_PORT
    name, port = (found[1], found[2]) if found and valid else ("localhost", str(settings.port))
    if settings.artifact_port is not None:
        port = str(settings.artifact_port)
    return f"http://{name}:{port}" if port else f"http://{name}"
