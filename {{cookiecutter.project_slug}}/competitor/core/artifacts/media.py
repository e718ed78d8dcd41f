"""The media types that artifacts may have. An artifact of any other type is served as plain bytes."""
# Contract file: replaced by updates.

import mimetypes
from typing import Literal

Kind = Literal["image", "file", "dataset", "binary"]

OCTETS = "application/octet-stream"
_OFFICE = "application/vnd.openxmlformats-officedocument"
_OF_KIND: dict[Kind, tuple[str, ...]] = {
    "image": ("image/png", "image/jpeg", "image/webp", "image/gif", "image/avif", "image/svg+xml"),
    "file": (
        *("text/plain", "text/markdown", "text/html", "text/css", "text/javascript", "text/x-python"),
        *("application/pdf", "application/xml", "application/yaml", "application/msword"),
        *(f"{_OFFICE}.wordprocessingml.document", f"{_OFFICE}.presentationml.presentation"),
        *("audio/mpeg", "audio/ogg", "audio/wav", "video/mp4", "video/webm"),
    ),
    "dataset": (
        *("text/csv", "text/tab-separated-values", "application/json", "application/x-ndjson"),
        *("application/vnd.apache.parquet", f"{_OFFICE}.spreadsheetml.sheet"),
    ),
    "binary": ("application/zip", "application/gzip", "application/x-tar", "application/wasm", OCTETS),
}
KINDS: dict[str, Kind] = {media: kind for kind, types in _OF_KIND.items() for media in types}
# Python's own table of suffixes differs between versions and machines, and lacks these.
_BY_SUFFIX = {
    ".avif": "image/avif",
    ".csv": "text/csv",
    ".gz": "application/gzip",
    ".js": "text/javascript",
    ".jsonl": "application/x-ndjson",
    ".md": "text/markdown",
    ".ndjson": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".tsv": "text/tab-separated-values",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
}
# Types that the browser shows. Types that could run scripts, and text in an unknown encoding, are downloaded.
_SHOWN = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/avif")


def media_type(name: str, given: str | None) -> str:
    """The media type of a file: as given, or else from the name's suffix; plain bytes if the type is not listed."""
    if given is not None:
        found = given.partition(";")[0].strip().lower()
    else:
        suffix = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
        found = _BY_SUFFIX.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0] or OCTETS
    return found if found in KINDS else OCTETS


def is_shown(media: str) -> bool:
    return media in _SHOWN or media.startswith(("audio/", "video/"))
