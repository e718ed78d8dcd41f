"""Checks of section 3 of CONTRACT.md: the whole (not streamed) response."""
# Contract file: replaced by updates.

import re

from ..registry import clause
from ..target import Json, Target, question, require
from .requests import WEATHER

REASONS = ("stop", "length", "tool_calls", "content_filter")
MAX_ID_CHARACTERS = 128


def _answer(target: Target) -> Json:
    reply = target.ask()
    require(reply.status == 200, f"a non-streamed answer got {reply.status}")
    body = reply.json()
    require(isinstance(body, dict), "a non-streamed answer is not an object")
    return dict(body)


@clause("W1", remedy="Send id, object, created, model, choices and usage; a valid X-Request-Id becomes the id.")
def envelope(target: Target) -> None:
    """A whole response has the fields of a chat.completion, and its id is correct."""
    body = _answer(target)
    require(body.get("object") == "chat.completion", f"object is {body.get('object')!r}")
    require(isinstance(body.get("created"), int), "created is not an integer")
    require(isinstance(body.get("usage"), dict), "usage is missing")
    choices = body.get("choices")
    only_one = isinstance(choices, list) and len(choices) == 1 and choices[0].get("index") == 0
    require(only_one, "choices is not a list of one choice with index 0")
    made = re.fullmatch(r"chatcmpl-[0-9a-f]{24}", str(body.get("id")))
    require(made, "without X-Request-Id, the id is not `chatcmpl-` and 24 hex digits")
    for name in ("my-id_1.0", "i" * MAX_ID_CHARACTERS):
        given = target.post(question(), {"X-Request-Id": name}).json()
        sentence = f"the id is not the request's X-Request-Id, which has {len(name)} characters"
        require(given.get("id") == name, sentence)
    for name in ("no spaces allowed", "i" * (MAX_ID_CHARACTERS + 1)):
        odd = target.post(question(), {"X-Request-Id": name}).json()
        require(str(odd.get("id")).startswith("chatcmpl-"), "an invalid X-Request-Id became the id")


@clause("W2", remedy="Send role, content, reasoning_content and artifacts (a list) in the message.")
def message(target: Target) -> None:
    """The message has all required fields, each with the correct type."""
    given = _answer(target)["choices"][0].get("message", {})
    require(given.get("role") == "assistant", "the role is not assistant")
    for name in ("content", "reasoning_content"):
        require(isinstance(given.get(name), str), f"message.{name} is not a string")
    require(isinstance(given.get("artifacts"), list), "message.artifacts is not a list")
    if "calls" in target.prompts:
        given = target.ask(target.prompts["calls"], tools=[WEATHER]).json()["choices"][0]["message"]
        for call in given.get("tool_calls") or ():
            typed = isinstance(call.get("id"), str) and call.get("type") == "function"
            require(typed, "a tool call has no id, or its type is not function")
            function = call.get("function") or {}
            for name in ("name", "arguments"):
                require(isinstance(function.get(name), str), f"the {name} of a tool call is not a string")


@clause("W3", remedy="Send one of stop, length, tool_calls, content_filter as finish_reason.")
def finish_reason(target: Target) -> None:
    """finish_reason is one of the four allowed values, whatever the upstream sends."""
    prompts = [name for name in ("odd_finish", "calls") if name in target.prompts]
    for reply in (
        target.ask(),
        target.ask("Count to ten.", max_tokens=2),
        *(target.ask(target.prompt(name), tools=[WEATHER]) for name in prompts),
    ):
        reason = reply.json()["choices"][0].get("finish_reason")
        require(reason in REASONS, f"finish_reason is {reason!r}")
