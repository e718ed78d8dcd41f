"""The absolute URL under which callers reach this competitor (A2: relative ones break)."""
# Contract file: replaced by updates.

import re

from ..settings import Settings

# A name, an IPv4 or a bracketed IPv6 address, and a port. All else in a Host header is somebody's attempt.
_HOST = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{1,5}))?")


def public_base(settings: Settings, host: str) -> str:
    """The configured base URL, else `http://` and the `Host` of the request where that is one."""
    if settings.artifact_url_base is not None:
        return settings.artifact_url_base.rstrip("/")
    found = _HOST.fullmatch(host)
    name, port = (found[1], found[2]) if found else ("localhost", str(settings.port))
    if settings.artifact_port is not None:
        port = str(settings.artifact_port)
    return f"http://{name}:{port}" if port else f"http://{name}"
