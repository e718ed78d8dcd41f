"""Checks the addresses in a submission form: hotkey, image, source and links. It uses no network.
Contract file: replaced by updates.

Each function returns an empty string for a good address. Otherwise it returns what is wrong and how to fix it, as the
end of a sentence that begins with the field's name.
"""

import hashlib
import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_ADDRESS_BYTES, _NETWORK = 35, 42
_HEX_KEY = re.compile(r"0x[0-9a-fA-F]{64}")

_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+")
_PART = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

# Endings of host names that are used only in private networks.
_PRIVATE = (".local", ".localhost", ".internal", ".lan", ".home", ".corp", ".test", ".example", ".invalid")
_PLACEHOLDERS = ("your-github-name", "your-name", "example.com", "example.org")


# The development accounts of Substrate (Alice to Ferdie): everybody knows their secrets.
PUBLIC_HOTKEYS = frozenset(
    (
        "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
        "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty",
        "5FLSigC9HGRKVhB9FiEo4Y3koPsNmBmLJbpXg2mp1hXcS59Y",
        "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy",
        "5HGjWAeFDfFCWPsjFQdVV2Msvz2XtMktvgocEZcCj68kUMaw",
        "5CiPPseXPECbkjWCa6MnjNokrgYjMqmKndv2rSnekmSK2DjL",
    )
)


def hotkey(address: str) -> str:
    """Checks an SS58 address of network 42 (P1).

    An address is the base58 text of 35 bytes. The last two bytes are a blake2b checksum of the others.
    """
    if _HEX_KEY.fullmatch(address):
        return "is a public key in hex; give its SS58 address, which begins with 5"
    if strange := [sign for sign in address if sign not in _BASE58]:
        return f"contains {strange[0]!r}; only digits and letters except 0, O, I, l are valid; copy the address again"
    number = 0
    for sign in address[:64]:
        number = number * 58 + _BASE58.index(sign)
    zeros = len(address) - len(address.lstrip("1"))
    size = zeros + (number.bit_length() + 7) // 8
    if size != _ADDRESS_BYTES or len(address) > 64:
        return f"encodes {size} bytes, not {_ADDRESS_BYTES}; copy all 48 characters of the address, which begins with 5"
    raw = number.to_bytes(_ADDRESS_BYTES, "big")
    if hashlib.blake2b(b"SS58PRE" + raw[:33]).digest()[:2] != raw[33:]:
        return "has a wrong checksum, so at least one character is wrong; copy the address again"
    if raw[0] != _NETWORK:
        return f"is an address for network {raw[0]}, not {_NETWORK}; give the key's Bittensor address"
    return ""


def image(reference: str) -> str:
    """Checks a full image reference: a host, a lower-case path, and a tag or a digest (P1)."""
    if _has_placeholder(reference):
        return "still contains a placeholder; replace it by the account that the image is pushed to"
    if "://" in reference:
        return "must not begin with a scheme; leave out everything before the host, as in ghcr.io/octo-org/agent:1.0.0"
    if reference != reference.lower():
        return "must be in lower case; rewrite it in lower case, and push the image under that name"
    name, _, digest = reference.partition("@")
    if digest and not _DIGEST.fullmatch(digest):
        return "must have sha256: and 64 hex digits after the @; `docker inspect` shows the digest"
    host, _, rest = name.partition("/")
    if ":" in host and rest:
        return "must not name a port; push the image to a registry on port 443, such as ghcr.io"
    path, _, tag = rest.partition(":")
    if not rest or not _HOST.fullmatch(host):
        return "must begin with the host of a registry, as in ghcr.io/octo-org/agent:1.0.0"
    if not all(_PART.fullmatch(part) for part in path.split("/")):
        return "must have a path of lower-case letters and digits, separated by / . _ or -, as in octo-org/agent"
    if tag and digest:
        return "must not have both a tag and a digest; leave one of them out"
    if ":" in rest and not _TAG.fullmatch(tag):
        return "must have a tag of 1 to 128 letters, digits, . _ or - after the colon, as in :1.0.0"
    return ""


def source(url: str) -> str:
    """Checks the https URL of a public repository, as far as the URL shows that it is public."""
    if _has_placeholder(url):
        return "still contains a placeholder; replace it by the account that owns the repository"
    parts = public(url)
    if isinstance(parts, str):
        return parts
    if parts.query or parts.fragment:
        return "must be the URL of the repository itself; leave out everything from the ? or # on"
    if len([part for part in parts.path.split("/") if part]) < 2:
        return "must be the URL of one repository, as in https://github.com/octo-org/agent"
    return ""


def link(url: str) -> str:
    """Checks the https URL of a page that everybody can open."""
    if _has_placeholder(url):
        return "still contains a placeholder; replace it by the account that owns the page"
    found = public(url)
    return found if isinstance(found, str) else ""


def public(url: str) -> SplitResult | str:
    """Returns the parts of an https URL with a public host, or a text that says what is wrong with the URL."""
    if re.match(r"(?:ssh://|git@|git://)", url):
        return "must be an https URL, which can be opened without an account; write https://HOST/OWNER/REPO"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a valid URL; write it like https://github.com/octo-org/agent"
    host = parts.hostname or ""
    if parts.scheme != "https" or not host or re.search(r"[\s<>\"\\^`{|}]", url):
        return "must be an https URL without spaces, as in https://github.com/octo-org/agent"
    if "@" in parts.netloc:
        return "must not contain a user name or a token; remove everything before the @, and revoke the token"
    if port not in (None, 443):
        return "must not name a port; use a host that serves https on port 443"
    if _is_private(host):
        return "must be on a host that everybody can reach; push it to a public host such as github.com"
    return parts


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE)


def _has_placeholder(text: str) -> bool:
    return any(name in text.lower() for name in _PLACEHOLDERS)
