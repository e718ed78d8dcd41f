"""Cases of S17 and S18 of CONTRACT.md: Janus events in a stream."""
# Contract file: replaced by updates.

from collections.abc import Iterator
from typing import Any

from ..registry import case, clause
from ..responses import Json, NotShown, Stream, member, require
from ..target import Target
from .looking import label, streams

JANUS_EVENT_NAMES = {"tool_start", "tool_end", "sandbox_start", "sandbox_end", "artifacts"}
EVENTS = ("events", "events_failing")  # the prompts that make a server run tools of its own
Event = tuple[Json, Json]  # an event, and the delta that holds it


def _streams_with_events(target: Target) -> Iterator[tuple[str, Stream]]:
    for what, stream in streams(*EVENTS)(target):
        require(stream.events, f"{what}: no Janus event was sent")
        yield what, stream


def _events(target: Target) -> Iterator[tuple[str, Event]]:
    """All events in the streams of all prompts that make events or artifacts."""
    for what, stream in streams(*EVENTS, "artifact")(target):
        require(stream.events, f"{what}: no Janus event was sent")
        for event, delta in stream.events:
            yield what, (event, delta)


def _steps(target: Target) -> Iterator[tuple[str, Event]]:
    """The events that start or end a tool or a sandbox."""
    for what, stream in _streams_with_events(target):
        for event, delta in stream.events:
            if event.get("event") != "artifacts":
                yield what, (event, delta)


clause(
    "S17",
    "Tools and sandboxes are shown as start and end events with reasoning.",
    remedy="Send {event, payload} in delta.janus with a reasoning_content; end every start with the same id.",
)


@case("S17/1", _events)
def known_events(given: Event) -> None:
    """Every event has a name from the contract, and a payload."""
    event, _ = given
    kind = event.get("event")
    known = isinstance(kind, str) and kind in JANUS_EVENT_NAMES
    require(known, f"the event {str(kind)[:40]!r} is not one that the contract names")
    require(isinstance(event.get("payload"), dict), f"{kind} has no payload")


@case("S17/2", _steps)
def events_in_words(given: Event) -> None:
    """The start and end events go with a reasoning_content."""
    event, delta = given
    require(delta.get("reasoning_content"), f"the event {event.get('event')} comes without reasoning_content")


@case("S17/3", _steps)
def payload_texts(given: Event) -> None:
    """The payload of a start or end event has a name, a status and an id."""
    event, _ = given
    for name in ("name", "status", "id"):
        found = isinstance(member(event, dict, "payload").get(name), str)
        require(found, f"{event.get('event')} has no {name}")


@case("S17/4", _steps)
def duration(given: Event) -> None:
    """The payload of an end event has a duration_ms."""
    event, _ = given
    if str(event.get("event")).endswith("_end"):
        value = member(event, dict, "payload").get("duration_ms")
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        require(is_number, f"{event.get('event')} has no duration_ms")


@case("S17/5", _streams_with_events)
def starts_and_ends(stream: Stream) -> None:
    """Every start event has its end event with the same id, also if the tool fails."""
    open_ids: dict[str, str] = {}
    for event, _ in stream.events:
        what, _, which = str(event.get("event")).partition("_")
        payload = event.get("payload")
        key = str(payload.get("id")) if isinstance(payload, dict) else ""
        if which == "start":
            open_ids[key] = what
        elif which == "end":
            require(open_ids.pop(key, None) == what, f"no start event has the id of this {event.get('event')}")
    require(not open_ids, "a start event has no end event with its id")


def artifact_events(stream: Stream) -> list[Event]:
    return [(event, delta) for event, delta in stream.events if event.get("event") == "artifacts"]


def _artifact_streams(target: Target) -> Iterator[tuple[str, Stream]]:
    for what, stream in streams("artifact", "artifact_linked")(target):
        require(artifact_events(stream), f"{what}: it asks for an artifact, but the stream has no artifacts event")
        yield what, stream


clause(
    "S18",
    "The artifacts event is in a chunk of its own, with the descriptors in payload.items.",
    remedy="Send the artifacts event in a chunk of its own, with the descriptors in payload.items.",
)


@case("S18/1", _artifact_streams)
def own_chunk(stream: Stream) -> None:
    """The artifacts event is in a chunk of its own."""
    for _, delta in artifact_events(stream):
        others = sorted(set(delta) - {"janus"})
        require(not others, f"the chunk of the artifacts event also holds {', '.join(others)}")


@case("S18/2", _artifact_streams)
def items(stream: Stream) -> None:
    """The artifacts event has a list of descriptors in payload.items."""
    for event, _ in artifact_events(stream):
        found = member(event, list, "payload", "items")
        filled = found and all(isinstance(item, dict) for item in found)
        require(filled, "payload.items of the artifacts event is empty, or has something else than objects")


def _lists(value: object) -> Iterator[list[Json]]:
    """The lists of objects anywhere in a value."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _lists(each)
    elif isinstance(value, list):
        if any(isinstance(item, dict) for item in value):
            yield [item for item in value if isinstance(item, dict)]
        for each in value:
            yield from _lists(each)


def _streams_with_lists(target: Target) -> Iterator[tuple[str, Stream]]:
    found = False
    for what, stream in streams("artifact", "artifacts_twice", "artifact_linked", *EVENTS)(target):
        if any(True for event, _ in stream.events for _ in _lists(event)):
            found = True
            yield what, stream
    if not found:
        raise NotShown(f"no stream has a list of objects in a Janus event ({label('artifact')})")


@case("S18/3", _streams_with_lists, remedy="Number the objects in every list below delta.janus with `index`: 0, 1, 2.")
def index_of_items(stream: Stream) -> None:
    """Objects in lists below delta.janus carry an integer `index` that runs over the stream: 0, 1, 2, ..."""
    found: list[Any] = [item.get("index") for event, _ in stream.events for items in _lists(event) for item in items]
    numbered = all(type(number) is int for number in found) and sorted(found) == list(range(len(found)))
    require(numbered, f"the objects in lists of delta.janus have the indexes {str(found)[:40]}")
