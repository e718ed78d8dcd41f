"""Decodes the files that came with a request: images in `data:` URLs and `file` parts (R6)."""
# Contract file: replaced by updates.

import base64
import binascii
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

from ..limits import MAX_RECEIVED_FILES
from ..request.schema import ChatRequest, FilePart, ImagePart, RequestFile
from .media import KINDS, OCTETS, Kind, media_type
from .names import display_name


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with the request. `name` is safe to show and never a path; `type` is an artifact type."""

    name: str
    mime_type: str
    type: Kind
    data: bytes = field(repr=False)

    @property
    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


def received_files(request: ChatRequest, max_bytes: int) -> list[File]:
    """The files of the last user message, in order. Leaves out files that cannot be decoded or exceed `max_bytes`."""
    last = next((message for message in reversed(request.messages) if message.role == "user"), None)
    if last is None or not isinstance(last.content, list):
        return []
    made = (_file(part, number) for number, part in enumerate(last.content[:MAX_RECEIVED_FILES], 1))
    return [file for file in made if file is not None and len(file.data) <= max_bytes]


def _file(part: object, number: int) -> File | None:
    if isinstance(part, ImagePart) and part.image_url.url.startswith("data:"):
        mime_type, data = _data_url(part.image_url.url)
        suffix = mime_type.partition("/")[2].partition("+")[0]
        return _sent(f"image-{number}.{suffix}", mime_type, data)
    if isinstance(part, FilePart):
        mime_type, data = _content(part.file)
        return _sent(part.file.name, mime_type, data)
    return None


def _sent(name: str, mime_type: str, data: bytes | None) -> File | None:
    if data is None:
        return None
    found = media_type(name, mime_type)
    if found == OCTETS:
        found = media_type(name, None)
    return File(display_name(name), found, KINDS[found], data)


def _content(file: RequestFile) -> tuple[str, bytes | None]:
    if file.content.startswith("data:"):
        return _data_url(file.content)
    return file.mime_type, file.content.encode("utf-8", "replace") if file.is_text else _decoded(file.content)


def _data_url(url: str) -> tuple[str, bytes | None]:
    head, comma, body = url.removeprefix("data:").partition(",")
    mime_type = head.partition(";")[0] or "text/plain"
    if not comma:
        return mime_type, None
    return mime_type, _decoded(body) if head.endswith(";base64") else unquote_to_bytes(body)


def _decoded(text: str) -> bytes | None:
    """Decodes base64, even with the alphabet for URLs or without padding; None if the text is not base64."""
    plain = "".join(text.split()).translate(_PLAIN_ALPHABET).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


_PLAIN_ALPHABET = str.maketrans("-_", "+/")
