"""Cases of section 3 of CONTRACT.md: the whole (not streamed) response."""
# Contract file: replaced by updates.

import re
from collections.abc import Iterator

from ..registry import Source, case, clause
from ..responses import Json, NotShown, Reply, judged_by, require
from ..sources.answers import ASK_WEATHER, FORCED, WEATHER, answer_for, answers
from ..target import Target, question

REASONS = ("stop", "length", "tool_calls", "content_filter")
MAX_ID_CHARACTERS = 128
_PLAIN = answers("plain")

clause(
    "W1",
    "A whole response has the fields of a chat.completion, and its id is correct.",
    remedy="Send id, object, created, model, choices and usage; an X-Request-Id of 1 to 128 "
    "letters, digits, underscores, dots and hyphens becomes the id.",
)


@case("W1/1", _PLAIN)
def envelope(reply: Reply) -> None:
    """A whole response has object, created and usage."""
    body = reply.json()
    require(isinstance(body, dict), "a non-streamed answer is not an object")
    require(body.get("object") == "chat.completion", f"object is {str(body.get('object'))[:40]!r}")
    is_time = isinstance(body.get("created"), int) and not isinstance(body["created"], bool)
    require(is_time, "created is not an integer")
    require(isinstance(body.get("usage"), dict), "usage is missing")


@case("W1/2", _PLAIN)
def one_choice(reply: Reply) -> None:
    """A whole response has a list of one choice with index 0."""
    choices = reply.get(list, "choices")
    first = choices[0] if len(choices) == 1 else None
    only_one = isinstance(first, dict) and first.get("index") == 0
    require(only_one, "choices is not a list of one choice with index 0")


@case("W1/3", _PLAIN, remedy="Without X-Request-Id, make an id of `chatcmpl-` and 24 hex digits.")
def made_id(reply: Reply) -> None:
    """Without X-Request-Id, the id is `chatcmpl-` and 24 hex digits."""
    made = re.fullmatch(r"chatcmpl-[0-9a-f]{24}", reply.get(str, "id"))
    require(made, "without X-Request-Id, the id is not `chatcmpl-` and 24 hex digits")


def _with_ids(*names: str) -> Source:
    def source(target: Target) -> Iterator[tuple[str, Reply]]:
        for name in names:
            yield f"with an X-Request-Id of {len(name)} characters", target.post(question(), {"X-Request-Id": name})

    return source


@case("W1/4", _with_ids("my-id_1.0", "i" * MAX_ID_CHARACTERS))
def given_id(reply: Reply) -> None:
    """A valid X-Request-Id becomes the id."""
    judged_by("E1/1", reply.status == 200)
    given = reply.request.headers["X-Request-Id"]
    require(reply.get(str, "id") == given, "the id is not the request's X-Request-Id")


@case("W1/5", _with_ids("no spaces allowed", "i" * (MAX_ID_CHARACTERS + 1)))
def invalid_id(reply: Reply) -> None:
    """An invalid X-Request-Id does not become the id."""
    judged_by("E1/1", reply.status == 200)
    require(reply.get(str, "id").startswith("chatcmpl-"), "an invalid X-Request-Id became the id")


clause(
    "W2",
    "The message has all required fields, each with the correct type.",
    remedy="Send role, content, reasoning_content and artifacts (a list) in the message.",
)


@case("W2/1", _PLAIN)
def message(reply: Reply) -> None:
    """The message has the role `assistant`, and content and reasoning_content as texts."""
    require(reply.message.get("role") == "assistant", "the role is not assistant")
    for name in ("content", "reasoning_content"):
        require(isinstance(reply.message.get(name), str), f"message.{name} is not a string")


@case("W2/2", _PLAIN)
def artifacts_list(reply: Reply) -> None:
    """The message has a list of artifacts, which may be empty."""
    require(isinstance(reply.message.get("artifacts"), list), "message.artifacts is not a list")


def _with_calls(target: Target) -> Iterator[tuple[str, Reply]]:
    """Whole answers in which the client's tool is called."""
    if "calls" in target.prompts:
        reply = answer_for(target, "calls")
    else:
        reply = target.ask(ASK_WEATHER, tools=[WEATHER], tool_choice=FORCED)
    if reply.status != 200 or not reply.calls:
        raise NotShown("no answer has a tool call (R7 says whether one is missing)")
    yield "", reply


@case("W2/3", _with_calls)
def calls(reply: Reply) -> None:
    """A tool call in the message has an id, the type function, a name and arguments."""
    for call in reply.calls:
        typed = isinstance(call.get("id"), str) and call.get("type") == "function"
        require(typed, "a tool call has no id, or its type is not function")
        function: Json = call["function"] if isinstance(call.get("function"), dict) else {}
        for name in ("name", "arguments"):
            require(isinstance(function.get(name), str), f"the {name} of a tool call is not a string")


@case("W2/4", _with_calls)
def fields_beside_calls(reply: Reply) -> None:
    """A message with tool calls has reasoning_content and artifacts too."""
    require(isinstance(reply.message.get("reasoning_content"), str), "message.reasoning_content is not a string")
    require(isinstance(reply.message.get("artifacts"), list), "message.artifacts is not a list")


clause(
    "W3",
    "finish_reason is one of the four allowed values, whatever the upstream sends.",
    remedy="Send one of stop, length, tool_calls, content_filter as finish_reason.",
)


def _check_reason(reply: Reply) -> None:
    reason = reply.get(dict, "choices", 0).get("finish_reason")
    require(reason in REASONS, f"finish_reason is {str(reason)[:40]!r}")


def _short(target: Target) -> Iterator[tuple[str, Reply]]:
    yield from _PLAIN(target)
    yield "with max_tokens", target.ask(max_tokens=2)


@case("W3/1", _short)
def finish_reason(reply: Reply) -> None:
    """finish_reason is stop, length, tool_calls or content_filter."""
    _check_reason(reply)


@case("W3/2", answers("odd_finish"))
def odd_finish_reason(reply: Reply) -> None:
    """finish_reason is one of the four values, even if the upstream sends another one."""
    _check_reason(reply)


@case("W3/3", _with_calls)
def finish_reason_of_calls(reply: Reply) -> None:
    """The finish_reason of an answer with tool calls is tool_calls."""
    reason = reply.get(dict, "choices", 0).get("finish_reason")
    require(reason == "tool_calls", f"finish_reason is {str(reason)[:40]!r}")
