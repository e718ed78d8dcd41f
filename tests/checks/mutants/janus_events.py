"""Mutants for section 4 of the contract, events in `delta.janus`. Each breaks the clause that its decorator names."""

from collections.abc import Mapping

from ..plain_artifacts import Shelf
from ..plain_server import Json, Plain
from .registry import BLIND, FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT, breaks, shelved


@breaks("S17/2", says="comes without reasoning_content")
class SendsEventsWithoutWords(Plain):
    def events(self, start: Json, end: Json) -> list[Json]:
        return [{"janus": start}, {"janus": end}, {"content": "Done."}]


@breaks("S17/5", says="no end event")
class NeverEndsATool(Plain):
    def events(self, start: Json, end: Json) -> list[Json]:
        return super().events(start, end)[::2]


@breaks("S17/1", says="not one that the contract names")
class InventsEvents(Plain):
    def events(self, start: Json, end: Json) -> list[Json]:
        return super().events({**start, "event": "thinking"}, end)


@breaks("S17/5", origin=BLIND)
class StartsWithoutAnEnd(Plain):
    """S17: each start event has an end event with the same id, but this server's end events have another id."""

    def events(self, start: Json, end: Json) -> list[Json]:
        payload = {**end["payload"], "id": "another"}
        return super().events(start, {**end, "payload": payload})


@breaks("S17/5", origin=OF_THE_CONTRACT)
class GivesEveryEventItsOwnId(Plain):
    """S17: an end event has the id of its start event, but this server's end events have a new id."""

    def events(self, start: Json, end: Json) -> list[Json]:
        return super().events(start, {**end, "payload": {**end["payload"], "id": "t2"}})


@breaks("S17/2", origin=FROM_THE_CONTRACT_ALONE)
class ToolsEndWithoutAWord(Plain):
    """S17: the end event of a tool comes with `reasoning_content`, but this server sends only the event."""

    def events(self, start: Json, end: Json) -> list[Json]:
        return [
            {"janus": delta["janus"]} if delta.get("janus") is end else delta for delta in super().events(start, end)
        ]


@shelved("S18/1", says="holds content")
class SendsTheLinkWithTheEvent(Shelf):
    def deltas(self, item: Json) -> list[Json]:
        event, text = super().deltas(item)
        return [{**event, **text}]


@shelved("S18/1", says="", origin=OF_THE_CONTRACT)
class ReasonsWithTheEvent(Shelf):
    """S18: the artifacts event has its own chunk, but this server adds reasoning to it."""

    def deltas(self, item: Json) -> list[Json]:
        event, text = super().deltas(item)
        return [{"reasoning_content": "I made a file. ", **event}, text]


class _WordsWithTheArtifact(Shelf):
    def deltas(self, item: Json) -> list[Json]:
        event, *rest = super().deltas(item)
        return [{"reasoning_content": f"Made {item['display_name']}. ", **event}, *rest]


@breaks("S18/1", origin=FROM_THE_CONTRACT_ALONE)
class ArtifactsGoWithWordsAsOtherEventsDo(Plain):
    """S18: "`artifacts` goes **in a chunk of its own**", but this server's chunk also has `reasoning_content`."""

    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return _WordsWithTheArtifact(environment)


@breaks("S17/3", says="has no name")
class NamesNoTool(Plain):
    def events(self, start: Json, end: Json) -> list[Json]:
        return super().events({**start, "payload": {"status": "running", "id": "t1"}}, end)


@breaks("S17/4", says="no duration_ms")
class TimesNoTool(Plain):
    def events(self, start: Json, end: Json) -> list[Json]:
        payload = {name: value for name, value in end["payload"].items() if name != "duration_ms"}
        return super().events(start, {**end, "payload": payload})


@shelved("S18/2", says="payload.items is missing", also="A1 A2 A3 A4 A5 E6 E7")
class SendsItemsBesideThePayload(Shelf):
    def deltas(self, item: Json) -> list[Json]:
        event, text = super().deltas(item)
        return [{"janus": {"event": "artifacts", "payload": {}, "items": event["janus"]["payload"]["items"]}}, text]


@shelved("S18/3", says="the indexes \\[None\\]")
class NumbersNoItems(Shelf):
    def deltas(self, item: Json) -> list[Json]:
        return [{"janus": {"event": "artifacts", "payload": {"items": [item]}}}, super().deltas(item)[1]]


@shelved("S18/3", says="the indexes \\[1\\]")
class CountsItemsFromOne(Shelf):
    def deltas(self, item: Json) -> list[Json]:
        event, text = super().deltas(item)
        event["janus"]["payload"]["items"][0]["index"] = 1
        return [event, text]


@breaks("S17/5", says="no end event")
class NeverEndsAToolThatFails(Plain):
    """S17: every start has its end, but this server sends none for a tool that fails."""

    def events(self, start: Json, end: Json) -> list[Json]:
        failed = end["payload"]["status"] == "error"
        return [delta for delta in super().events(start, end) if not (failed and delta.get("janus") is end)]
