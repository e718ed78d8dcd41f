"""Mutants for section 6 of the contract, artifacts. Each breaks the clause that its decorator names."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from ..plain_artifacts import Shelf
from ..plain_server import Json, Plain
from .registry import FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT, breaks, shelved


@shelved("A1/1", says="created_at")
class TellsNoTimeZone(Shelf):
    def descriptor(self, data: bytes, name: str) -> Json:
        item = super().descriptor(data, name)
        return {**item, "created_at": item["created_at"].removesuffix("Z")}


@shelved("A1/1", says="ttl_seconds is 'None'", also="A4")
class NeverSaysHowLong(Shelf):
    def descriptor(self, data: bytes, name: str) -> Json:
        item = super().descriptor(data, name)
        del item["ttl_seconds"]
        return item


@shelved("A1/3", says="", also="A2 A4 A5", origin=OF_THE_CONTRACT)
class HashesTheBase64(Shelf):
    """A1: a descriptor has the hash of the bytes, but this server hashes their base64."""

    def descriptor(self, data: bytes, name: str) -> Json:
        return {**super().descriptor(data, name), "sha256": hashlib.sha256(base64.b64encode(data)).hexdigest()}


@shelved("A1/1", says="", origin=OF_THE_CONTRACT)
class KnowsDocuments(Shelf):
    """A1: a descriptor's type is one of four, but this server also sends `document`."""

    def descriptor(self, data: bytes, name: str) -> Json:
        item = super().descriptor(data, name)
        return {**item, "type": "document" if item["type"] == "file" else item["type"]}


@breaks("A1/2", origin=FROM_THE_CONTRACT_ALONE)
class DefaultTtlLeftOutOfTheWholeAnswer(Plain):
    """A1: "all nine fields always", but a non-streamed answer here has no `ttl_seconds` if it is 3600."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        items = [
            {name: value for name, value in item.items() if (name, value) != ("ttl_seconds", 3600)}
            for item in message.get("artifacts", ())
        ]
        return super().whole(id, asked, {**message, "artifacts": items}, reason, usage)


@shelved("A2/1", says="not absolute", also="A3")
class LinksRelatively(Shelf):
    def inline(self, data: bytes, mime_type: str) -> str:
        return "/artifacts/a/photo.png"


@shelved("A1/3", says="the hash of .* differs")
class ChangesWhatIsInline(Shelf):
    def inline(self, data: bytes, mime_type: str) -> str:
        return super().inline(b"y" + data[1:], mime_type)


@shelved("A2/2", says="does not declare base64")
class SendsHexInline(Shelf):
    def inline(self, data: bytes, mime_type: str) -> str:
        return f"data:{mime_type},{data.hex()}"


@shelved("A1/3", says="has 999 bytes")
class CutsTheLastByte(Shelf):
    def inline(self, data: bytes, mime_type: str) -> str:
        return f"data:{mime_type};base64,{base64.b64encode(data[:-1]).decode()}"


@shelved("A2/1", says="", origin=OF_THE_CONTRACT)
class LinksToWhereItListens(Shelf):
    """A2: a URL has the Host of the request, but this server's URLs have its listening address, 0.0.0.0."""

    def kept(self, item: Json, data: bytes) -> str:
        return super().kept(item, data).replace("127.0.0.1", "0.0.0.0")


@shelved("A2/3", says="", also="E7 A4 A5", origin=OF_THE_CONTRACT)
class InlinesEverything(Shelf):
    """A2: large artifacts have an http URL, but this server always sends a data: URL."""

    def kept(self, item: Json, data: bytes) -> str:
        return self.inline(data, item["mime_type"])


class _UnderTheAddressListenedOn(Shelf):
    def kept(self, item: Json, data: bytes) -> str:
        return super().kept(item, data).replace("//127.0.0.1:", "//0.0.0.0:", 1)


@breaks("A2/1", origin=FROM_THE_CONTRACT_ALONE)
class ArtifactUrlsUnderTheListeningAddress(Plain):
    """A2: an http URL is under the public base URL or the `Host` of the request, but here the host is 0.0.0.0.

    `http://0.0.0.0:...` is an absolute URL, but only works on the server's own machine, if that runs Linux.
    """

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return _UnderTheAddressListenedOn(environment)


@shelved("A3/1", says="does not link")
class SaysNothingOfIt(Shelf):
    def link(self, item: Json) -> str:
        return "Here it is."


