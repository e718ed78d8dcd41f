"""Decides who may open the console (E5) and the debug streams (E6)."""
# Contract file: replaced by updates.

from collections.abc import Container, Iterable, Mapping
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from ..request.own_host import is_own_host, is_own_host_or_in

# A reverse proxy on this machine sends requests of other people, and marks them with these headers.
_FORWARDING = ("forwarded", "x-forwarded-", "x-real-ip", "via")


class Guard:
    """Decides who may open the console: `reason` returns why a request is refused, or None if it is not."""

    def __init__(self, allowed: Iterable[IPv4Network | IPv6Network], stream_hosts: Container[str] = ()):
        self._allowed, self._stream_hosts = tuple(allowed), stream_hosts

    def reason(self, peer: str, headers: Mapping[str, str]) -> str | None:
        if not self._is_near(peer, headers):
            return "Only this machine and the networks in JANUS_DEBUG_ALLOW may open the console."
        if not is_own_host(headers.get("host", "")):
            return "Open the console under the name localhost or an IP address, not under another name."
        return None

    def is_stream_host(self, host: str) -> bool:
        """Whether a debug stream may be read under this `Host`: a local name, an address, or one of the settings."""
        return is_own_host_or_in(host, self._stream_hosts)

    def _is_near(self, peer: str, headers: Mapping[str, str]) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if any(address in network for network in self._allowed if network.version == address.version):
            return True
        return address.is_loopback and not any(name.startswith(_FORWARDING) for name in headers)
