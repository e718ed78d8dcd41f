"""Checks of A4, A5 and E7 of CONTRACT.md: what a reader gets at an artifact's link."""
# Contract file: replaced by updates.

import tempfile
import time
from urllib.parse import urlsplit

from ..registry import clause
from ..target import Json, NotShown, Reply, Target, question, require
from .artifacts import artifacts, has_its_bytes

LINKED = {"JANUS_ARTIFACT_INLINE_BYTES": "0"}  # a setting of this template's; others need a prompt of their own
SHARED_FOLDER = "JANUS_ARTIFACTS_DIR"  # likewise
SHORT_SECONDS = 2
LEAST_APART = 8  # characters in which the links of two artifacts differ, at the least: 32 bits of hex
_UNKNOWN = "art_" + "a" * 48


def linked(target: Target) -> tuple[Target, Json]:
    """An artifact under a link, and the server that has it."""
    name = "artifact_linked" if "artifact_linked" in target.prompts else "artifact"
    found = artifacts(target.stream(target.prompt(name)))
    if not _links(found) and target.launch is not None:
        target = _like(target, target.launched(LINKED | target.upstream_variables))
        found = artifacts(target.stream(target.prompt(name)))
    links = _links(found)
    if not links:
        raise NotShown("no artifact that is large enough for a link could be provoked")
    return target, links[0]


def _links(found: list[Json]) -> list[Json]:
    return [item for item in found if str(item.get("url")).startswith(("http://", "https://"))]


def _like(target: Target, other: Target) -> Target:
    other.prompts = target.prompts
    return other


def _at(target: Target, url: str) -> tuple[Target, str]:
    parts = urlsplit(url)
    return Target(f"{parts.scheme}://{parts.netloc}", timeout=target.timeout), parts.path + (
        f"?{parts.query}" if parts.query else ""
    )


def fetched(target: Target, url: str, headers: dict[str, str] | None = None) -> Reply:
    there, path = _at(target, url)
    return there.get(path, headers)


@clause("E7", remedy="Serve the bytes at /artifacts/{id}/{name} and at /v1/artifacts/{id}; 404 for what is unknown.")
def artifact_routes(target: Target) -> None:
    """Both routes of an artifact have its bytes, and know no other."""
    target, item = linked(target)
    by_id = target.get(f"/v1/artifacts/{item['id']}")
    require(by_id.status == 200, f"GET /v1/artifacts/{{id}} answered {by_id.status}")
    require(by_id.body == fetched(target, item["url"]).body, "the two routes of an artifact differ in their bytes")
    for path in (f"/v1/artifacts/{_UNKNOWN}", f"/artifacts/{_UNKNOWN}/x.png"):
        status = target.get(path).status
        require(status == 404, f"GET {path.replace(_UNKNOWN, 'unknown')} answered {status}")


@clause("A4", remedy="Serve exact bytes with type, ETag, HEAD and Range; refuse other ids; delete after the TTL.")
def fetching(target: Target) -> None:
    """What is fetched are the bytes of the descriptor, by GET, HEAD and Range, until the TTL."""
    target, item = linked(target)
    reply = fetched(target, item["url"])
    require(reply.status == 200, f"an artifact's URL answered {reply.status}")
    has_its_bytes(reply.body, item, "what is fetched")
    _headed(target, item, reply)
    _in_parts(target, item, reply)
    _guarded(target, item)
    _unguessable(target, item)
    if target.launch is None:
        return
    short = {"JANUS_ARTIFACT_TTL_SECONDS": str(SHORT_SECONDS)}
    brief = _like(target, target.launched(LINKED | short | target.upstream_variables))
    mortal = [item for item in _links(artifacts(brief.stream(_linking(brief)))) if item["ttl_seconds"] <= SHORT_SECONDS]
    if mortal:
        time.sleep(SHORT_SECONDS + 0.1)
        for reply in (fetched(brief, mortal[0]["url"]), brief.get(f"/v1/artifacts/{mortal[0]['id']}")):
            require(reply.status in (404, 410), f"after its TTL an artifact answers {reply.status}")