@shelved("A3/4", says="does not link")
class LinksAnImageLikeAPage(Shelf):
    def link(self, item: Json) -> str:
        return super().link(item).removeprefix("!")


@shelved("A3/5", says="were sent to the upstream")
class SendsBytesToTheModel(Shelf):
    def without_bytes(self, messages: list[Json]) -> list[Json]:
        return messages


@breaks("A3/2", also="A1 A2", origin=OF_THE_CONTRACT)
class HasArtifactsInStreamsOnly(Plain):
    """A3: a non-streamed answer has message.artifacts, but this server sends artifacts in streams only."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return super().whole(id, asked, {**message, "artifacts": []}, reason, usage)


class _FirstDataUrlOnly(Shelf):
    def named(self, text: str) -> str:
        head, found, rest = text.partition("](data:")
        return f"{head}]{rest.partition(')')[2]}" if found else text


@breaks("A3/5", says="bytes of an earlier answer", origin=FROM_THE_CONTRACT_ALONE)
class OneDataUrlAMessage(Plain):
    """A3: "`data:` URLs that come back in the history are replaced by names", but here only the first URL is."""

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return _FirstDataUrlOnly(environment)


@shelved("A4/1", says="the hash of .* differs", also="A5")
class ServesOtherBytes(Shelf):
    def kept(self, item: Json, data: bytes) -> str:
        return super().kept(item, b"y" + data[1:])


@shelved("A4/2", says="served as 'text/plain'")
class ServesAllAsText(Shelf):
    def headers(self, item: Json) -> dict[str, str]:
        return {**super().headers(item), "Content-Type": "text/plain"}


@shelved("A4/3", says="without content-disposition")
class NamesNothing(Shelf):
    def headers(self, item: Json) -> dict[str, str]:
        headers = super().headers(item)
        del headers["Content-Disposition"]
        return headers


@shelved("A4/12", says="without a Content-Security-Policy")
class LetsPagesRun(Shelf):
    def headers(self, item: Json) -> dict[str, str]:
        return {**super().headers(item), "Content-Security-Policy": "default-src 'self'"}


@shelved("A4/5", says="a Range request for an artifact answered 200")
class KnowsNoRanges(Shelf):
    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        return super().served(path, {name: value for name, value in asked.items() if name != "range"})


@shelved("A4/8", says="changed artifact id answered 200")
class TakesAnyEnding(Shelf):
    def find(self, path: str) -> tuple[Json, bytes] | None:
        found = super().find(path)
        if found is None and path.startswith("/v1/artifacts/"):
            start = path.rpartition("/")[2][:20]
            near = [kept.name for kept in self.folder.glob(f"{start}*") if len(start) == 20 and not kept.suffix]
            found = super().find(f"/v1/artifacts/{near[0]}") if near else None
        return found


@shelved("A4/11", says="after its TTL an artifact answers 200")
class KeepsForEver(Shelf):
    def is_over(self, item: Json) -> bool:
        return False


@shelved("A4/5", says="", origin=OF_THE_CONTRACT)
class EndsRangesOneEarly(Shelf):
    """A4: a Range includes its last byte, but this server leaves the last byte out."""

    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        status, headers, data = super().served(path, asked)
        return (status, headers, data[:-1]) if status == 206 else (status, headers, data)


@shelved("A4/10", says="", origin=OF_THE_CONTRACT)
class NumbersItsArtifacts(Shelf):
    """A4: URLs cannot be guessed, but this server numbers its artifacts."""

    def kept(self, item: Json, data: bytes) -> str:
        item["id"] = f"a{len(list(self.folder.glob('*.json'))) + 1}"
        return super().kept(item, data)


@shelved("A4/9", says="", origin=OF_THE_CONTRACT)
class ServesAnyFile(Shelf):
    """A4: no path leads out of the folder, but this server serves any file that a path names."""

    def find(self, path: str) -> tuple[Json, bytes] | None:
        file = self.folder / unquote(path.removeprefix("/v1").removeprefix("/artifacts/"))
        return super().find(path) or (
            ({"mime_type": "text/plain", "display_name": file.name, "sha256": "0"}, file.read_bytes())
            if file.is_file()
            else None
        )


@shelved("A4/3", says="", origin=OF_THE_CONTRACT)
class TagsNothing(Shelf):
    """A4: an artifact is served with an ETag, but this server sends none."""

    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        status, headers, data = super().served(path, asked)
        return status, {name: value for name, value in headers.items() if name != "ETag"}, data


class _SecondRouteForgetsTheTtl(Shelf):
    def find(self, path: str) -> tuple[Json, bytes] | None:
        key = unquote(path).removeprefix("/v1/artifacts/")
        if path.startswith("/v1/artifacts/") and key.isalnum() and (self.folder / f"{key}.json").is_file():
            return json.loads((self.folder / f"{key}.json").read_text()), (self.folder / key).read_bytes()
        return super().find(path)


@breaks("A4/11", says="after its TTL", origin=FROM_THE_CONTRACT_ALONE)
class ExpiredOnOneRouteOnly(Plain):
    """A4: after its TTL, an artifact answers 404 or 410, but here `/v1/artifacts/{id}` serves it for ever."""

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return _SecondRouteForgetsTheTtl(environment)


@shelved("A5/1", says="got 404 from another replica")
class KeepsToItself(Shelf):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__({name: value for name, value in environment.items() if name != "JANUS_ARTIFACTS_DIR"})


class _EmptiedAtTheStart(Shelf):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        for left in self.folder.glob("a*.json"):
            left.unlink(missing_ok=True)
            left.with_suffix("").unlink(missing_ok=True)


@breaks("A5/1", origin=FROM_THE_CONTRACT_ALONE)
class AReplicaThatStartsEmptiesTheStore(Plain):
    """A5: "Several replicas share one object store", but here each replica deletes all artifacts when it starts."""

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return _EmptiedAtTheStart(environment)


@shelved("E7/2", says="GET /artifacts/unknown/x.png answered 200")
class ServesUnknownArtifacts(Shelf):
    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        status, headers, data = super().served(path, asked)
        return (200 if status == 404 and path.endswith("/x.png") else status), headers, data


@shelved("A2/4", says="not absolute", also="A4 A5 E7")
class IgnoresTheThreshold(Shelf):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.inline_bytes = 180_000


@shelved("A2/1", says="not absolute", also="A4 A5 E7 A2")
class SendsRelativeLinks(Shelf):
    """A2: relative URLs break, but this server sends them for artifacts that are not inline."""

    def kept(self, item: Json, data: bytes) -> str:
        return super().kept(item, data).removeprefix(self.url)


@breaks("A2/5", says="was taken over into the URL", also="A4 A5 E7")
class BelievesAnyHost(Plain):
    def check_headers(self, headers: Mapping[str, str], size: int) -> None:
        super().check_headers(headers, size)
        host = headers["host"]
        self.shelf.url = f"http://{host}" if "rebound" in host else self.shelf.url


@breaks("A3/3", says="does not link to its artifact", also="A3")
class LinksOnlyInStreams(Plain):
    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        told = {"content": "Here it is."} if message.get("artifacts") else {}
        return super().whole(id, asked, {**message, **told}, reason, usage)


@shelved("A3/6", says="were sent to the upstream")
class SendsEarlierBytesInParts(Shelf):
    def content_without_bytes(self, content: Any) -> Any:
        return super().content_without_bytes(content) if isinstance(content, str) else content


@shelved("A4/4", says="differ in etag", also="A4")
class ChangesItsETag(Shelf):
    def headers(self, item: Json) -> dict[str, str]:
        return {**super().headers(item), "ETag": f'"{secrets.token_hex(8)}"'}


@shelved("A4/5", says="bytes=2-5: a Range request for an artifact returned the wrong bytes")
class MissesTheLastByteOfARange(Shelf):
    """A4: `Range: bytes=2-5` gets four bytes, but this server sends three."""

    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        status, headers, data = super().served(path, asked)
        return status, headers, data[:-1] if asked.get("range") == "bytes=2-5" else data


@shelved("A4/6", says="answered 200, not 416")
class ServesRangesBeyondTheEnd(Shelf):
    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        status, headers, data = super().served(path, asked)
        return (200 if status == 416 else status), headers, data


@shelved("A4/7", says="answered 200, not 304")
class KnowsNoETags(Shelf):
    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        return super().served(path, {name: value for name, value in asked.items() if name != "if-none-match"})


@shelved("A2/6", says="not under the public base")
class KnowsNoPublicBase(Shelf):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.base = ""
