"""Cases of A1 to A3 and A6 of CONTRACT.md: how an answer describes its artifacts."""
# Contract file: replaced by updates.

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from ..recording import at_once
from ..registry import Source, case, clause
from ..responses import Failed, Json, NotShown, Reply, Stream, member, require
from ..sources.answers import known, label, streams
from ..sources.upstream import to_upstream
from ..target import Target
from .stream_tools import artifact_events

TEXTS = ("id", "type", "mime_type", "display_name", "sha256", "created_at", "url")
FIELDS: dict[str, type] = {**dict.fromkeys(TEXTS, str), "size_bytes": int, "ttl_seconds": int}
TYPES = ("image", "file", "dataset", "binary")
MAX_INLINE_BYTES = 1_000_000
PROMPTS = ("artifact", "artifact_linked", "artifact_large")  # the names of prompts that make artifacts
PICTURES = ("image/png", "image/jpeg", "image/webp")
BAD_HOSTS = ("rebound.example/path", "user@rebound.example", "rebound.example:99999", "rebound.example?x=")
NO_INLINE = "JANUS_ARTIFACT_INLINE_BYTES"  # a setting that the contract's A2 asks for


def artifacts(stream: Stream) -> list[Json]:
    """The artifact descriptors in a stream's artifacts events."""
    found: list[Json] = []
    for event, _ in artifact_events(stream):
        payload = event.get("payload")
        items = payload.get("items") if isinstance(payload, dict) else None
        filled = isinstance(items, list) and items
        require(filled, "the artifacts event has no list in payload.items, or an empty one")
        found += [item for item in items or () if isinstance(item, dict)]
    return found


def required_artifacts(stream: Stream) -> list[Json]:
    """Like `artifacts`, but raises `Failed` if there is none."""
    found = artifacts(stream)
    require(found, "the prompt asks for an artifact, but the stream has no artifacts event")
    return found


def _whole_answer(target: Target) -> Iterator[tuple[str, Reply]]:
    """The whole (not streamed) answer to the prompt that asks for an artifact."""
    yield "a non-streamed answer", target.ask(target.prompt("artifact"))


def _whole_artifacts(reply: Reply) -> list[Json]:
    found = reply.message.get("artifacts")
    filled = isinstance(found, list) and found and all(isinstance(item, dict) for item in found)
    require(filled, "a non-streamed answer has no message.artifacts")
    return list(found or ())


def _items(target: Target) -> Iterator[tuple[str, Json]]:
    """The descriptors of all artifacts that the known prompts make, streamed."""
    for what, stream in streams(*PROMPTS)(target):
        for item in required_artifacts(stream):
            yield what, item


def _whole_items(target: Target) -> Iterator[tuple[str, Json]]:
    for what, reply in _whole_answer(target):
        for item in _whole_artifacts(reply):
            yield what, item


def _data_url_bytes(item: Json) -> bytes | None:
    """The bytes in an artifact's data: URL; None if it has another URL or the bytes cannot be decoded."""
    head, _, body = str(item.get("url")).partition(",")
    try:
        return base64.b64decode(body, validate=True) if re.fullmatch("data:.*;base64", head) else None
    except binascii.Error:
        return None


def check_bytes(data: bytes, item: Json, where: str) -> None:
    """Raises `Failed` unless size and SHA-256 hash of the bytes match the descriptor."""
    size, sha256 = item.get("size_bytes"), hashlib.sha256(data).hexdigest()
    require(len(data) == size, f"{where} has {len(data)} bytes, but size_bytes is {size}")
    require(sha256 == item.get("sha256"), f"the hash of {where} differs from the descriptor's sha256")


clause(
    "A1",
    "A descriptor has all nine fields with correct values, in streamed and in non-streamed answers.",
    remedy="Send all nine fields in every descriptor, each with its type.",
)


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


