"""Checks of section 2 of CONTRACT.md: which requests are accepted, and what is passed on to the upstream."""
# Contract file: replaced by updates.

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..registry import clause
from ..target import PLAIN, Json, Reply, Target, question, require
from .operations import read_debug_stream, with_debug_on

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
WEATHER: Json = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
WEATHER_TWICE: Json = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
CLOCK: Json = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
CANARY = "canary-7f3a9c51d2"
CONCURRENT_REQUESTS = 4  # at the same time, for R1, which sends the most requests


def refused(reply: Reply, param: str | None = None, what: str = "a bad request") -> Json:
    """Requires a small 4xx response whose error object names `param`, as S16 says. Returns the error object."""
    require(400 <= reply.status < 500, f"{what} got {reply.status}, not a 4xx")
    require(len(reply.body) < 2048, f"the refusal of {what} has {len(reply.body)} bytes, more than 2047")
    body = reply.json()
    error = body.get("error") if isinstance(body, dict) else None
    require(isinstance(error, dict), f"the refusal of {what} has no error object")
    assert isinstance(error, dict)
    for name in ("message", "type", "param", "code"):
        require(name in error, f"the error for {what} has no {name}")
    require(isinstance(error["message"], str) and error["message"], f"the error for {what} has no message")
    if param is not None:
        shown = f"{error['message']} {error['param']}"
        require(param in shown, f"the error for {what} does not name {param}")
    return error


def rejected(reply: Reply, what: str) -> str:
    """Requires a 4xx with any body. Returns the body."""
    require(400 <= reply.status < 500, f"{what} got {reply.status}, not a 4xx")
    return reply.body.decode("utf-8", "replace")


def accepted(target: Target, what: str, **fields: Any) -> Json:
    """Requires that a request with these fields gets status 200. Returns the answer."""
    reply = target.post(question(**fields))
    require(reply.status == 200, f"{what} got {reply.status}")
    return dict(reply.json())


@clause("R1", remedy="Accept all fields that callers send, and ignore unknown ones.")
def unknown_fields(target: Target) -> None:
    """The fields that callers send are accepted, and unknown fields are ignored."""
    known = EXTRAS | {"chutes_access_token": "t", "metadata": {"a": "b"}, "user": "u", "stream": None}
    tries: list[tuple[str, Json]] = [(f"a request with {name}", {name: value}) for name, value in known.items()]
    tries.append(("a request with unknown fields", {"surprise": {"nested": [1, None]}, "another": "x"}))
    message = {"role": "user", "content": PLAIN, "surprise": 1}
    tries.append(("a message with an unknown field", {"messages": [message]}))
    with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
        for _ in pool.map(lambda each: accepted(target, each[0], **each[1]), tries):
            pass


WRONG: list[tuple[str, Json]] = [
    ("temperature", {"temperature": "warm"}),
    ("temperature", {"temperature": "0.5"}),
    ("temperature", {"temperature": True}),
    ("temperature", {"temperature": 2.5}),
    ("top_p", {"top_p": -0.1}),
    ("max_tokens", {"max_tokens": 0}),
    ("max_tokens", {"max_tokens": "5"}),
    ("max_completion_tokens", {"max_completion_tokens": "many"}),
    ("stream", {"stream": "true"}),
    ("stream", {"stream": 1}),
    ("stream_options", {"stream_options": 1}),
    ("tools", {"tools": "all"}),
    ("tools[0].function.name", {"tools": [{"type": "function", "function": {}}]}),
    ("tool_choice", {"tool_choice": 3}),
    ("response_format", {"response_format": {"type": "xml"}}),
    ("n", {"n": 2}),
    ("messages[0].role", {"messages": [{"role": "robot", "content": "x"}]}),
    ("messages[0].tool_calls", {"messages": [{"role": "assistant", "tool_calls": 5}]}),
    ("generation_flags", {"generation_flags": [True]}),
    ("chutes_access_token", {"chutes_access_token": 7}),
]


