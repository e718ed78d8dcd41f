"""Cases of R7 to R9 of CONTRACT.md: tools, the user's token, and what else is passed on to the upstream."""
# Contract file: replaced by updates.

import json
from collections.abc import Iterator

from ..prompts import SIGNATURE
from ..registry import Source, case, clause
from ..responses import Json, NotShown, Reply, Stream, judged_by, require
from ..sources.answers import ASK_WEATHER, FORCED, WEATHER, bad_requests, refused, requests, require_good_answer
from ..sources.upstream import (
    CALL,
    CANARY,
    EXTRAS,
    RESULT,
    USER,
    check_accepted,
    check_refused,
    marked,
    said_upstream,
    to_upstream,
)
from ..target import Target, Upstream, announced, question
from .operations import read_debug_stream, with_debug_on

WEATHER_TWICE: Json = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
CLOCK: Json = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
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
    judged_by("R7/2", reply.status == 200 and reply.calls)
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
    """A forced tool_choice reaches the upstream, or only the named tool does."""
    names = {tool["function"]["name"] for tool in body.get("tools") or []}
    only_one = body.get("tool_choice") == "required" and names == {"get_weather"}
    require(only_one or body.get("tool_choice") == FORCED, "the forced tool_choice was not sent to the upstream")


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
    """With `allowed_tools`, the model is offered only the allowed tools of the client, or gets the choice itself."""
    names = [tool["function"]["name"] for tool in body.get("tools") or []]
    only = "get_weather" in names and "get_time" not in names  # a server may offer tools of its own, too
    honoured = only or body.get("tool_choice") == _ALLOWED
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
    followed, events = read_debug_stream(on, question(stream=True, debug=True, chutes_access_token=TOKEN))
    shown = b"\n".join(line for _, line in events.lines)
    if events.status != 200 or followed.encode() not in shown:
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


@case(
    "R8/5",
    _to_a_token_host(TOKEN),
    remedy="Send the user's token as the key to the hosts in JANUS_TOKEN_HOSTS (comma-separated, without ports).",
)
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


@case("R9/4", said_upstream(USER, _SIGNED, RESULT), remedy="Send extra_content of a tool call back to the upstream.")
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


@case("R9/5", _with_reasoning_back, remedy="Send reasoning_content back if JANUS_LLM_REASONING_BACK is on.")
def reasoning_sent_back(said: str) -> None:
    """With JANUS_LLM_REASONING_BACK=on, the reasoning_content in the history is sent back to the upstream."""
    require(f"{CANARY}-thought" in said, "reasoning_content of the history was not sent back to the upstream")