@case("A1/1", _items)
def descriptor(item: Json) -> None:
    """A descriptor in a stream has all nine fields with correct values."""
    _check_fields(item)


@case("A1/2", _whole_items)
def whole_descriptor(item: Json) -> None:
    """A descriptor in a non-streamed answer has all nine fields with correct values."""
    _check_fields(item)


def _inline(target: Target) -> Iterator[tuple[str, tuple[Json, bytes]]]:
    for source in (_items, _whole_items):
        for what, item in source(target):
            if (held := _data_url_bytes(item)) is not None:
                yield what, (item, held)


@case("A1/3", _inline, remedy="Compute size_bytes and sha256 from the bytes that you send.")
def inline_bytes(given: tuple[Json, bytes]) -> None:
    """The bytes in a data: URL have the size and the hash of the descriptor."""
    item, held = given
    check_bytes(held, item, "the data: URL")


clause(
    "A2",
    "An artifact's URL is a data: URL with its bytes, or an absolute http(s) URL.",
    remedy="Send a base64 data: URL of at most 1,000,000 bytes, or an absolute http(s) URL.",
)


def _urls(target: Target) -> Iterator[tuple[str, Json]]:
    yield from _items(target)
    yield from _whole_items(target)


def _check_absolute_url(url: str) -> None:
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Failed(f"an artifact's URL is not valid: {url[:60]!r}") from None
    require(parts.scheme in ("http", "https") and parts.netloc, f"an artifact's URL is not absolute: {url[:60]!r}")
    nowhere = parts.hostname in ("0.0.0.0", "::")  # noqa: S104 # nosec B104 - only compared
    said = "an artifact's URL has the listening address as its host, which clients cannot reach"
    require(not nowhere, f"{said}: {url[:60]!r}")


@case("A2/1", _urls)
def absolute_urls(item: Json) -> None:
    """An artifact's URL is a data: URL or an absolute http(s) URL, never a relative one."""
    url = str(item.get("url"))
    if not url.startswith("data:"):
        _check_absolute_url(url)


def _data_urls(target: Target) -> Iterator[tuple[str, Json]]:
    for what, item in _urls(target):
        if str(item.get("url")).startswith("data:"):
            yield what, item


@case("A2/2", _data_urls)
def data_urls(item: Json) -> None:
    """A data: URL is valid base64 and has the descriptor's mime_type."""
    head, _, body = str(item["url"]).partition(",")
    require(head.endswith(";base64"), "an artifact's data: URL does not declare base64")
    kind = head[5:].partition(";")[0]
    require(kind == item.get("mime_type"), "the type in a data: URL differs from the descriptor's mime_type")
    try:
        base64.b64decode(body, validate=True)
    except binascii.Error:
        raise Failed("the body of an artifact's data: URL is not valid base64") from None


@case("A2/3", _data_urls, remedy="Send a link instead of a data: URL for more than 1,000,000 bytes.")
def data_url_size(item: Json) -> None:
    """A data: URL holds at most 1,000,000 bytes."""
    size = len(_data_url_bytes(item) or b"")
    require(size <= MAX_INLINE_BYTES, f"a data: URL holds {size} bytes, more than {MAX_INLINE_BYTES}")


def no_inline(target: Target, **more: str) -> Target:
    """Starts a server of the same kind that puts no bytes into URLs. It knows the same prompts."""
    other = target.launched({NO_INLINE: "0", **more, **target.upstream_variables})
    other.prompts = target.prompts
    return other


def _linked_items(target: Target) -> Iterator[tuple[str, Json]]:
    stream = no_inline(target).stream(target.prompt("artifact"))
    require(stream.status == 200, f"the stream has the status {stream.status}")
    for item in required_artifacts(stream):
        yield "", item


@case("A2/4", _linked_items, remedy=f"Send links for all artifacts if {NO_INLINE} is 0.")
def threshold(item: Json) -> None:
    """With the threshold at 0, even a small artifact has an absolute http(s) URL."""
    _check_absolute_url(str(item.get("url")))


