"""Names of artifacts. They are only shown to people and never used as paths."""
# Contract file: replaced by updates.

import re
import unicodedata
from urllib.parse import quote

from ..limits import MAX_NAME_BYTES

_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def display_name(given: str) -> str:
    """A name on one readable line: the part after the last slash, without invisible characters."""
    seen = "".join(" " if unicodedata.category(character) in _UNSEEN else character for character in given)
    name = re.split(r"[/\\]", " ".join(unicodedata.normalize("NFC", seen).split()))[-1].strip(" .")
    stem, dot, suffix = name.rpartition(".")
    tail = f"{dot}{suffix}" if stem and len(suffix) <= 16 and suffix.isascii() else ""
    room = MAX_NAME_BYTES - len(tail)
    return (name.removesuffix(tail).encode()[:room].decode(errors="ignore") + tail) or "artifact"


def in_url(name: str) -> str:
    return quote(name, safe="")


def disposition(name: str, *, shown: bool) -> str:
    """The `Content-Disposition` header (RFC 6266): the name in ASCII for old clients, and the full name."""
    plain = re.sub(r'[^\x20-\x7e]|["%\\]', "_", name)
    how = "inline" if shown else "attachment"
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