@clause("R2", remedy="Answer 400 with OpenAI's error object when a known field has the wrong type or is out of range.")
def wrong_types(target: Target) -> None:
    """A known field with a wrong type, or a value out of range, is refused, and the error names it."""
    for param, fields in WRONG:
        refused(target.post(question(**fields)), param, f"a wrong {param}")


@clause("R3", remedy="Accept any model name, and send it back as `model`.")
def any_model(target: Target) -> None:
    """Any model name is accepted and echoed; the field is required."""
    for name in ("gpt-4o", "someone/else:v2", "ein Name mit Leerzeichen"):
        answer = accepted(target, f"the model name {name!r}", model=name)
        require(answer.get("model") == name, f"the model {name!r} came back as {answer.get('model')!r}")
    body = question()
    del body["model"]
    rejected(target.post(body), "a request without a model")


@clause("R4", remedy="Require at least one message; accept the roles system, developer, user, assistant and tool.")
def messages(target: Target) -> None:
    """At least one message is required, and all roles are accepted."""
    rejected(target.post(question(messages=[])), "an empty list of messages")
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    conversation = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": PLAIN},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
        {"role": "user", "content": f"And now? {PLAIN}"},
    ]
    accepted(target, "a conversation with all roles", messages=conversation)


@clause("R5", remedy="Accept content that is a string, a list of parts, null, or absent.")
def content_forms(target: Target) -> None:
    """The content of a message may be a string, a list of parts, null or absent."""
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    user = {"role": "user", "content": PLAIN}
    for what, content in (("null", {"content": None}), ("absent", {})):
        called = {"role": "assistant", "tool_calls": [call], **content}
        result = {"role": "tool", "tool_call_id": "call_1", **content}
        others = [{"role": role, **content} for role in ("system", "user", "assistant")]
        accepted(target, f"a tool call with {what} content", messages=[user, called, {**result, "content": "sunny"}])
        accepted(
            target, f"a conversation with {what} content in every role", messages=[*others, user, called, result, user]
        )
    accepted(target, "a list of parts", messages=[{"role": "user", "content": [{"type": "text", "text": PLAIN}]}])
    rejected(target.post(question(messages=[{"role": "user", "content": 5}])), "content that is a number")


@clause("R6", remedy="Accept text, image_url and file parts; refuse any other type with a 400 that names it.")
def parts(target: Target) -> None:
    """Text, image and file parts are accepted; any other type is refused, and the error names it."""
    text = {"type": "text", "text": PLAIN}
    file = {"name": "a.txt", "mime_type": "text/plain", "content": "abc", "size": 3}
    for what, part in (
        ("an image part", {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}}),
        ("a file part", {"type": "file", "file": file}),
        ("a file part without a nested `file` object", {"type": "file", **file}),
    ):
        accepted(target, what, messages=[{"role": "user", "content": [text, part]}])
    odd = {"type": "smell_o_vision", "smell_o_vision": {}}
    said = rejected(target.post(question(messages=[{"role": "user", "content": [text, odd]}])), "an unknown part")
    require("smell_o_vision" in said, "the refusal of an unknown part does not name its type")


@clause(
    "R7",
    exclusive=True,
    remedy="Remove tools with a repeated name before the model sees them, and honour a forced tool_choice.",
)
def tools(target: Target) -> None:
    """A repeated tool name is accepted but reaches the upstream once, and a forced tool_choice is honoured."""
    forced = {"type": "function", "function": {"name": "get_weather"}}
    prompt = target.prompts.get("forced", "The weather in Paris, please.")
    body = question(prompt, tools=[WEATHER, CLOCK, WEATHER_TWICE, WEATHER], tool_choice=forced)
    reply = target.post(body)
    require(reply.status == 200, f"a repeated tool name got {reply.status}")
    calls = reply.json()["choices"][0]["message"].get("tool_calls") or []
    called = [call["function"]["name"] for call in calls]
    require(called == ["get_weather"], "the forced tool was not called exactly once")
    arguments = json.loads(calls[0]["function"]["arguments"])
    require(isinstance(arguments.get("city"), str), "the arguments of the call do not match the tool's schema")
    if target.upstream is not None:
        seen = target.upstream.requests()[-1]["body"]
        names = [tool["function"]["name"] for tool in seen.get("tools", [])]
        require("get_weather" in names and len(names) == len(set(names)), f"the upstream got the tools {names}")
        require(seen.get("tool_choice") in (forced, "required"), "the forced tool_choice was not sent to the upstream")
    unknown = {"type": "function", "function": {"name": "nope"}}
    rejected(target.post(question(tools=[WEATHER], tool_choice=unknown)), "a tool_choice of an unknown tool")