def _with_bad_hosts(target: Target) -> Iterator[tuple[str, tuple[str, list[str]]]]:
    """Host headers that are not valid, with the URLs in the answer. A server may also refuse such a request."""
    other, prompt = no_inline(target), target.prompt("artifact")
    if not artifacts(other.stream(prompt)):
        raise NotShown("the prompt makes no artifact")
    asks = [partial(other.stream, prompt, headers={"Host": host}) for host in BAD_HOSTS]
    for host, stream in zip(BAD_HOSTS, at_once(asks), strict=True):
        found = artifacts(stream) if stream.status == 200 else []
        yield f"the Host {host!r}", (host, [str(item.get("url")) for item in found])


@case("A2/5", _with_bad_hosts, remedy="Build an artifact's URL only from a Host that is a valid name and port.")
def validated_host(given: tuple[str, list[str]]) -> None:
    """An artifact's URL does not take over a Host header that has a path, a user or a wrong port in it."""
    host, urls = given
    for url in urls:
        require(host not in url, f"it was taken over into the URL {url[:60]!r}")
        _check_absolute_url(url)


PUBLIC_BASE = "https://artifacts.example/of-mine"


def _under_a_public_base(target: Target) -> Iterator[tuple[str, Json]]:
    stream = no_inline(target, JANUS_ARTIFACT_URL_BASE=PUBLIC_BASE).stream(target.prompt("artifact"))
    require(stream.status == 200, f"the stream has the status {stream.status}")
    for item in required_artifacts(stream):
        yield "", item


@case("A2/6", _under_a_public_base, remedy="Build an artifact's URL under JANUS_ARTIFACT_URL_BASE if it is set.")
def public_base(item: Json) -> None:
    """With JANUS_ARTIFACT_URL_BASE, an artifact's URL is under this base."""
    url = str(item.get("url"))
    require(url.startswith(f"{PUBLIC_BASE}/"), f"an artifact's URL is not under the public base: {url[:60]!r}")


clause(
    "A3",
    "Answers have the artifact and a link to it, streamed or not; no model gets the bytes of earlier artifacts.",
    remedy="Put the descriptors in message.artifacts too; link to the same URL in the text.",
)


@dataclass(frozen=True)
class _Linked:
    """An artifact, and the text of the answer that must link to it."""

    item: Json
    text: str

    @property
    def links(self) -> list[str]:
        """The Markdown links to the artifact in the text, with the mark of an image if they have one."""
        url = re.escape(str(self.item.get("url")))
        return re.findall(r"!?\[(?:[^\[\]\\]|\\.)*\]\(" + url + r"\)", self.text)


def _streamed_links(target: Target) -> Iterator[tuple[str, _Linked]]:
    for what, stream in streams(*PROMPTS)(target):
        for item in required_artifacts(stream):
            yield what, _Linked(item, stream.text)


def _whole_links(target: Target) -> Iterator[tuple[str, _Linked]]:
    for what, reply in _whole_answer(target):
        for item in _whole_artifacts(reply):
            yield what, _Linked(item, str(reply.message.get("content")))


@case("A3/1", _streamed_links, remedy="Link to the artifact's URL in the text of the stream, in Markdown.")
def streamed_link(linked: _Linked) -> None:
    """The text of a stream links to its artifact in Markdown."""
    require(linked.links, "the text of a stream does not link to its artifact in Markdown")


@case("A3/2", _whole_answer)
def whole_artifacts(reply: Reply) -> None:
    """A non-streamed answer has its artifacts in message.artifacts."""
    _whole_artifacts(reply)


@case("A3/3", _whole_links, remedy="Link to the artifact's URL in the text, in Markdown.")
def whole_link(linked: _Linked) -> None:
    """The text of a non-streamed answer links to its artifact in Markdown."""
    require(linked.links, "a non-streamed answer does not link to its artifact")


