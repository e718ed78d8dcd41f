"""Cases of section 2 of CONTRACT.md: which requests are accepted. For R7 to R9 see passed_on.py."""
# Contract file: replaced by updates.

from collections.abc import Iterator

from ..registry import Source, case, clause
from ..responses import Json, Reply, Stream, judged_by, require
from ..sources.answers import PIXEL, bad_requests, posted, refused, requests, require_good_answer
from ..sources.upstream import (
    CALL,
    CANARY,
    EXTRAS,
    RESULT,
    USER,
    check_accepted,
    check_refused,
    said_upstream,
    to_upstream,
)
from ..target import PLAIN, Target, question

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
_ARTIFACTS = {"role": "assistant", "content": "Here.", "artifacts": [{"id": "art_1", "url": "data:text/plain;base64,"}]}


@case("R1/5", requests(("a history with artifacts", {"messages": [USER, _ARTIFACTS, USER]})))
def artifacts_in_history(reply: Reply) -> None:
    """The artifacts of an earlier answer may come back in the history."""
    check_accepted(reply)


@case("R1/6", requests(("a history with reasoning", {"messages": [USER, _CALLED, RESULT]})))
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
    judged_by("R2/1 or R2/2", 400 <= reply.status < 500)
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
    judged_by("R3/1", reply.status == 200)
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
    RESULT,
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
    judged_by("R6/3", 400 <= reply.status < 500)
    error = refused(reply, None, "an unknown part")
    said = f"{error['message']} {error['param']}"
    require("messages[0].content[1].type" in said, "the refusal of an unknown part does not name its place")
    require(all(kind in said for kind in ("text", "image_url", "file")), "the refusal does not name the known types")
    require("smell_o_vision" not in reply.text, "the refusal repeats the caller's words")


def _details(target: Target) -> Iterator[tuple[str, tuple[object, str]]]:
    for detail in ("low", "high", "auto", "original"):  # some servers know more words than OpenAI
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


@case("R6/7", _details, remedy="Pass an image's `detail` on unchanged.")
def detail_passed_on(given: tuple[object, str]) -> None:
    """The `detail` of an image is passed on unchanged."""
    found, wanted = given
    require(found == [wanted], f"the upstream got {found}")


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
