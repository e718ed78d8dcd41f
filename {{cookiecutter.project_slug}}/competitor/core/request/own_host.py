"""Decides whether a `Host` is a name or an address that only this machine's users can choose."""
# Contract file: replaced by updates.

import re
from collections.abc import Container
from ipaddress import ip_address

# DNS rebinding lets another site's page use its own name for this machine, but not an address or localhost.
_NAME_OF_THIS_MACHINE = re.compile(r"(?:[a-z0-9-]+\.)*localhost")


def is_own_host(host: str) -> bool:
    """Whether this is `localhost`, a name below it, or an address, with or without a port."""
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::\d{1,5})?", host, re.ASCII)
    if found is None:
        return False
    name = found[1].strip("[]").lower()
    try:
        ip_address(name)
    except ValueError:
        return _NAME_OF_THIS_MACHINE.fullmatch(name) is not None
    return True


def is_own_host_or_in(host: str, others: Container[str]) -> bool:
    """Whether this is a host of this machine, or one of these, with or without a port."""
    name = host.lower()
    return is_own_host(host) or name in others or name.rpartition(":")[0] in others
