"""Mutants of the artifact clauses: the plain server with a shelf that does one thing wrong."""

import base64
from collections.abc import Callable, Mapping

from .mutants import breaks
from .plain_artifacts import Json, Shelf
from .plain_server import Plain


def shelved(*clauses: str, says: str, also: str = "") -> Callable[[type[Shelf]], type[Shelf]]:
    """Enters a plain server with this shelf as a mutant."""

    def enter(shelf: type[Shelf]) -> type[Shelf]:
        def read_shelf(self: Plain, environment: Mapping[str, str]) -> Shelf:
            return shelf(environment)

        breaks(*clauses, says=says, also=also)(type(shelf.__name__, (Plain,), {"read_shelf": read_shelf}))
        return shelf

    return enter


@shelved("E7", says="answered 404", also="A5")
class KnowsNoIdAlone(Shelf):
    def find(self, path: str) -> tuple[Json, bytes] | None:
        return None if path.startswith("/v1/") else super().find(path)


@shelved("S18", says="holds content")
class SendsTheLinkWithTheEvent(Shelf):
    def deltas(self, item: Json) -> list[Json]:
        event, text = super().deltas(item)
        return [{**event, **text}]


@shelved("A1", says="created_at")
class TellsNoTimeZone(Shelf):
    def descriptor(self, data: bytes, name: str) -> Json:
        item = super().descriptor(data, name)
        return {**item, "created_at": item["created_at"].removesuffix("Z")}


@shelved("A1", says="ttl_seconds is 'None'", also="A4")
class NeverSaysHowLong(Shelf):
    def descriptor(self, data: bytes, name: str) -> Json:
        item = super().descriptor(data, name)
        del item["ttl_seconds"]
        return item


@shelved("A2", says="not absolute", also="A3")
class LinksRelatively(Shelf):
    def inline(self, data: bytes, mime_type: str) -> str:
        return "/artifacts/a/photo.png"


@shelved("A2", says="the hash of .* differs", also="A1")
class ChangesWhatIsInline(Shelf):
    def inline(self, data: bytes, mime_type: str) -> str:
        return super().inline(b"y" + data[1:], mime_type)


@shelved("A2", says="does not declare base64")
class SendsHexInline(Shelf):
    def inline(self, data: bytes, mime_type: str) -> str:
        return f"data:{mime_type},{data.hex()}"


@shelved("A3", says="does not link")
class SaysNothingOfIt(Shelf):
    def link(self, item: Json) -> str:
        return "Here it is."


@shelved("A3", says="does not link")
class LinksAnImageLikeAPage(Shelf):
    def link(self, item: Json) -> str:
        return super().link(item).removeprefix("!")


@shelved("A3", says="were sent to the upstream")
class SendsBytesToTheModel(Shelf):
    def without_bytes(self, messages: list[Json]) -> list[Json]:
        return messages


@shelved("A4", says="the hash of .* differs", also="A5")
class ServesOtherBytes(Shelf):
    def kept(self, item: Json, data: bytes) -> str:
        return super().kept(item, b"y" + data[1:])


@shelved("A4", says="served as 'text/plain'")
class ServesAllAsText(Shelf):
    def headers(self, item: Json) -> dict[str, str]:
        return {**super().headers(item), "Content-Type": "text/plain"}


@shelved("A4", says="without content-disposition")
class NamesNothing(Shelf):
    def headers(self, item: Json) -> dict[str, str]:
        headers = super().headers(item)
        del headers["Content-Disposition"]
        return headers


@shelved("A4", says="without a Content-Security-Policy")
class LetsPagesRun(Shelf):
    def headers(self, item: Json) -> dict[str, str]:
        return {**super().headers(item), "Content-Security-Policy": "default-src 'self'"}


@shelved("A4", says="a Range request for an artifact answered 200")
class KnowsNoRanges(Shelf):
    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        return super().served(path, {name: value for name, value in asked.items() if name != "range"})


@shelved("A4", says="changed end answered 200")
class TakesAnyEnding(Shelf):
    def find(self, path: str) -> tuple[Json, bytes] | None:
        found = super().find(path)
        if found is None and path.startswith("/v1/artifacts/"):
            start = path.rpartition("/")[2][:20]
            near = [kept.name for kept in self.folder.glob(f"{start}*") if len(start) == 20 and not kept.suffix]
            found = super().find(f"/v1/artifacts/{near[0]}") if near else None
        return found


@shelved("A4", says="after its TTL an artifact answers 200")
class KeepsForEver(Shelf):
    def is_over(self, item: Json) -> bool:
        return False


@shelved("A5", says="got 404 from another replica")
class KeepsToItself(Shelf):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__({name: value for name, value in environment.items() if name != "JANUS_ARTIFACTS_DIR"})


@shelved("A2", says="has 999 bytes", also="A1")
class CutsTheLastByte(Shelf):
    def inline(self, data: bytes, mime_type: str) -> str:
        return f"data:{mime_type};base64,{base64.b64encode(data[:-1]).decode()}"