def _linking(target: Target) -> str:
    return target.prompt("artifact_linked" if "artifact_linked" in target.prompts else "artifact")


def _headed(target: Target, item: Json, reply: Reply) -> None:
    kind = reply.headers.get("content-type", "").partition(";")[0]
    require(kind == item["mime_type"].partition(";")[0], f"an artifact of type {item['mime_type']} came as {kind!r}")
    require(int(reply.headers.get("content-length", -1)) == len(reply.body), "an artifact has no exact Content-Length")
    for name in ("content-disposition", "etag"):
        require(reply.headers.get(name), f"an artifact comes without {name}")
    if kind in ("text/html", "image/svg+xml", "application/xhtml+xml"):
        policy = reply.headers.get("content-security-policy", "")
        require("sandbox" in policy, f"an artifact of type {kind} comes without a sandboxing policy")
    there, path = _at(target, item["url"])
    head = there.head(path)
    require(head.status == 200 and not head.body, f"HEAD of an artifact answered {head.status}")
    for name in ("content-length", "etag"):
        require(head.headers.get(name) == reply.headers[name], f"HEAD of an artifact has another {name} than GET")


def _in_parts(target: Target, item: Json, reply: Reply) -> None:
    last = len(reply.body) - 1
    part = fetched(target, item["url"], {"range": f"bytes=1-{last}"} if last else {"range": "bytes=0-0"})
    require(part.status == 206, f"a Range of an artifact answered {part.status}")
    require(part.body == reply.body[1 if last else 0 :], "a Range of an artifact has other bytes")
    beyond = fetched(target, item["url"], {"range": f"bytes={last + 1}-"}).status
    require(beyond == 416, f"a Range beyond an artifact's end answered {beyond}")
    again = fetched(target, item["url"], {"if-none-match": reply.headers["etag"]}).status
    require(again == 304, f"If-None-Match with an artifact's ETag answered {again}")


def _guarded(target: Target, item: Json) -> None:
    changed = item["id"][:-1] + ("b" if item["id"][-1] != "b" else "c")
    for other in (changed, item["id"][:-1], f"{item['id']}a"):
        status = target.get(f"/v1/artifacts/{other}").status
        require(400 <= status < 500, f"the id of an artifact with another end answered {status}")
    for path in ("..%2f..%2fetc%2fpasswd", "../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..\\..\\etc\\passwd"):
        reply = target.get(f"/artifacts/{path}")
        require(400 <= reply.status < 500, f"GET /artifacts/{path} answered {reply.status}")


def _unguessable(target: Target, item: Json) -> None:
    """Who knows one link knows no other: they are not counted up."""
    for other in _links(artifacts(target.read_stream(question(_linking(target), stream=True)))):
        one, two = item["url"], other["url"]
        apart = sum(a != b for a, b in zip(one, two, strict=False)) + abs(len(one) - len(two))
        require(one == two or apart >= LEAST_APART, f"the links of two artifacts differ in {apart} characters only")


@clause(
    "A5", severity="should", remedy="Let replicas share one store and one key, so that any serves what another made."
)
def shared_store(target: Target) -> None:
    """What one replica made, another serves."""
    if target.launch is None:
        raise NotShown("two of it cannot be started from here")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        common = {SHARED_FOLDER: folder, **LINKED, **target.upstream_variables}
        first = _like(target, target.launched(common, anew=True))
        links = _links(artifacts(first.stream(_linking(target))))
        if not links:
            raise NotShown("no artifact that is large enough for a link could be provoked")
        reply = target.launched(common, anew=True).get(f"/v1/artifacts/{links[0]['id']}")
        require(reply.status == 200, f"what one replica made, another answers with {reply.status}")
        has_its_bytes(reply.body, links[0], "what another replica serves")
