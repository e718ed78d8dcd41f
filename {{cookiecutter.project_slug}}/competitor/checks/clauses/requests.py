"""Cases of section 2 of CONTRACT.md: which requests are accepted, and what is passed on to the upstream."""
# Contract file: replaced by updates.

import json
import uuid
from collections.abc import Iterator
from typing import Any

from ..registry import Source, case, clause
from ..responses import Json, NotShown, Reply, Stream, require
from ..prompts import SIGNATURE
from ..target import PLAIN, Target, Upstream, announced, question
from .bad_input import refused
from .looking import (
    ASK_WEATHER,
    FORCED,
    PIXEL,
    WEATHER,
    bad_requests,
    posted,
    requests,
    require_good_answer,
)
from .operations import read_debug_stream, with_debug_on

WEATHER_TWICE: Json = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
CLOCK: Json = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
CANARY = "canary-7f3a9c51d2"
CALL: Json = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
USER: Json = {"role": "user", "content": PLAIN}


def marked(text: str = PLAIN) -> tuple[str, str]:
    """A prompt that no other request has, and the words by which it can be told from others."""
    mark = f"case {uuid.uuid4().hex[:12]}"
    return f"{text} ({mark})", mark


def upstream_bodies(target: Target, mark: str) -> list[Json]:
    """The bodies that the upstream got for a marked prompt. Raises `NotShown` if it got none."""
    found = [dict(each["body"]) for each in target.stand_in().requests_with(mark)]
    if not found:
        raise NotShown("the server answered without asking its upstream, so nothing shows what the model gets")
    return found


def to_upstream(target: Target, text: str = PLAIN, **fields: Any) -> list[Json]:
    """Asks a marked question. Returns the bodies that the upstream got for it."""
    target.stand_in()
    prompt, mark = marked(text)
    messages = fields.pop("messages", [])
    reply = target.post(question(messages=[*messages, {"role": "user", "content": prompt}], **fields))
    if reply.status != 200:
        raise NotShown(f"the request got {reply.status}, so the upstream was not asked")
    return upstream_bodies(target, mark)


def said_upstream(*messages: Json) -> Source:
    """A source: what the upstream gets as messages after these, as JSON text."""

    def source(target: Target) -> Iterator[tuple[str, str]]:
        for body in to_upstream(target, messages=messages):
            yield "", json.dumps(body.get("messages"))

    return source


def check_accepted(reply: Reply) -> None:
    """Requires status 200 and an answer."""
    require(reply.status == 200, f"it got {reply.status}")
    require(reply.message, "the answer has an empty message")


def check_refused(reply: Reply) -> None:
    """Requires a 4xx with an error object."""
    refused(reply, None, "it")


EXTRAS: Json = {
    "user_id": f"{CANARY}-user",
    "enable_memory": True,
    "debug": False,
    "browser_session_id": f"{CANARY}-session",
    "generation_flags": {"generate_image": True, "web_search": False},
    "surprise": CANARY,
}
KNOWN = EXTRAS | {
    "chutes_access_token": "t-of-a-user",
    "metadata": {"a": "b"},
    "user": "u",
    "stream": None,
    "temperature": 0,
    "top_p": 1,
    "max_tokens": 500,
    "max_completion_tokens": 500,
    "stream_options": None,
}

clause(
    "R1",
    "The fields that callers send are accepted, and unknown fields are ignored.",
    remedy="Accept all fields that callers send, and ignore unknown ones.",
)


@case("R1/1", requests(*((f"a request with {name}", {name: value}) for name, value in KNOWN.items())))
def known_fields(reply: Reply) -> None:
    """The fields that callers send are accepted."""
    check_accepted(reply)


@case("R1/2", requests(("a request with unknown fields", {"surprise": {"nested": [1, None]}, "another": "x"})))
def unknown_fields(reply: Reply) -> None:
    """Unknown fields are ignored."""
    check_accepted(reply)


