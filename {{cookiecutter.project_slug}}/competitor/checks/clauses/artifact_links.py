"""Checks of A4, A5 and E7 of CONTRACT.md: what a client gets when it fetches an artifact's URL."""
# Contract file: replaced by updates.

import tempfile
import time
from urllib.parse import urlsplit

from ..registry import clause
from ..target import Json, NotShown, Reply, Target, question, require
from .artifacts import artifacts, check_bytes

# Settings of this template. A server without them needs a prompt that makes a large artifact.
NO_INLINE_ARTIFACTS = {"JANUS_ARTIFACT_INLINE_BYTES": "0"}
SHARED_FOLDER = "JANUS_ARTIFACTS_DIR"
SHORT_TTL_SECONDS = 2
MIN_DIFFERENT_CHARACTERS = 8  # in which two URLs differ; as hex digits these are 32 bits
_UNKNOWN = "art_" + "a" * 48


def linked_artifact(target: Target) -> tuple[Target, Json]:
    """Returns a server and one of its artifacts with an http(s) URL. Raises `NotShown` if there is no such artifact."""
    name = "artifact_linked" if "artifact_linked" in target.prompts else "artifact"
    found = artifacts(target.stream(target.prompt(name)))
    if not _with_links(found) and target.launch is not None:
        target = _with_prompts_of(target, target.launched(NO_INLINE_ARTIFACTS | target.upstream_variables))
        found = artifacts(target.stream(target.prompt(name)))
    links = _with_links(found)
    if not links:
        raise NotShown("no known prompt makes an artifact that is large enough to get an http(s) URL")
    return target, links[0]


def _with_links(found: list[Json]) -> list[Json]:
    """The artifacts whose bytes are fetched from an http(s) URL, not held in a data: URL."""
    return [item for item in found if str(item.get("url")).startswith(("http://", "https://"))]


def _with_prompts_of(target: Target, other: Target) -> Target:
    other.prompts = target.prompts
    return other


def _split_url(target: Target, url: str) -> tuple[Target, str]:
    """Splits a URL into its server and the path with the query."""
    parts = urlsplit(url)
    there = Target(f"{parts.scheme}://{parts.netloc}", timeout=target.timeout)
    return there, parts.path + (f"?{parts.query}" if parts.query else "")


def fetch(target: Target, url: str, headers: dict[str, str] | None = None) -> Reply:
    there, path = _split_url(target, url)
    return there.get(path, headers)


@clause("E7", remedy="Serve the bytes at /artifacts/{id}/{name} and at /v1/artifacts/{id}; answer 404 for unknown ids.")
def artifact_routes(target: Target) -> None:
    """Both routes of an artifact serve its bytes, and answer 404 for an unknown id."""
    target, item = linked_artifact(target)
    by_id = target.get(f"/v1/artifacts/{item['id']}")
    require(by_id.status == 200, f"GET /v1/artifacts/{{id}} answered {by_id.status}")
    require(by_id.body == fetch(target, item["url"]).body, "the two routes of an artifact serve different bytes")
    for path in (f"/v1/artifacts/{_UNKNOWN}", f"/artifacts/{_UNKNOWN}/x.png"):
        status = target.get(path).status
        require(status == 404, f"GET {path.replace(_UNKNOWN, 'unknown')} answered {status}")


@clause("A4", remedy="Serve the exact bytes with type, ETag, HEAD and Range; refuse other ids; delete after the TTL.")
def fetching(target: Target) -> None:
    """An artifact's URL serves the described bytes, by GET, HEAD and Range, until the TTL has passed."""
    target, item = linked_artifact(target)
    reply = fetch(target, item["url"])
    require(reply.status == 200, f"an artifact's URL answered {reply.status}")
    check_bytes(reply.body, item, "the fetched artifact")
    _check_headers(target, item, reply)
    _check_ranges(target, item, reply)
    _check_other_paths(target, item)
    _check_unguessable(target, item)
    if target.launch is None:
        return
    short = {"JANUS_ARTIFACT_TTL_SECONDS": str(SHORT_TTL_SECONDS)}
    short_lived = _with_prompts_of(target, target.launched(NO_INLINE_ARTIFACTS | short | target.upstream_variables))
    made = _with_links(artifacts(short_lived.stream(_artifact_prompt(short_lived))))
    expiring = [item for item in made if item["ttl_seconds"] <= SHORT_TTL_SECONDS]
    if expiring:
        time.sleep(SHORT_TTL_SECONDS + 0.1)
        for reply in (fetch(short_lived, expiring[0]["url"]), short_lived.get(f"/v1/artifacts/{expiring[0]['id']}")):
            require(reply.status in (404, 410), f"after its TTL an artifact answers {reply.status}")


