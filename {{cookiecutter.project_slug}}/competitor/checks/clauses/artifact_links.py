"""Cases of A4, A5 and E7 of CONTRACT.md: what a client gets when it fetches an artifact's URL."""
# Contract file: replaced by updates.

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..registry import case, clause
from ..responses import Failed, Json, NotShown, Reply, Stream, member, require
from ..target import Target, question
from .artifacts import NO_INLINE, artifacts, check_bytes, no_inline

SHARED_FOLDER = "JANUS_ARTIFACTS_DIR"
SHORT_TTL_SECONDS = 2
TRIES_BEFORE_THE_TTL = 3  # on a busy machine, an artifact may expire before this check has fetched it
MIN_DIFFERENT_CHARACTERS = 8  # in which two URLs differ; as hex digits these are 32 bits
_UNKNOWN = "art_" + "a" * 48
_UP = 16  # steps towards the root of the file system, from wherever a server keeps its artifacts
_TRAVERSALS = (
    "..%2f" * _UP + "etc%2fpasswd",
    "../" * _UP + "etc/passwd",
    "%2e%2e/" * _UP + "etc/passwd",
    "..\\" * _UP + "etc\\passwd",
)
_ACTIVE_TYPES = ("text/html", "image/svg+xml", "application/xhtml+xml")
NO_LINK = "no known prompt makes an artifact that is large enough to get an http(s) URL"


@dataclass(frozen=True)
class Link:
    """An artifact with an http(s) URL, the server that made it, and the reply to a GET of its URL."""

    server: Target
    item: Json
    reply: Reply

    @property
    def id(self) -> str:
        return member(self.item, str, "id")

    @property
    def there(self) -> tuple[Target, str]:
        """The server in the URL, and the path with the query."""
        return _split_url(self.server, str(self.item["url"]))

    def fetch(self, headers: Json | None = None) -> Reply:
        server, path = self.there
        return server.get(path, headers)


def _split_url(target: Target, url: str) -> tuple[Target, str]:
    try:
        parts, ours = urlsplit(url), urlsplit(target.url)
        is_same = (parts.scheme, parts.netloc) == (ours.scheme, ours.netloc)
        access = target.access if is_same else target.access.elsewhere()  # the user's headers are for one server
        there = Target(f"{parts.scheme}://{parts.netloc}", timeout=target.timeout, access=access)
    except ValueError:
        raise Failed(f"an artifact's URL is not valid: {url[:60]!r}") from None
    return there, parts.path + (f"?{parts.query}" if parts.query else "")


def _prompt(target: Target) -> str:
    return target.prompt("artifact_linked" if "artifact_linked" in target.prompts else "artifact")


def _with_links(stream: Stream) -> list[Json]:
    """The artifacts whose bytes are fetched from an http(s) URL, not held in a data: URL."""
    return [item for item in artifacts(stream) if str(item.get("url")).startswith(("http://", "https://"))]


def _linked(target: Target) -> tuple[Target, Json]:
    """Returns a server and one of its artifacts with an http(s) URL. Raises `NotShown` if there is no such artifact."""
    found = _with_links(target.stream(_prompt(target)))
    if not found and target.launch is not None:
        target = no_inline(target)
        found = _with_links(target.stream(_prompt(target)))
    if not found:
        raise NotShown(NO_LINK)
    return target, found[0]


def links(target: Target) -> Iterator[tuple[str, Link]]:
    """The source of most cases here: a linked artifact that was fetched."""
    server, item = _linked(target)
    there, path = _split_url(server, str(item["url"]))
    yield "", Link(server, item, there.get(path))


def _found(link: Link) -> Reply:
    require(link.reply.status == 200, f"an artifact's URL answered {link.reply.status}")
    return link.reply


clause(
    "E7",
    "Both routes of an artifact serve its bytes, and answer 404 for an unknown id.",
    remedy="Serve the bytes at /artifacts/{id}/{name} and at /v1/artifacts/{id}; answer 404 for unknown ids.",
)


@case("E7/1", links)
def artifact_routes(link: Link) -> None:
    """Both routes of an artifact serve the same bytes."""
    by_id = link.server.get(f"/v1/artifacts/{link.id}")
    require(by_id.status == 200, f"GET /v1/artifacts/{{id}} answered {by_id.status}")
    require(by_id.body == _found(link).body, "the two routes of an artifact serve different bytes")