@case("R1/3", requests(("a message with an unknown field", {"messages": [{**USER, "surprise": 1}]})))
def unknown_message_fields(reply: Reply) -> None:
    """Unknown fields in a message are ignored."""
    check_accepted(reply)


_SCHEMA: Json = {"name": "trip", "schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
_FORMATS: list[Json] = [{"type": "text"}, {"type": "json_object"}, {"type": "json_schema", "json_schema": _SCHEMA}]


@case("R1/4", requests(*((f"the format {each['type']}", {"response_format": each}) for each in _FORMATS)))
def response_formats(reply: Reply) -> None:
    """The response formats text, json_object and json_schema are accepted."""
    check_accepted(reply)


_CALLED = {"role": "assistant", "content": "", "tool_calls": [CALL], "reasoning_content": "I look it up.", "name": "a"}
_RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
_ARTIFACTS = {"role": "assistant", "content": "Here.", "artifacts": [{"id": "art_1", "url": "data:text/plain;base64,"}]}


@case("R1/5", requests(("a history with artifacts", {"messages": [USER, _ARTIFACTS, USER]})))
def artifacts_in_history(reply: Reply) -> None:
    """The artifacts of an earlier answer may come back in the history."""
    check_accepted(reply)


@case("R1/6", requests(("a history with reasoning", {"messages": [USER, _CALLED, _RESULT]})))
def reasoning_in_history(reply: Reply) -> None:
    """The reasoning_content of an earlier answer may come back in the history."""
    check_accepted(reply)


WRONG_TYPES: list[tuple[str, Json]] = [
    ("temperature", {"temperature": "warm"}),
    ("temperature", {"temperature": "0.5"}),
    ("temperature", {"temperature": True}),
    ("max_tokens", {"max_tokens": "5"}),
    ("max_completion_tokens", {"max_completion_tokens": "many"}),
    ("stream", {"stream": "true"}),
    ("stream", {"stream": 1}),
    ("stream_options", {"stream_options": 1}),
    ("tools", {"tools": "all"}),
    ("tools[0].function.name", {"tools": [{"type": "function", "function": {}}]}),
    ("tool_choice", {"tool_choice": 3}),
    ("messages[0].tool_calls", {"messages": [{"role": "assistant", "tool_calls": 5}]}),
    ("generation_flags", {"generation_flags": [True]}),
    ("chutes_access_token", {"chutes_access_token": 7}),
]
OUT_OF_RANGE: list[tuple[str, Json]] = [
    ("temperature", {"temperature": 2.5}),
    ("top_p", {"top_p": -0.1}),
    ("top_p", {"top_p": 1.5}),
    ("max_tokens", {"max_tokens": 0}),
    ("max_completion_tokens", {"max_completion_tokens": 0}),
    ("response_format", {"response_format": {"type": "xml"}}),
    ("n", {"n": 2}),
    ("messages[0].role", {"messages": [{"role": "robot", "content": "x"}]}),
]


def _wrong(tries: list[tuple[str, Json]]) -> Source:
    """A source: the replies to requests with these fields, each with the field that its error must name."""

    def source(target: Target) -> Iterator[tuple[str, tuple[str, Reply]]]:
        require_good_answer(target)
        replies = posted(target, [(f"a wrong {param}", fields) for param, fields in tries])
        for (param, _), (_, reply) in zip(tries, replies, strict=True):
            yield "", (param, reply)

    return source


clause(
    "R2",
    "A known field with a wrong type, or a value out of range, is refused, and the error names it.",
    remedy="Answer 400 with OpenAI's error object when a known field has the wrong type or is out of range.",
)


@case("R2/1", _wrong(WRONG_TYPES))
def wrong_types(given: tuple[str, Reply]) -> None:
    """A known field with a wrong type is refused with a 400."""
    param, reply = given
    require(reply.status == 400, f"a wrong {param} got {reply.status}, not a 400")


@case("R2/2", _wrong(OUT_OF_RANGE))
def out_of_range(given: tuple[str, Reply]) -> None:
    """A value out of range is refused with a 400."""
    param, reply = given
    require(reply.status == 400, f"a wrong {param} got {reply.status}, not a 400")


@case("R2/3", _wrong(WRONG_TYPES + OUT_OF_RANGE), remedy="Name the field in the error object.")
def names_the_field(given: tuple[str, Reply]) -> None:
    """The refusal has OpenAI's error object, and it names the field."""
    param, reply = given
    refused(reply, param, f"a wrong {param}")


clause(
    "R3",
    "Any model name is accepted and echoed; the field is required.",
    remedy="Accept any model name, and send it back as `model`. Refuse a request without one.",
)
_NAMES = ("gpt-4o", "someone/else:v2", "ein Name mit Leerzeichen", "a-name-of-two-hundred-characters-" + "x" * 167)
_with_names = requests(*((f"the model name {name[:40]!r}", {"model": name}) for name in _NAMES))


@case("R3/1", _with_names, remedy="Accept any model name.")
def any_model(reply: Reply) -> None:
    """Any model name is accepted."""
    check_accepted(reply)


@case("R3/2", _with_names, remedy="Send the request's model name back as `model`.")
def model_echoed(reply: Reply) -> None:
    """The model's name is echoed."""
    name, echoed = reply.request.json["model"], reply.get(str, "model")
    require(echoed == name, f"it came back as {echoed[:40]!r}")


def _without_a_model(target: Target) -> Iterator[tuple[str, Reply]]:
    require_good_answer(target)
    body = question()
    del body["model"]
    yield "a request without a model", target.post(body)


@case("R3/3", _without_a_model, remedy="Refuse a request without a model.")
def model_required(reply: Reply) -> None:
    """A request without a model is refused."""
    check_refused(reply)


clause(
    "R4",
    "At least one message is required, and all roles are accepted.",
    remedy="Require at least one message; accept the roles system, developer, user, assistant and tool.",
)
_EVERY_ROLE: list[Json] = [
    {"role": "system", "content": "Be brief."},
    {"role": "developer", "content": f"Be kind to {CANARY}."},
    {"role": "user", "content": PLAIN},
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    _RESULT,
]


@case("R4/1", bad_requests(("an empty list of messages", {"messages": []})))
def one_message(reply: Reply) -> None:
    """An empty list of messages is refused."""
    check_refused(reply)


@case("R4/2", requests(("a conversation with all roles", {"messages": [*_EVERY_ROLE, USER]})))
def all_roles(reply: Reply) -> None:
    """All roles are accepted."""
    check_accepted(reply)


@case("R4/3", said_upstream(*_EVERY_ROLE), remedy="Send a developer's message to the model as a system message.")
def developer_reaches_the_model(said: str) -> None:
    """The text of a developer's message reaches the model."""
    require(CANARY in said, "the developer's message was not sent to the upstream")


clause(
    "R5",
    "The content of a message may be a string, a list of parts, null or absent.",
    remedy="Accept content that is a string, a list of parts, null, or absent.",
)


def _with_content(content: Json) -> list[tuple[str, Json]]:
    called = {"role": "assistant", "tool_calls": [CALL], **content}
    result = {"role": "tool", "tool_call_id": "call_1", **content}
    others = [{"role": role, **content} for role in ("system", "user", "assistant")]
    return [
        ("a tool call", {"messages": [USER, called, {**result, "content": "sunny"}]}),
        ("a message of every role", {"messages": [*others, USER, called, result, USER]}),
    ]


@case("R5/1", requests(*_with_content({"content": None})))
def null_content(reply: Reply) -> None:
    """Content that is null is accepted."""
    require(reply.status == 200, f"with null content it got {reply.status}")
    check_accepted(reply)


@case("R5/2", requests(*_with_content({})))
def absent_content(reply: Reply) -> None:
    """Absent content is accepted."""
    require(reply.status == 200, f"with absent content it got {reply.status}")
    check_accepted(reply)


_PARTS = [{"type": "text", "text": f"{CANARY}-one"}, {"type": "text", "text": f"{CANARY}-two"}]


@case("R5/3", requests(("a list of parts", {"messages": [{"role": "user", "content": _PARTS}]})))
def list_of_parts(reply: Reply) -> None:
    """A list of parts is accepted."""
    check_accepted(reply)


@case("R5/4", bad_requests(("content that is a number", {"messages": [{"role": "user", "content": 5}]})))
def number_as_content(reply: Reply) -> None:
    """Content that is a number is refused."""
    check_refused(reply)


@case("R5/5", said_upstream({"role": "user", "content": _PARTS}), remedy="Send every text part to the model.")
def every_text_part(said: str) -> None:
    """Every text part of a message reaches the model."""
    for part in _PARTS:
        require(part["text"] in said, f"the text part {part['text']!r} was not sent to the upstream")


_NO_ID: Json = {"messages": [USER, {"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "content": "sunny"}]}


@case("R5/6", bad_requests(("a tool message without a tool_call_id", _NO_ID)), remedy="Require tool_call_id.")
def tool_call_id(reply: Reply) -> None:
    """A `tool` message without a tool_call_id is refused, and the error names it."""
    refused(reply, "tool_call_id", "it")


clause(
    "R6",
    "Text, image and file parts are accepted; any other type is refused, and the error names it.",
    remedy="Accept text, image_url and file parts; refuse any other type with a 400 that names its place.",
)
_TEXT: Json = {"type": "text", "text": PLAIN}
_FILE: Json = {"name": "a.txt", "mime_type": "text/plain", "content": f"{CANARY}-file", "size": 28}
_IMAGE: Json = {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}
_ODD: Json = {"type": "smell_o_vision", "smell_o_vision": {"words": f"{CANARY}-odd"}}


def _user(*parts: Json) -> Json:
    return {"role": "user", "content": list(parts)}


@case("R6/1", requests(("an image part", {"messages": [_user(_TEXT, _IMAGE)]})))
def image_part(reply: Reply) -> None:
    """An image part is accepted."""
    check_accepted(reply)


@case(
    "R6/2",
    requests(
        ("a file part", {"messages": [_user(_TEXT, {"type": "file", "file": _FILE})]}),
        ("a file part without a nested `file` object", {"messages": [_user(_TEXT, {"type": "file", **_FILE})]}),
    ),
)
def file_part(reply: Reply) -> None:
    """A file part is accepted."""
    check_accepted(reply)


_odd_part = bad_requests(("an unknown part", {"messages": [_user(_TEXT, _ODD)]}))


@case("R6/3", _odd_part)
def unknown_part(reply: Reply) -> None:
    """A part of another type is refused with a 400."""
    require(reply.status == 400, f"it got {reply.status}, not a 400")
    check_refused(reply)


@case("R6/4", said_upstream(_user(_TEXT, {"type": "file", "file": _FILE})), remedy="Send a file's text to the model.")
def file_reaches_the_model(said: str) -> None:
    """The content of a text file reaches the model."""
    require(f"{CANARY}-file" in said, "the content of a text file was not sent to the upstream")


_REFUSED: Json = {"role": "assistant", "content": [{"type": "refusal", "refusal": "I would rather not."}]}


@case("R6/5", requests(("a refusal part", {"messages": [USER, _REFUSED, USER]})), remedy="Accept refusal parts.")
def refusal_part(reply: Reply) -> None:
    """A `refusal` part in an assistant's message is accepted."""
    check_accepted(reply)


@case("R6/6", _odd_part, remedy="Name the place `messages[0].content[1].type` and the known types in the error.")
def place_of_the_part(reply: Reply) -> None:
    """The refusal of an unknown part names its place and the known types, not the caller's words."""
    error = refused(reply, None, "an unknown part")
    said = f"{error['message']} {error['param']}"
    require("messages[0].content[1].type" in said, "the refusal of an unknown part does not name its place")
    require(all(kind in said for kind in ("text", "image_url", "file")), "the refusal does not name the known types")
    require("smell_o_vision" not in reply.text, "the refusal repeats the caller's words")


def _details(target: Target) -> Iterator[tuple[str, tuple[object, str]]]:
    for detail in ("low", "high", "auto"):
        part = {"type": "image_url", "image_url": {"url": PIXEL, "detail": detail}}
        for body in to_upstream(target, messages=[_user(_TEXT, part)]):
            yield f"detail {detail!r}", (_details_in(body.get("messages")), detail)


def _details_in(value: object) -> list[object]:
    """The `detail` of each image part anywhere in a value."""
    if isinstance(value, list):
        return [found for each in value for found in _details_in(each)]
    if not isinstance(value, dict):
        return []
    image = value.get("image_url")
    own = [image.get("detail")] if isinstance(image, dict) else []
    return own + [found for each in value.values() for found in _details_in(each)]


@case("R6/7", _details, remedy="Pass an image's `detail` on as it came.")
def detail_passed_on(given: tuple[object, str]) -> None:
    """The `detail` of an image is passed on as it came."""
    found, wanted = given
    require(found == [wanted], f"the upstream got {found}")


clause(
    "R7",
    "A repeated tool name is accepted but reaches the upstream once, and a forced tool_choice is honoured.",
    remedy="Remove tools with a repeated name before the model sees them, and honour a forced tool_choice.",
)
_REPEATED: Json = {"tools": [WEATHER, CLOCK, WEATHER_TWICE, WEATHER]}


def _forcing(target: Target) -> str:
    return target.prompts.get("forced", ASK_WEATHER)


def _forced(target: Target) -> Iterator[tuple[str, Reply]]:
    fields = _REPEATED | {"tool_choice": FORCED}
    yield "a forced tool", target.post(question(_forcing(target), **fields))


@case("R7/1", requests(("a repeated tool name", _REPEATED)))
def repeated_names(reply: Reply) -> None:
    """A tool name that is repeated in the list is accepted."""
    check_accepted(reply)


@case("R7/2", _forced, remedy="Call the tool that tool_choice names.")
def forced_tool(reply: Reply) -> None:
    """A tool that tool_choice forces is called exactly once."""
    require(reply.status == 200, f"it got {reply.status}")
    called = [(call.get("function") or {}).get("name") for call in reply.calls]
    require(called == ["get_weather"], "the forced tool was not called exactly once")


@case("R7/3", _forced, remedy="Send arguments that match the tool's schema.")
def forced_arguments(reply: Reply) -> None:
    """The arguments of a forced call match the tool's schema."""
    require(reply.status == 200, f"it got {reply.status}")
    require(reply.calls, "the forced tool was not called")
    function = reply.calls[0].get("function") or {}
    try:
        arguments = json.loads(function.get("arguments") or "")
    except (ValueError, TypeError, RecursionError):
        arguments = None
    matches = isinstance(arguments, dict) and isinstance(arguments.get("city"), str)
    require(matches, "the arguments of the call do not match the tool's schema")


def _forced_stream(target: Target) -> Iterator[tuple[str, Stream]]:
    yield "a forced tool", target.stream(_forcing(target), tools=[WEATHER, CLOCK], tool_choice=FORCED)


@case("R7/4", _forced_stream, remedy="Call the tool that tool_choice names in a stream too.")
def forced_tool_in_a_stream(stream: Stream) -> None:
    """A tool that tool_choice forces is called in a stream too."""
    names = [(piece.get("function") or {}).get("name") for piece in stream.fragments]
    require([name for name in names if name] == ["get_weather"], "the forced tool was not called exactly once")


def _tools_upstream(target: Target) -> Iterator[tuple[str, Json]]:
    for body in to_upstream(target, _forcing(target), **_REPEATED, tool_choice=FORCED):
        yield "", body


@case("R7/5", _tools_upstream)
def no_repeated_name_upstream(body: Json) -> None:
    """A repeated tool name reaches the upstream once."""
    names = [tool["function"]["name"] for tool in body.get("tools") or []]
    require("get_weather" in names and len(names) == len(set(names)), f"the upstream got the tools {names}")


@case("R7/6", _tools_upstream, remedy="Pass a forced tool_choice on to the upstream.")
def forced_upstream(body: Json) -> None:
    """A forced tool_choice reaches the upstream."""
    require(body.get("tool_choice") in (FORCED, "required"), "the forced tool_choice was not sent to the upstream")


_NOT_OFFERED: Json = {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "nope"}}}


@case("R7/7", bad_requests(("a tool_choice of an unknown tool", _NOT_OFFERED)), remedy="Refuse an unknown tool.")
def unknown_choice(reply: Reply) -> None:
    """A tool_choice that names a tool that is not in the list is refused."""
    check_refused(reply)


_ALLOWED: Json = {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [FORCED]}}


def _allowed_tools(target: Target) -> Iterator[tuple[str, Json]]:
    for body in to_upstream(target, tools=[WEATHER, CLOCK], tool_choice=_ALLOWED):
        yield "", body


@case("R7/8", requests(("allowed_tools", {"tools": [WEATHER, CLOCK], "tool_choice": _ALLOWED})))
def allowed_tools_accepted(reply: Reply) -> None:
    """A tool_choice of type `allowed_tools` is accepted."""
    check_accepted(reply)


@case("R7/9", _allowed_tools, remedy="Offer the model only the tools in allowed_tools, or pass the choice on.")
def allowed_tools_honoured(body: Json) -> None:
    """With `allowed_tools`, the model is offered only the allowed tools, or gets the choice itself."""
    names = [tool["function"]["name"] for tool in body.get("tools") or []]
    honoured = names == ["get_weather"] or body.get("tool_choice") == _ALLOWED
    require(honoured, f"the upstream got the tools {names} and the tool_choice {str(body.get('tool_choice'))[:60]}")


_CUSTOM: Json = {"tools": [{"type": "custom", "custom": {"name": "free_text"}}]}


@case("R7/10", bad_requests(("a tool of type custom", _CUSTOM)), remedy="Refuse custom tools with a 400 that says so.")
def custom_tool(reply: Reply) -> None:
    """A tool of type `custom` is refused with a 400 that says so."""
    require(reply.status == 400, f"it got {reply.status}, not a 400")
    refused(reply, "custom", "it")


clause(
    "R8",
    "The user's token is not echoed, and is sent only to hosts of the platform.",
    remedy="Use chutes_access_token as a key only for hosts of the platform; never log, show or echo it.",
)
TOKEN = f"{CANARY}-token"


def _with_token(target: Target) -> Iterator[tuple[str, Reply]]:
    require_good_answer(target)
    yield "an answer", target.post(question(chutes_access_token=TOKEN))
    yield "a refusal", target.post(question(chutes_access_token=TOKEN, temperature="wrong"))
    yield "GET /health", target.get("/health")


@case("R8/1", _with_token)
def token_not_echoed(reply: Reply) -> None:
    """Neither an answer nor a refusal nor GET /health contains the user's token."""
    require(TOKEN not in reply.text + str(dict(reply.headers)), "it contains the user's token")


def _stream_with_token(target: Target) -> Iterator[tuple[str, Stream]]:
    yield "a stream", target.read_stream(question(stream=True, chutes_access_token=TOKEN))


@case("R8/2", _stream_with_token)
def token_not_streamed(stream: Stream) -> None:
    """A stream does not contain the user's token."""
    require(stream.deltas, "the stream is empty")
    require(all(TOKEN.encode() not in line for _, line in stream.lines), "the stream contains the user's token")


def _debug_with_token(target: Target) -> Iterator[tuple[str, bytes]]:
    on = with_debug_on(target)
    id, events = read_debug_stream(on, question(stream=True, debug=True, chutes_access_token=TOKEN))
    shown = b"\n".join(line for _, line in events.lines)
    if events.status != 200 or id.encode() not in shown:
        raise NotShown("the server shows no debug information")
    yield "the debug stream", shown
    page = on.get("/debug")
    if page.status == 200:
        yield "GET /debug", page.body


@case("R8/3", _debug_with_token)
def token_not_in_debug(shown: bytes) -> None:
    """Neither GET /debug nor the debug stream contains the user's token."""
    require(TOKEN.encode() not in shown, "it contains the user's token")


def _asked_with_token(server: Target, upstream: Upstream, token: str) -> list[Json]:
    """What the upstream gets, with its headers, for a request that has this token in its body."""
    prompt, mark = marked()
    server.post(question(prompt, chutes_access_token=token))
    found = upstream.requests_with(mark)
    if not found:
        raise NotShown("the server answered without asking its upstream, so nothing shows where the token goes")
    return found


def _to_another_host(target: Target) -> Iterator[tuple[str, Json]]:
    upstream = target.stand_in()
    for server in (target, with_debug_on(target)):  # the latter has the platform's host in the path of the URL
        for request in _asked_with_token(server, upstream, TOKEN):
            yield "", request


@case("R8/4", _to_another_host)
def token_not_for_others(request: Json) -> None:
    """An upstream that is not a host of the platform does not get the user's token."""
    require(TOKEN not in json.dumps(request), "an upstream that is not a host of the platform got the token")


def _to_a_token_host(token: str) -> Source:
    def source(target: Target) -> Iterator[tuple[str, Json]]:
        upstream = target.stand_in()
        variables = {**announced(f"{upstream.url}/v1", key=""), "JANUS_TOKEN_HOSTS": "127.0.0.1"}
        for request in _asked_with_token(target.launched(variables), upstream, token):
            yield "", request

    return source


@case("R8/5", _to_a_token_host(TOKEN), remedy="Send the user's token as the key to hosts in JANUS_TOKEN_HOSTS.")
def token_for_listed_hosts(request: Json) -> None:
    """The user's token is the upstream's key for a host in JANUS_TOKEN_HOSTS, and is not in the body there either."""
    key = request["headers"].get("authorization")
    require(key == f"Bearer {TOKEN}", "an upstream in JANUS_TOKEN_HOSTS did not get the token as its key")
    require(TOKEN not in json.dumps(request["body"]), "the token was passed on inside the body")


@case("R8/6", _to_a_token_host("seven77"), remedy="Treat a token of fewer than 8 characters as absent.")
def short_token(request: Json) -> None:
    """A token of fewer than 8 characters is treated as absent."""
    require("seven77" not in json.dumps(request), "a token of 7 characters was sent to the upstream")


PASSED_ON: Json = {
    "temperature": 0.25,
    "top_p": 0.5,
    "stop": ["never-comes"],
    "seed": 4242,
    "presence_penalty": 0.5,
    "frequency_penalty": -0.5,
    "logit_bias": {"50256": -100},
    "parallel_tool_calls": False,
    "reasoning_effort": "low",
    "max_tokens": 500,
}
clause(
    "R9",
    "OpenAI's options are passed on, Janus extras and unknown fields are not, and n above 1 is refused.",
    remedy="Pass OpenAI's options on unchanged; do not pass on the Janus extras and unknown fields.",
)


@case("R9/1", bad_requests(("n above 1", {"n": 2})), remedy="Refuse n above 1.")
def one_choice(reply: Reply) -> None:
    """`n` above 1 is refused with a 400."""
    require(reply.status == 400, f"it got {reply.status}, not a 400")


def _with_everything(target: Target) -> Iterator[tuple[str, Json]]:
    for body in to_upstream(target, **EXTRAS, **PASSED_ON):
        yield "", body


@case("R9/2", _with_everything, remedy="Pass OpenAI's options on unchanged.")
def options_passed_on(body: Json) -> None:
    """OpenAI's options are passed on to the upstream as they came."""
    for name, value in PASSED_ON.items():
        require(body.get(name) == value, f"{name} was not passed on to the upstream unchanged")


@case("R9/3", _with_everything, remedy="Do not pass on the Janus extras and unknown fields.")
def extras_stay(body: Json) -> None:
    """The Janus extras and unknown fields are not passed on to the upstream."""
    require(CANARY not in json.dumps(body), "a Janus extra was passed on to the upstream")
    left = [name for name in EXTRAS if name in body]
    require(not left, f"the upstream got {', '.join(left)}")


_SIGNATURE: Json = {"google": {"thought_signature": f"{CANARY}-signature"}}
_SIGNED: Json = {"role": "assistant", "content": None, "tool_calls": [{**CALL, "extra_content": _SIGNATURE}]}


@case("R9/4", said_upstream(USER, _SIGNED, _RESULT), remedy="Send extra_content of a tool call back to the upstream.")
def vendor_fields_sent_back(said: str) -> None:
    """A vendor's fields on a tool call in the history (`extra_content`) are sent back to the upstream."""
    require(f"{CANARY}-signature" in said, "extra_content of a tool call was not sent back to the upstream")


def _signed_calls(target: Target) -> Iterator[tuple[str, Stream]]:
    yield "", target.stream(target.prompt("calls_signed"), tools=[WEATHER])


@case("R9/6", _signed_calls, remedy="Hand extra_content of the upstream's tool call to the client, with the call.")
def vendor_fields_handed_on(stream: Stream) -> None:
    """A vendor's fields on a tool call of the upstream (`extra_content`) are handed to the client with the call."""
    require(stream.fragments, "no tool call was streamed")
    handed = [piece["extra_content"] for piece in stream.fragments if "extra_content" in piece]
    require(handed == [SIGNATURE], f"the client got extra_content = {str(handed)[:60]}")


def _with_reasoning_back(target: Target) -> Iterator[tuple[str, str]]:
    upstream = target.stand_in()
    server = target.launched({"JANUS_LLM_REASONING_BACK": "on", **target.upstream_variables})
    prompt, mark = marked()
    thought: Json = {"role": "assistant", "content": "Hello.", "reasoning_content": f"{CANARY}-thought"}
    server.post(question(messages=[USER, thought, {"role": "user", "content": prompt}]))
    for request in upstream.requests_with(mark):
        yield "", json.dumps(request["body"].get("messages"))


@case("R9/5", _with_reasoning_back, remedy="Send reasoning_content of the history back if JANUS_LLM_REASONING_BACK is on.")
def reasoning_sent_back(said: str) -> None:
    """With JANUS_LLM_REASONING_BACK=on, the reasoning_content in the history is sent back to the upstream."""
    require(f"{CANARY}-thought" in said, "reasoning_content of the history was not sent back to the upstream")


clause(
    "R10",
    "X-Request-Id and X-Correlation-ID are echoed, and a stream is not compressed.",
    remedy="Echo X-Request-Id and X-Correlation-ID, and never compress a stream.",
)
_IDS = {"X-Request-Id": "check-r10", "X-Correlation-ID": "corr-r10", "Accept-Encoding": "gzip"}


def _with_ids(target: Target) -> Iterator[tuple[str, Stream | Reply]]:
    yield "a stream", target.stream(headers=_IDS)
    yield "a non-streamed answer", target.post(question(), _IDS)
    yield "a refusal", target.post(question(temperature="x"), _IDS)


@case("R10/1", _with_ids)
def request_id(response: Stream | Reply) -> None:
    """X-Request-Id is echoed on streams, answers and refusals."""
    require(response.headers.get("x-request-id") == "check-r10", "X-Request-Id is not echoed")


@case("R10/2", _with_ids)
def correlation_id(response: Stream | Reply) -> None:
    """X-Correlation-ID is echoed on streams, answers and refusals."""
    require(response.headers.get("x-correlation-id") == "corr-r10", "X-Correlation-ID is not echoed")


def _accepting_gzip(target: Target) -> Iterator[tuple[str, Stream]]:
    yield "", target.stream(headers=_IDS)


@case("R10/3", _accepting_gzip, remedy="Never compress a stream.")
def not_compressed(stream: Stream) -> None:
    """A stream is not compressed, even if the client accepts gzip."""
    require("content-encoding" not in stream.headers, "the stream is compressed")
    require(stream.deltas, "the stream is empty")