def _artifact_prompt(target: Target) -> str:
    return target.prompt("artifact_linked" if "artifact_linked" in target.prompts else "artifact")


def _check_headers(target: Target, item: Json, reply: Reply) -> None:
    kind = reply.headers.get("content-type", "").partition(";")[0]
    mime_type, length = item["mime_type"], int(reply.headers.get("content-length", -1))
    require(kind == mime_type.partition(";")[0], f"an artifact of type {mime_type} was served as {kind!r}")
    require(length == len(reply.body), "the Content-Length of an artifact is missing or wrong")
    for name in ("content-disposition", "etag"):
        require(reply.headers.get(name), f"an artifact is served without {name}")
    if kind in ("text/html", "image/svg+xml", "application/xhtml+xml"):
        policy = reply.headers.get("content-security-policy", "")
        said = f"an artifact of type {kind} is served without a Content-Security-Policy that sandboxes it"
        require("sandbox" in policy, said)
    there, path = _split_url(target, item["url"])
    head = there.head(path)
    require(head.status == 200 and not head.body, f"HEAD of an artifact answered {head.status}")
    for name in ("content-length", "etag"):
        require(head.headers.get(name) == reply.headers[name], f"HEAD and GET of an artifact differ in {name}")


def _check_ranges(target: Target, item: Json, reply: Reply) -> None:
    last = len(reply.body) - 1
    part = fetch(target, item["url"], {"range": f"bytes=1-{last}"} if last else {"range": "bytes=0-0"})
    require(part.status == 206, f"a Range request for an artifact answered {part.status}, not 206")
    require(part.body == reply.body[1 if last else 0 :], "a Range request for an artifact returned the wrong bytes")
    beyond = fetch(target, item["url"], {"range": f"bytes={last + 1}-"}).status
    require(beyond == 416, f"a Range request beyond an artifact's end answered {beyond}, not 416")
    again = fetch(target, item["url"], {"if-none-match": reply.headers["etag"]}).status
    require(again == 304, f"If-None-Match with an artifact's ETag answered {again}, not 304")


def _check_other_paths(target: Target, item: Json) -> None:
    changed = item["id"][:-1] + ("b" if item["id"][-1] != "b" else "c")
    for other in (changed, item["id"][:-1], f"{item['id']}a"):
        status = target.get(f"/v1/artifacts/{other}").status
        require(400 <= status < 500, f"a GET with a changed artifact id answered {status}, not a 4xx")
    for path in ("..%2f..%2fetc%2fpasswd", "../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..\\..\\etc\\passwd"):
        reply = target.get(f"/artifacts/{path}")
        require(400 <= reply.status < 500, f"GET /artifacts/{path} answered {reply.status}, not a 4xx")


def _check_unguessable(target: Target, item: Json) -> None:
    """The URLs of two artifacts differ in many characters, so nobody can guess one from another."""
    for other in _with_links(artifacts(target.read_stream(question(_artifact_prompt(target), stream=True)))):
        one, two = item["url"], other["url"]
        apart = sum(a != b for a, b in zip(one, two, strict=False)) + abs(len(one) - len(two))
        unlike = one == two or apart >= MIN_DIFFERENT_CHARACTERS
        require(unlike, f"the URLs of two artifacts differ in only {apart} characters")


@clause(
    "A5",
    severity="should",
    remedy="Let all replicas share one store and one key, so that each can serve the artifacts of the others.",
)
def shared_store(target: Target) -> None:
    """An artifact made by one replica is served by another replica."""
    if target.launch is None:
        raise NotShown("a second replica cannot be started, since no start command was given")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        common = {SHARED_FOLDER: folder, **NO_INLINE_ARTIFACTS, **target.upstream_variables}
        first = _with_prompts_of(target, target.launched(common, fresh=True))
        links = _with_links(artifacts(first.stream(_artifact_prompt(target))))
        if not links:
            raise NotShown("no known prompt makes an artifact that is large enough to get an http(s) URL")
        reply = target.launched(common, fresh=True).get(f"/v1/artifacts/{links[0]['id']}")
        require(reply.status == 200, f"an artifact made by one replica got {reply.status} from another replica")
        check_bytes(reply.body, links[0], "the artifact served by another replica")
