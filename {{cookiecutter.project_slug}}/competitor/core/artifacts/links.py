"""Ids of kept artifacts. An id is its own proof: chance, the second it expires, and a signature over both.
Contract file: replaced by updates.

So a link is refused before anything is looked up, and whoever sweeps knows from the name alone what is over.
"""

import base64
import hashlib
import hmac
import re
import secrets

PREFIX = "art_"
KEY_BYTES = 32
_CHANCE, _EXPIRY, _SIGNATURE = 9, 5, 16  # bytes; 30 in all are 48 characters of base32 without a rest
# Lower-case base32: some file systems do not tell upper case from lower.
_ID = re.compile(r"art_[a-z2-7]{48}")


class Refused(Exception):
    """This id was never made here, or it has expired (`expired`)."""

    def __init__(self, *, expired: bool):
        super().__init__("expired" if expired else "unknown")
        self.expired = expired


class Signer:
    """Makes ids and checks them."""

    def __init__(self, key: bytes):
        self._key = key

    def make(self, expires: int) -> str:
        """A new id that holds until the second `expires` of Unix time."""
        said = secrets.token_bytes(_CHANCE) + expires.to_bytes(_EXPIRY, "big")
        return PREFIX + base64.b32encode(said + self._signature(said)).decode().lower()

    def check(self, id: str, now: float) -> int:
        """When it expires. Raises `Refused`."""
        raw = _decoded(id)
        said, signature = raw[:-_SIGNATURE], raw[-_SIGNATURE:]
        if not raw or not hmac.compare_digest(signature, self._signature(said)):
            raise Refused(expired=False)
        expires = int.from_bytes(said[_CHANCE:], "big")
        if expires <= now:
            raise Refused(expired=True)
        return expires

    def _signature(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, hashlib.sha256)[:_SIGNATURE]


def new_inline_id() -> str:
    """For what is not kept: its URL holds all of it."""
    return f"{PREFIX}{secrets.token_hex(12)}"


def expiry(id: str) -> int | None:
    """The Unix time in seconds that an id names, whoever made it; None for anything that is not an id."""
    raw = _decoded(id)
    return int.from_bytes(raw[_CHANCE : _CHANCE + _EXPIRY], "big") if raw else None


def _decoded(id: str) -> bytes:
    return base64.b32decode(id.removeprefix(PREFIX).upper()) if _ID.fullmatch(id) else b""
