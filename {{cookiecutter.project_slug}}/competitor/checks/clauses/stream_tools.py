"""Cases of S9, S10, S17 and S18 of CONTRACT.md: tools and Janus events in a stream."""
# Contract file: replaced by updates.

import json
from collections.abc import Iterator
from typing import Any

from ..registry import case, clause
from ..responses import Failed, Json, NotShown, Stream, member, require
from ..sources.answers import ASK_WEATHER, CALLS, FORCED, WEATHER, label, stream_for, streams
from ..target import Target

Fragments = list[Json]


def _streams_with_calls(target: Target) -> Iterator[tuple[str, Stream]]:
    """The streams in which the client's tool is called: with known prompts, or else because the call is required."""
    for name in (name for name in CALLS if name in target.prompts):
        yield label(name), stream_for(target, name)
    if not any(name in target.prompts for name in CALLS):
        for what, choice in (("a required call", "required"), ("a forced call", FORCED)):
            stream = target.stream(ASK_WEATHER, tools=[WEATHER], tool_choice=choice)
            if not stream.fragments:
                raise NotShown("no tool call was streamed (R7 says whether one is missing)")
            yield what, stream


def _calls(target: Target) -> Iterator[tuple[str, Fragments]]:
    """The fragments of each call, in the order in which they came."""
    for what, stream in _streams_with_calls(target):
        require(stream.fragments, f"{what}: no tool call was streamed")
        found: dict[str, Fragments] = {}
        for piece in stream.fragments:
            found.setdefault(json.dumps(piece.get("index")), []).append(piece)
        for index, pieces in found.items():
            yield f"{what}, call {index}", pieces


def _function(piece: Json) -> Json:
    return dict(piece.get("function") or {})


clause(
    "S9",
    "Tool calls are streamed in fragments whose arguments add up to JSON.",
    remedy="Send index in every fragment; id, type and name only in the first; arguments in string pieces.",
)


@case("S9/1", _calls)
def index_always(pieces: Fragments) -> None:
    """Every fragment of a tool call has an integer index."""
    for piece in pieces:
        index = piece.get("index")
        fits = isinstance(index, int) and not isinstance(index, bool)
        require(fits, "a fragment of a tool call has no integer index")


@case("S9/2", _calls)
def first_fragment(pieces: Fragments) -> None:
    """The first fragment of a call has its id, its type and its name."""
    first = pieces[0]
    require(first.get("id") and _function(first).get("name"), "the first fragment of a call has no id or no name")
    require(first.get("type") == "function", "the type in the first fragment of a call is not function")


@case("S9/3", _calls)
def later_fragments(pieces: Fragments) -> None:
    """The later fragments of a call repeat neither its id nor its type nor its name."""
    for piece in pieces[1:]:
        again = {"id", "type"} & set(piece) or "name" in _function(piece)
        require(not again, "a later fragment of a call repeats the name, the id or the type")


@case("S9/4", _calls)
def arguments_add_up(pieces: Fragments) -> None:
    """The arguments of a call are string pieces of one JSON object."""
    parts = [_function(piece).get("arguments", "") for piece in pieces]
    require(all(isinstance(part, str) for part in parts), "the arguments in a fragment are not a string")
    try:
        arguments = json.loads("".join(parts))
    except (ValueError, RecursionError):
        raise Failed("the arguments of a call do not add up to JSON") from None
    require(isinstance(arguments, dict), "the arguments of a call are not a JSON object")


@case("S9/5", _streams_with_calls, remedy="Finish an answer that calls the client's tools with tool_calls.")
def finish_reason(stream: Stream) -> None:
    """A stream with tool calls has the finish_reason tool_calls."""
    require(stream.fragments, "no tool call was streamed")
    require(stream.finish_reasons == ["tool_calls"], f"the finish reason is {stream.finish_reasons}")


def _streams_without_calls(target: Target) -> Iterator[tuple[str, Stream]]:
    """The streams in which only tools are called that the client did not offer, with the client's tool on offer."""
    names = [name for name in ("calls_unknown", "events") if name in target.prompts]
    if not names:
        raise NotShown("no known prompt makes this server call a tool that the client did not offer")
    for name in names:
        stream = target.stream(target.prompts[name], tools=[WEATHER])
        require(stream.status == 200, f"{label(name)}: the stream has the status {stream.status}")
        require(stream.done, f"{label(name)}: the stream has no [DONE]")
        require(stream.deltas, f"{label(name)}: the stream is empty")
        yield label(name), stream


clause(
    "S10",
    "The client gets tool calls only for tools that it offered.",
    remedy="Send tool_calls only for the client's tools; show your own tools as events and reasoning.",
)


@case("S10/1", _streams_without_calls)
def only_client_tools(stream: Stream) -> None:
    """The client gets no tool call for a tool that it did not offer."""
    names = [_function(piece).get("name") for piece in stream.fragments]
    others = {str(name) for name in names if name} - {"get_weather"}
    require(not others, f"the client got a call of {', '.join(sorted(others))}, which it did not offer")


@case("S10/2", _streams_without_calls, remedy="Send the finish_reason tool_calls only if you have sent tool calls.")
def no_finish_without_a_call(stream: Stream) -> None:
    """A stream without tool calls does not have the finish_reason tool_calls."""
    consistent = stream.fragments or stream.finish_reasons != ["tool_calls"]
    require(consistent, "the finish_reason is tool_calls, but no tool call was sent")


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
