"""An artifact's descriptor: the nine fields of A1, and its link in Markdown."""
# Contract file: replaced by updates.

import re
from dataclasses import asdict, dataclass
from typing import Any

from .media import Kind

# Characters that would end a link's text in Markdown or change how it looks.
_MARKS = re.compile(r"([\\`*_\[\]<>&!#~|])")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file for the user, such as an image. `chat.artifacts.save` makes it; yield it at its place in the answer.

    `url` is a `data:` URL, or an absolute URL that serves the bytes until `ttl_seconds` have passed.
    """

    id: str
    type: Kind
    mime_type: str
    display_name: str
    size_bytes: int
    sha256: str  # hash of the bytes, in hex
    created_at: str  # ISO 8601, in UTC
    ttl_seconds: int
    url: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def markdown(self) -> str:
        """The URL as a Markdown link, or as a Markdown image if the artifact is an image (A3)."""
        name = _MARKS.sub(r"\\\1", self.display_name)
        return f"{'!' if self.type == 'image' else ''}[{name}]({self.url})"
