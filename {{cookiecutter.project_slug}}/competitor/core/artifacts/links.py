"""Ids of stored artifacts. An id holds random bytes, its expiry time in seconds, and a signature over both.
Contract file: replaced by updates.

So a forged or expired link is refused without reading the store, and an object's id alone tells if it has expired.
"""

import base64
import hashlib
import hmac
import re
import secrets

PREFIX = "art_"
KEY_BYTES = 32
_CHANCE, _EXPIRY, _SIGNATURE = 9, 5, 16  # bytes; all 30 are exactly 48 characters of base32
# Lower-case base32: some file systems do not tell upper case from lower.
_ID = re.compile(r"art_[a-z2-7]{48}")


class Refused(Exception):
    """An id is refused: the artifact has expired (if `expired`), or this server never made the id."""

    def __init__(self, *, expired: bool):
        super().__init__("expired" if expired else "unknown")
        self.expired = expired


class Signer:
    """Makes and checks the ids of artifacts."""

    def __init__(self, key: bytes):
        self._key = key

    def make(self, expires: int) -> str:
        """Makes a new id that is valid until `expires`, in seconds of Unix time."""
        said = secrets.token_bytes(_CHANCE) + expires.to_bytes(_EXPIRY, "big")
        return PREFIX + base64.b32encode(said + self._signature(said)).decode().lower()

    def check(self, id: str, now: float) -> int:
        """Returns when the id expires, in seconds of Unix time. Raises `Refused` if it is forged or expired."""
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
    """Makes an id for an artifact that is not stored, because its URL holds all its bytes."""
    return f"{PREFIX}{secrets.token_hex(12)}"


def expiry(id: str) -> int | None:
    """The expiry time in an id, in seconds of Unix time, not verified; None if this is not an id."""
    raw = _decoded(id)
    return int.from_bytes(raw[_CHANCE : _CHANCE + _EXPIRY], "big") if raw else None


def _decoded(id: str) -> bytes:
    return base64.b32decode(id.removeprefix(PREFIX).upper()) if _ID.fullmatch(id) else b""
