"""Cases of S9 and S10 of CONTRACT.md: calls of the client's tools in a stream."""
# Contract file: replaced by updates.

import json
from collections.abc import Iterator

from ..registry import case, clause
from ..responses import Failed, Json, NotShown, Stream, require
from ..target import Target
from .looking import ASK_WEATHER, CALLS, FORCED, WEATHER, label, stream_for

Fragments = list[Json]


def _streams_with_calls(target: Target) -> Iterator[tuple[str, Stream]]:
    """The streams in which the client's tool is called: with known prompts, or else because the call is required."""
    for name in (name for name in CALLS if name in target.prompts):
        yield label(name), stream_for(target, name)
    if not any(name in target.prompts for name in CALLS):
        yield "a required call", target.stream(ASK_WEATHER, tools=[WEATHER], tool_choice="required")
        yield "a forced call", target.stream(ASK_WEATHER, tools=[WEATHER], tool_choice=FORCED)


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
    """The client gets no call of a tool that it did not offer."""
    names = [_function(piece).get("name") for piece in stream.fragments]
    others = {str(name) for name in names if name} - {"get_weather"}
    require(not others, f"the client got a call of {', '.join(sorted(others))}, which it did not offer")


@case("S10/2", _streams_without_calls, remedy="Send the finish_reason tool_calls only if you have sent tool calls.")
def no_finish_without_a_call(stream: Stream) -> None:
    """A stream without tool calls does not have the finish_reason tool_calls."""
    consistent = stream.fragments or stream.finish_reasons != ["tool_calls"]
    require(consistent, "the finish_reason is tool_calls, but no tool call was sent")