@clause("R8", remedy="Use chutes_access_token as a key only for hosts of the platform; never log, show or echo it.")
def token_stays(target: Target) -> None:
    """The user's token is not echoed, and is sent only to hosts of the platform."""
    token = f"{CANARY}-token"
    for reply in (
        target.post(question(chutes_access_token=token)),
        target.post(question(chutes_access_token=token, temperature="wrong")),
        target.get("/health"),
    ):
        shown = reply.body.decode("utf-8", "replace") + str(dict(reply.headers))
        require(token not in shown, "an answer contains the user's token")
    stream = target.read_stream(question(stream=True, chutes_access_token=token))
    require(all(token.encode() not in line for _, line in stream.lines), "the stream contains the user's token")
    if target.launch is not None:
        on = with_debug_on(target)
        _, events = read_debug_stream(on, question(stream=True, debug=True, chutes_access_token=token))
        leaked = any(token.encode() in line for _, line in events.lines)
        require(not leaked, "the debug stream contains the user's token")
        require(token.encode() not in on.get("/debug").body, "GET /debug contains the user's token")
    if target.upstream is not None:
        seen = json.dumps(target.upstream.requests())
        require(token not in seen, "an upstream that is not a host of the platform got the token")


EXTRAS: Json = {
    "user_id": f"{CANARY}-user",
    "enable_memory": True,
    "debug": False,
    "browser_session_id": f"{CANARY}-session",
    "generation_flags": {"generate_image": True, "web_search": False},
    "surprise": CANARY,
}
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


@clause(
    "R9",
    exclusive=True,
    remedy="Pass OpenAI's options on unchanged; do not pass on the Janus extras and unknown fields.",
)
def extras_stay(target: Target) -> None:
    """OpenAI's options are passed on, Janus extras and unknown fields are not, and n above 1 is refused."""
    rejected(target.post(question(n=2)), "n above 1")
    accepted(target, "a request with all extras", **EXTRAS, **PASSED_ON)
    if target.upstream is not None:
        seen = target.upstream.requests()[-1]["body"]
        require(CANARY not in json.dumps(seen), "a Janus extra was passed on to the upstream")
        left = [name for name in EXTRAS if name in seen]
        require(not left, f"the upstream got {', '.join(left)}")
        for name, value in PASSED_ON.items():
            require(seen.get(name) == value, f"{name} was not passed on to the upstream unchanged")


@clause("R10", remedy="Echo X-Request-Id and X-Correlation-ID, and never compress a stream.")
def headers(target: Target) -> None:
    """X-Request-Id and X-Correlation-ID are echoed, and a stream is not compressed."""
    ids = {"X-Request-Id": "check-r10", "X-Correlation-ID": "corr-r10", "Accept-Encoding": "gzip"}
    stream = target.stream(headers=ids)
    require("content-encoding" not in stream.headers, "the stream is compressed")
    whole = target.post(question(), ids)
    refusal = target.post(question(temperature="x"), ids)
    for what, given in (
        ("a stream", stream.headers),
        ("a non-streamed answer", whole.headers),
        ("a refusal", refusal.headers),
    ):
        require(given.get("x-request-id") == "check-r10", f"X-Request-Id is not echoed on {what}")
        require(given.get("x-correlation-id") == "corr-r10", f"X-Correlation-ID is not echoed on {what}")
