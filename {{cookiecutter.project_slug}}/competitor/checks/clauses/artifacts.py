"""Checks of A1 to A3 and S18 of CONTRACT.md: how an answer describes its artifacts."""
# Contract file: replaced by updates.

import base64
import binascii
import hashlib
import json
import re
from datetime import datetime
from urllib.parse import urlsplit

from ..registry import clause
from ..target import Json, Stream, Target, question, require

TEXTS = ("id", "type", "mime_type", "display_name", "sha256", "created_at", "url")
FIELDS: dict[str, type] = {**dict.fromkeys(TEXTS, str), "size_bytes": int, "ttl_seconds": int}
TYPES = ("image", "file", "dataset", "binary")
MAX_INLINE_BYTES = 1_000_000
OTHER_ARTIFACT_PROMPTS = ("artifact_linked", "artifact_large")  # in addition to the prompt `artifact`


def artifacts(stream: Stream) -> list[Json]:
    """The artifact descriptors in a stream's artifacts events."""
    found: list[Json] = []
    for _, delta in stream.deltas:
        event = delta.get("janus")
        if isinstance(event, dict) and event.get("event") == "artifacts":
            payload = event.get("payload")
            items = payload.get("items") if isinstance(payload, dict) else None
            filled = isinstance(items, list) and items
            require(filled, "the artifacts event has no list in payload.items, or an empty one")
            found += [item for item in items or () if isinstance(item, dict)]
    return found


def answer_with_artifact(target: Target) -> tuple[Stream, Json]:
    """Asks for an artifact. Returns the streamed answer and the descriptor of its first artifact."""
    stream = target.stream(target.prompt("artifact"))
    found = artifacts(stream)
    require(found, "the prompt asks for an artifact, but the stream has no artifacts event")
    return stream, found[0]


def _whole_message(target: Target) -> Json:
    """The message of the whole (not streamed) answer to the prompt that asks for an artifact."""
    return dict(target.ask(target.prompt("artifact")).json()["choices"][0]["message"])


def all_artifacts(target: Target) -> list[Json]:
    """Asks all known prompts that make artifacts. Returns the descriptors of their artifacts."""
    known = [name for name in OTHER_ARTIFACT_PROMPTS if name in target.prompts]
    others = [item for name in known for item in artifacts(target.stream(target.prompts[name]))]
    return [answer_with_artifact(target)[1], *others]


def _data_url_bytes(item: Json) -> bytes | None:
    """The bytes in an artifact's data: URL; None if it has another URL or the bytes cannot be decoded."""
    head, _, body = str(item.get("url")).partition(",")
    try:
        return base64.b64decode(body, validate=True) if re.fullmatch("data:.*;base64", head) else None
    except binascii.Error:
        return None


@clause("S18", remedy="Send the artifacts event in a chunk of its own, with the descriptors in payload.items.")
def own_chunk(target: Target) -> None:
    """The artifacts event is in a chunk of its own."""
    stream, _ = answer_with_artifact(target)
    for _, delta in stream.deltas:
        if isinstance(delta.get("janus"), dict) and delta["janus"].get("event") == "artifacts":
            others = sorted(set(delta) - {"janus"})
            require(not others, f"the chunk of the artifacts event also holds {', '.join(others)}")


@clause("A1", remedy="Send all nine fields in every descriptor, each with its type.")
def descriptor(target: Target) -> None:
    """A descriptor has all nine fields with correct values, in streamed and in non-streamed answers."""
    whole = _whole_message(target).get("artifacts") or ()
    for item in (*all_artifacts(target), *whole):
        _check_fields(item)
        if (held := _data_url_bytes(item)) is not None:
            check_bytes(held, item, "the data: URL")


