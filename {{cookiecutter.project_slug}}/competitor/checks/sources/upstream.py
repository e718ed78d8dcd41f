"""What an upstream gets for a request, for cases that look at what reaches the model."""
# Contract file: replaced by updates.

import json
import uuid
from collections.abc import Iterator
from typing import Any

from ..registry import Source
from ..responses import Json, NotShown, Reply, require
from ..target import PLAIN, Target, question

CANARY = "canary-7f3a9c51d2"
CALL: Json = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
USER: Json = {"role": "user", "content": PLAIN}
RESULT: Json = {"role": "tool", "tool_call_id": "call_1", "content": "sunny"}
EXTRAS: Json = {
    "user_id": f"{CANARY}-user",
    "enable_memory": True,
    "debug": False,
    "browser_session_id": f"{CANARY}-session",
    "generation_flags": {"generate_image": True, "web_search": False},
    "surprise": CANARY,
}


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
    """Requires a 4xx. S16/2 judges its error object."""
    require(400 <= reply.status < 500, f"it got {reply.status}, not a 4xx")