@case("E7/2", links)
def unknown_ids(link: Link) -> None:
    """Both routes answer 404 for an unknown id."""
    _found(link)
    for path in (f"/v1/artifacts/{_UNKNOWN}", f"/artifacts/{_UNKNOWN}/x.png"):
        status = link.server.get(path).status
        require(status == 404, f"GET {path.replace(_UNKNOWN, 'unknown')} answered {status}")


clause(
    "A4",
    "An artifact's URL serves the described bytes, by GET, HEAD and Range, until the TTL has passed.",
    remedy="Serve the exact bytes with type, ETag, HEAD and Range; refuse other ids; delete after the TTL.",
)


@case("A4/1", links)
def fetched_bytes(link: Link) -> None:
    """An artifact's URL serves the bytes that the descriptor describes."""
    check_bytes(_found(link).body, link.item, "the fetched artifact")


@case("A4/2", links, remedy="Serve an artifact with its own Content-Type and an exact Content-Length.")
def type_and_length(link: Link) -> None:
    """An artifact is served with its type and the exact length."""
    reply = _found(link)
    kind = reply.headers.get("content-type", "").partition(";")[0]
    mime_type = member(link.item, str, "mime_type")
    require(kind == mime_type.partition(";")[0], f"an artifact of type {mime_type} was served as {kind!r}")
    length = reply.headers.get("content-length")
    require(length == str(len(reply.body)), "the Content-Length of an artifact is missing or wrong")


@case("A4/3", links, remedy="Serve an artifact with Content-Disposition and ETag.")
def disposition_and_etag(link: Link) -> None:
    """An artifact is served with Content-Disposition and ETag."""
    for name in ("content-disposition", "etag"):
        require(_found(link).headers.get(name), f"an artifact is served without {name}")


@case("A4/4", links, remedy="Answer HEAD like GET, without a body.")
def head(link: Link) -> None:
    """HEAD of an artifact has the same length and ETag as GET, and no body."""
    server, path = link.there
    found, reply = server.head(path), _found(link)
    require(found.status == 200 and not found.body, f"HEAD of an artifact answered {found.status}")
    for name in ("content-length", "etag"):
        same = found.headers.get(name) == reply.headers.get(name) is not None
        require(same, f"HEAD and GET of an artifact differ in {name}")


def _ranges(target: Target) -> Iterator[tuple[str, tuple[Link, str, slice]]]:
    """Ranges of a linked artifact: the header, and the bytes that it must get."""
    for _, link in links(target):
        size = len(_found(link).body)
        ranges = {"bytes=1-": slice(1, None), "bytes=0-0": slice(0, 1), "bytes=2-5": slice(2, 6)}
        ranges |= {f"bytes=1-{size - 1}": slice(1, size), "bytes=-3": slice(size - 3, size)}
        for asked, part in ranges.items():
            if size >= 8:
                yield f"Range: {asked}", (link, asked, part)


@case("A4/5", _ranges, remedy="Answer Range requests with 206 and exactly the bytes that were asked for.")
def range_requests(given: tuple[Link, str, slice]) -> None:
    """A Range request gets 206 and exactly these bytes."""
    link, asked, part = given
    reply = link.fetch({"range": asked})
    require(reply.status == 206, f"a Range request for an artifact answered {reply.status}, not 206")
    require(reply.body == link.reply.body[part], "a Range request for an artifact returned the wrong bytes")


@case("A4/6", links, remedy="Answer 416 to a Range beyond the end.")
def range_beyond_the_end(link: Link) -> None:
    """A Range request beyond the end gets 416."""
    status = link.fetch({"range": f"bytes={len(_found(link).body)}-"}).status
    require(status == 416, f"a Range request beyond an artifact's end answered {status}, not 416")


@case("A4/7", links, remedy="Answer 304 to If-None-Match with the artifact's ETag.")
def not_modified(link: Link) -> None:
    """If-None-Match with the artifact's ETag gets 304."""
    etag = _found(link).headers.get("etag")
    require(etag, "an artifact is served without etag")
    status = link.fetch({"if-none-match": str(etag)}).status
    require(status == 304, f"If-None-Match with an artifact's ETag answered {status}, not 304")


@case("A4/8", links, remedy="Answer 404 for every id that is not exactly that of an artifact.")
def changed_ids(link: Link) -> None:
    """A changed id is refused."""
    _found(link)
    changed = link.id[:-1] + ("b" if link.id[-1:] != "b" else "c")
    for other in (changed, link.id[:-1], f"{link.id}a"):
        status = link.server.get(f"/v1/artifacts/{other}").status
        require(400 <= status < 500, f"a GET with a changed artifact id answered {status}, not a 4xx")