def _without_inline(target: Target) -> Iterator[tuple[str, _Linked]]:
    """Artifacts that get an http(s) URL only because nothing is inline; none if no such server can be started."""
    with suppress(NotShown):
        stream = no_inline(target).stream(target.prompt("artifact"))
        yield from (("with nothing inline", _Linked(item, stream.text)) for item in artifacts(stream))


def _pictures(target: Target) -> Iterator[tuple[str, _Linked]]:
    for source in (_streamed_links, _whole_links, _without_inline):
        for what, linked in source(target):
            if linked.item.get("mime_type") in PICTURES:
                yield what, linked


@case("A3/4", _pictures, remedy="Link to an image as an image, with `!` before the link.")
def image_link(linked: _Linked) -> None:
    """The text shows an image as an image, because a benchmark reads only the text."""
    shown = any(link.startswith("!") for link in linked.links)
    require(shown, "the text does not link to its artifact in Markdown as an image")


_EARLIER = {f"{name}.png": f"bytes of {name} that no model reads" for name in ("plot", "map")}


def _earlier(*, as_parts: bool) -> Source:
    """A source: what the upstream gets, as text, if earlier answers in the history hold data: URLs."""
    data = {name: base64.b64encode(text.encode()).decode() for name, text in _EARLIER.items()}
    links = [f"![{name}](data:image/png;base64,{held})" for name, held in data.items()]
    content = [{"type": "text", "text": link} for link in links] if as_parts else " and ".join(links)
    history = [{"role": "user", "content": "Draw them."}, {"role": "assistant", "content": content}]

    def source(target: Target) -> Iterator[tuple[str, tuple[str, Json]]]:
        for body in to_upstream(target, messages=history):
            yield "", (json.dumps(body.get("messages")), data)

    return source


def _check_replaced(given: tuple[str, Json]) -> None:
    said, data = given
    for name, held in data.items():
        require(held not in said, "the bytes of an earlier answer's data: URL were sent to the upstream")
        require(name in said, "the name of an earlier answer's artifact was not sent to the upstream")


_HISTORY_REMEDY = "Replace data: URLs in the history by names before a model gets them."


@case("A3/5", _earlier(as_parts=False), remedy=_HISTORY_REMEDY)
def history(given: tuple[str, Json]) -> None:
    """data: URLs in an earlier answer are replaced by names before an upstream sees them."""
    _check_replaced(given)


@case("A3/6", _earlier(as_parts=True), remedy=_HISTORY_REMEDY)
def history_in_parts(given: tuple[str, Json]) -> None:
    """data: URLs in the text parts of an earlier answer are replaced by names before an upstream sees them."""
    _check_replaced(given)


clause(
    "A6",
    "An image leaves as a PNG that fits inline.",
    severity="should",
    remedy="Send an image as a PNG that fits inline, with the original under a link if they differ.",
)


def _images(target: Target) -> Iterator[tuple[str, Json]]:
    for name in known(target, ("image_jpeg", "image_large")):
        found = [item for item in artifacts(target.stream(target.prompts[name])) if item.get("type") == "image"]
        require(found, f"{label(name)}: no image was sent")
        inline = [item for item in found if str(item.get("url")).startswith("data:")]
        yield label(name), inline[0] if inline else found[0]


@case("A6/1", _images)
def image_as_png(item: Json) -> None:
    """An image that the competitor makes or fetches leaves as a PNG that fits inline."""
    url = str(item.get("url"))
    require(url.startswith("data:image/png;base64,"), f"an image is sent as {url[:40]!r}")
    require((_data_url_bytes(item) or b"").startswith(b"\x89PNG\r\n\x1a\n"), "an image's bytes are not a PNG")
    require(member(item, int, "size_bytes") <= MAX_INLINE_BYTES, "an image is larger than an inline artifact may be")
