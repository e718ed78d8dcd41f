"""The addresses of a submission: an account of Bittensor's, an image, a repository. Nothing is looked up.
Contract file: replaced by updates.

Each function returns what is wrong and what to do, as one sentence's end, or an empty text.
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

# Names that only one network knows.
_PRIVATE = (".local", ".localhost", ".internal", ".lan", ".home", ".corp", ".test", ".example", ".invalid")
_PLACEHOLDERS = ("your-github-name", "your-name", "example.com", "example.org")


def hotkey(address: str) -> str:
    """An SS58 address of network 42: base58 of 35 bytes, the last two a blake2b checksum of the others (P1)."""
    if _HEX_KEY.fullmatch(address):
        return "is a public key in hex; give its SS58 address, which begins with a 5"
    if strange := [sign for sign in address if sign not in _BASE58]:
        return f"has {strange[0]!r}, which no SS58 address has (nor 0, O, I and l); copy the address again"
    number = 0
    for sign in address[:64]:
        number = number * 58 + _BASE58.index(sign)
    zeros = len(address) - len(address.lstrip("1"))
    size = zeros + (number.bit_length() + 7) // 8
    if size != _ADDRESS_BYTES or len(address) > 64:
        return f"holds {size} bytes and not {_ADDRESS_BYTES}; copy the whole address, 48 characters that begin with a 5"
    raw = number.to_bytes(_ADDRESS_BYTES, "big")
    if hashlib.blake2b(b"SS58PRE" + raw[:33]).digest()[:2] != raw[33:]:
        return "has a checksum that does not fit, so a character is wrong; copy the address again"
    if raw[0] != _NETWORK:
        return f"is an address of network {raw[0]} and not {_NETWORK}; give the key's Bittensor address"
    return ""


def image(reference: str) -> str:
    """A full reference: a host, a lower-case path, and a tag or a digest (P1)."""
    if _has_placeholder(reference):
        return "still has a name of the template's; put the account in that the image is pushed to"
    if "://" in reference:
        return "must not begin with a scheme; leave out what stands before the host, as in ghcr.io/octo-org/agent:1.0.0"
    if reference != reference.lower():
        return "must be in lower case; write all of it so, and push the image under that name"
    name, _, digest = reference.partition("@")
    if digest and not _DIGEST.fullmatch(digest):
        return "must have sha256: and 64 hex digits after the @; `docker inspect` shows the digest"
    host, _, rest = name.partition("/")
    if ":" in host and rest:
        return "must not name a port; push it to a registry on the usual port, such as ghcr.io"
    path, _, tag = rest.partition(":")
    if not rest or not _HOST.fullmatch(host):
        return "must begin with the host of a registry, as in ghcr.io/octo-org/agent:1.0.0"
    if not all(_PART.fullmatch(part) for part in path.split("/")):
        return "must have a path of lower-case letters, digits and single . _ - between slashes, as in octo-org/agent"
    if tag and digest:
        return "must have a tag or a digest; leave one of them out"
    if ":" in rest and not _TAG.fullmatch(tag):
        return "must have a tag of 1 to 128 letters, digits, . _ or - after the colon, as in :1.0.0"
    return ""


def source(url: str) -> str:
    """A repository that everybody can look into, as far as its address tells."""
    if _has_placeholder(url):
        return "still has a name of the template's; put the account in that the repository belongs to"
    parts = public(url)
    if isinstance(parts, str):
        return parts
    if parts.query or parts.fragment:
        return "must be the repository's own address; leave out what follows the ? or #"
    if len([part for part in parts.path.split("/") if part]) < 2:
        return "must lead to one repository, as in https://github.com/octo-org/agent"
    return ""


def link(url: str) -> str:
    """An address that everybody can open."""
    if _has_placeholder(url):
        return "still has a name of the template's; put the account in that the page belongs to"
    found = public(url)
    return found if isinstance(found, str) else ""


def public(url: str) -> SplitResult | str:
    """The parts of an https URL under a public name, or what is wrong with it."""
    if re.match(r"(?:ssh://|git@|git://)", url):
        return "must be an https address, which needs no account; write https://HOST/OWNER/REPO"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "cannot be read as an address; write it as in https://github.com/octo-org/agent"
    host = parts.hostname or ""
    if parts.scheme != "https" or not host or re.search(r"[\s<>\"\\^`{|}]", url):
        return "must be an https address without spaces, as in https://github.com/octo-org/agent"
    if "@" in parts.netloc:
        return "must not hold a user name or a token; take out what stands before the @, and withdraw a token"
    if port not in (None, 443):
        return "must not name a port; use a host that serves https on the usual one"
    if _is_private(host):
        return "must be on a host that everybody can reach; push it to a public one such as github.com"
    return parts


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith(_PRIVATE)


def _has_placeholder(text: str) -> bool:
    return any(name in text.lower() for name in _PLACEHOLDERS)