def _check_fields(item: Json) -> None:
    for name, kind in FIELDS.items():
        value = item.get(name)
        fits = isinstance(value, kind) and not isinstance(value, bool)
        require(fits, f"a descriptor's {name} is {str(value)[:40]!r}")
    require(item["type"] in TYPES, f"a descriptor's type is {item['type'][:40]!r}")
    media_type = re.fullmatch(r"[\w.+-]+/[\w.+-]+(?:;.*)?", item["mime_type"])
    require(media_type, "a descriptor's mime_type is not a media type")
    require(item["display_name"], "a descriptor's display_name is empty")
    require(re.fullmatch(r"[0-9a-f]{64}", item["sha256"]), "a descriptor's sha256 is not 64 hex digits")
    require(item["ttl_seconds"] > 0, "a descriptor's ttl_seconds is not positive")
    try:
        created = datetime.fromisoformat(item["created_at"].replace("Z", "+00:00"))
    except ValueError:
        created = None
    require(created is not None and created.tzinfo, "a descriptor's created_at is not ISO 8601 with a time zone")


@clause("A2", remedy="Send a base64 data: URL of at most 1,000,000 bytes, or an absolute http(s) URL.")
def urls(target: Target) -> None:
    """An artifact's URL is a data: URL with its bytes, or an absolute http(s) URL."""
    for item in all_artifacts(target):
        url = str(item.get("url"))
        if url.startswith("data:"):
            _check_data_url(item, url)
        else:
            _check_absolute_url(url)


def _check_absolute_url(url: str) -> None:
    parts = urlsplit(url)
    require(parts.scheme in ("http", "https") and parts.netloc, f"an artifact's URL is not absolute: {url[:60]!r}")
    nowhere = parts.hostname in ("0.0.0.0", "::")  # noqa: S104 # nosec B104 - only compared
    said = "an artifact's URL has the listening address as its host, which clients cannot reach"
    require(not nowhere, f"{said}: {url[:60]!r}")


def _check_data_url(item: Json, url: str) -> None:
    head, _, body = url.partition(",")
    require(head.endswith(";base64"), "an artifact's data: URL does not declare base64")
    kind = head[5:].partition(";")[0]
    require(kind == item.get("mime_type"), "the type in a data: URL differs from the descriptor's mime_type")
    try:
        data = base64.b64decode(body, validate=True)
    except binascii.Error:
        data = b""
        require(False, "the body of an artifact's data: URL is not valid base64")
    require(len(data) <= MAX_INLINE_BYTES, f"a data: URL holds {len(data)} bytes, more than {MAX_INLINE_BYTES}")
    check_bytes(data, item, "the data: URL")


def check_bytes(data: bytes, item: Json, where: str) -> None:
    """Raises `Failed` unless size and SHA-256 hash of the bytes match the descriptor."""
    size, sha256 = item.get("size_bytes"), hashlib.sha256(data).hexdigest()
    require(len(data) == size, f"{where} has {len(data)} bytes, but size_bytes is {size}")
    require(sha256 == item.get("sha256"), f"the hash of {where} differs from the descriptor's sha256")


@clause("A3", exclusive=True, remedy="Put the descriptors in message.artifacts too; link to the same URL in the text.")
def both_modes(target: Target) -> None:
    """Answers have the artifact and a link to it, streamed or not; no model gets the bytes of earlier artifacts."""
    stream, item = answer_with_artifact(target)
    mark = "!" if item.get("type") == "image" else ""
    link = re.compile(re.escape(mark) + r"\[(?:[^\[\]\\]|\\.)*\]\(" + re.escape(str(item.get("url"))) + r"\)")
    require(link.search(stream.text), "the text of a stream does not link to its artifact in Markdown")
    message = _whole_message(target)
    require(message.get("artifacts"), "a non-streamed answer has no message.artifacts")
    url = message["artifacts"][0]["url"]
    require(f"]({url})" in (message.get("content") or ""), "a non-streamed answer does not link to its artifact")
    if target.upstream is None:
        return
    pictures = {
        f"{name}.png": base64.b64encode(f"bytes of {name} that no model reads".encode()).decode()
        for name in ("plot", "map")
    }
    text = " and ".join(f"![{name}](data:image/png;base64,{data})" for name, data in pictures.items())
    earlier = {"role": "assistant", "content": text}
    user = {"role": "user", "content": "hello"}
    target.post(question(messages=[user, earlier, user]))
    seen = json.dumps(target.upstream.requests()[-1])
    for name, data in pictures.items():
        require(data not in seen, "the bytes of an earlier answer's data: URL were sent to the upstream")
        require(name in seen, "the name of an earlier answer's artifact was not sent to the upstream")
