"""The media types that artifacts may have. An artifact of any other type is served as plain bytes."""
# Contract file: replaced by updates.

import mimetypes
from typing import Literal

Kind = Literal["image", "file", "dataset", "binary"]

OCTETS = "application/octet-stream"
KINDS: dict[str, Kind] = {
    "image/png": "image",
    "image/jpeg": "image",
    "image/webp": "image",
    "image/gif": "image",
    "image/avif": "image",
    "image/svg+xml": "image",
    "text/plain": "file",
    "text/markdown": "file",
    "text/html": "file",
    "text/css": "file",
    "text/javascript": "file",
    "text/x-python": "file",
    "application/pdf": "file",
    "application/xml": "file",
    "application/yaml": "file",
    "application/msword": "file",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "file",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "file",
    "audio/mpeg": "file",
    "audio/ogg": "file",
    "audio/wav": "file",
    "video/mp4": "file",
    "video/webm": "file",
    "text/csv": "dataset",
    "text/tab-separated-values": "dataset",
    "application/json": "dataset",
    "application/x-ndjson": "dataset",
    "application/vnd.apache.parquet": "dataset",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "dataset",
    "application/zip": "binary",
    "application/gzip": "binary",
    "application/x-tar": "binary",
    "application/wasm": "binary",
    OCTETS: "binary",
}
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
    """The media type of a file: the given one, or else by the name's suffix; plain bytes if the type is not listed."""
    if given is not None:
        found = given.partition(";")[0].strip().lower()
    else:
        suffix = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
        found = _BY_SUFFIX.get(suffix) or mimetypes.guess_type(f"x{suffix}")[0] or OCTETS
    return found if found in KINDS else OCTETS


def is_shown(media: str) -> bool:
    return media in _SHOWN or media.startswith(("audio/", "video/"))