@case("A4/9", links, remedy="Refuse paths that lead out of the folder of the artifacts.")
def no_traversal(link: Link) -> None:
    """Paths that lead out of the artifacts' folder are refused."""
    _found(link)
    for path in _TRAVERSALS:
        status = link.server.get(f"/artifacts/{path}").status
        require(400 <= status < 500, f"GET /artifacts/{path[:12]}... answered {status}, not a 4xx")


def _two_urls(target: Target) -> Iterator[tuple[str, tuple[str, str]]]:
    """The URLs of two artifacts with the same content."""
    server, item = _linked(target)
    for other in _with_links(server.read_stream(question(_prompt(target), stream=True)))[:1]:
        yield "", (str(item["url"]), str(other["url"]))


@case("A4/10", _two_urls, remedy="Make URLs that nobody can guess: random ids of at least 32 bits, or signed URLs.")
def unguessable(urls: tuple[str, str]) -> None:
    """The URLs of two artifacts differ in many characters, so nobody can guess one from another."""
    one, two = urls
    apart = sum(a != b for a, b in zip(one, two, strict=False)) + abs(len(one) - len(two))
    unlike = one == two or apart >= MIN_DIFFERENT_CHARACTERS
    require(unlike, f"the URLs of two artifacts differ in only {apart} characters")


def _expired(target: Target) -> Iterator[tuple[str, Reply]]:
    """What an artifact's two routes answer after its TTL. It must have been there before."""
    short = no_inline(target, JANUS_ARTIFACT_TTL_SECONDS=str(SHORT_TTL_SECONDS))
    for _ in range(TRIES_BEFORE_THE_TTL):
        made = _with_links(short.read_stream(question(_prompt(target), stream=True)))
        expiring = [item for item in made if member(item, int, "ttl_seconds") <= SHORT_TTL_SECONDS]
        if not expiring:
            raise NotShown(f"the server makes no artifact with a TTL of {SHORT_TTL_SECONDS} s")
        server, path = _split_url(short, str(expiring[0]["url"]))
        if (status := server.get(path).status) == 200:
            break
    else:
        raise NotShown(f"before its TTL had passed, the artifact's URL answered {status}")
    time.sleep(SHORT_TTL_SECONDS + 0.1)
    yield "the URL", server.get(path)
    yield "/v1/artifacts/{id}", short.get(f"/v1/artifacts/{expiring[0].get('id')}")


@case("A4/11", _expired, slow=True, remedy="Stop serving an artifact when its TTL has passed.")
def gone_after_the_ttl(reply: Reply) -> None:
    """After its TTL, an artifact is answered with 404 or 410."""
    require(reply.status in (404, 410), f"after its TTL an artifact answers {reply.status}")


def _active(target: Target) -> Iterator[tuple[str, Reply]]:
    for _, link in links(target):
        if str(link.item.get("mime_type")).partition(";")[0] in _ACTIVE_TYPES:
            yield str(link.item["mime_type"]), _found(link)


@case("A4/12", _active, remedy="Serve HTML and SVG with a Content-Security-Policy that sandboxes them.")
def sandboxed(reply: Reply) -> None:
    """An artifact that can hold scripts is served with a Content-Security-Policy that sandboxes it."""
    policy = reply.headers.get("content-security-policy", "")
    require("sandbox" in policy, "it is served without a Content-Security-Policy that sandboxes it")


clause(
    "A5",
    "An artifact made by one replica is served by another replica.",
    severity="should",
    remedy="Let all replicas share one store and one key, so that each can serve the artifacts of the others.",
)


def _from_another_replica(target: Target) -> Iterator[tuple[str, tuple[Json, Reply]]]:
    prompt = _prompt(target)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        common = {SHARED_FOLDER: folder, NO_INLINE: "0", **target.upstream_variables}
        made = _with_links(target.launched(common, fresh=True).stream(prompt))
        if not made:
            raise NotShown(NO_LINK)
        other = target.launched(common, fresh=True)
        yield "", (made[0], other.get(f"/v1/artifacts/{made[0].get('id')}"))


@case("A5/1", _from_another_replica, slow=True)
def shared_store(given: tuple[Json, Reply]) -> None:
    """An artifact made by one replica is served by another replica."""
    item, reply = given
    require(reply.status == 200, f"an artifact made by one replica got {reply.status} from another replica")
    check_bytes(reply.body, item, "the artifact served by another replica")
