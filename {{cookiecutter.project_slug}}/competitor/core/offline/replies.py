"""Makes the offline model's replies by fixed rules. No state is kept, so equal requests get equal replies."""
# Contract file: replaced by updates.

import base64
import binascii
import hashlib
import json
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ..budget import Budget, OutOfBudget
from ..limits import MAX_READ_CHARACTERS, MAX_READ_MESSAGES, MAX_REPLY_STEPS, MAX_STOPS, MAX_WORDS
from .plan import Planned, arguments, rounds
from .sums import sums
from .values import fitting

Body = dict[str, Any]
LABEL = "(offline model)"

_TOKENS_AN_IMAGE = 85
_PIECE = re.compile(r"\s*\S{1,12}|\s+")
_EXACTLY = re.compile(
    r"(?is)\b(?:reply|respond|answer|say|output|return)\s+(?:with\s+)?(?:only\s+|just\s+)?(?:exactly|only|just)(?:\s+with)?(?:\s+the\s+words?)?\s*:?\s+(.+)"
)
_NAME_TOLD = re.compile(r"(?i)\b(?:my name is|call me)\s+([^\W\d_][\w'-]{0,40})")
_NAME_ASKED = re.compile(r"(?i)\b(?:what(?:'s| is)|do you (?:know|remember)|tell me|say)\s+my name\b|\bwho am i\b")
_WORDS_WANTED = re.compile(r"(?i)\b(\d{1,5})\s+words?\b")
_KEYS = re.compile(r"(?i)\b(?:keys?|fields?|properties)\b")
_NAMED = re.compile(r"""(?<!\w)(['"`])(\w{1,40})\1(?!\w)""")
_TOPICS = (
    "A stream is a promise kept in small pieces, and each piece should arrive soon after the one before.",
    "Readers notice a pause sooner than they notice a slow pace, so an even flow feels faster than a burst.",
    "Whoever writes to a connection should know at every moment whether somebody still listens at the other end.",
    "When nothing can be said yet, it helps to say what is being done, since silence looks like failure.",
    "A good server ends every answer in the same way, whether all went well or something broke on the way.",
    "What is measured gets better, so count the first word, the longest gap, and the words in each second.",
)


@dataclass(frozen=True)
class Reply:
    """One reply, already cut to its token limit. `pieces` are its tokens."""

    reasoning: list[str]
    content: list[str]
    prompt_tokens: int
    finish_reason: Literal["stop", "length", "tool_calls"] = "stop"
    calls: list[Body] = field(default_factory=list)

    @property
    def completion_tokens(self) -> int:
        functions = (call["function"] for call in self.calls)
        called = sum(1 for each in functions for text in each.values() for _ in _PIECE.finditer(text))
        return len(self.reasoning) + len(self.content) + called


def pieces(text: str) -> list[str]:
    """Splits a text into the offline model's tokens: words with the space before them, or parts of long words."""
    return _PIECE.findall(text)


def _count(text: str) -> int:
    """The number of tokens of a text. That of a long text is estimated from its beginning."""
    counted = len(pieces(text[:MAX_READ_CHARACTERS]))
    return counted * len(text) // MAX_READ_CHARACTERS if len(text) > MAX_READ_CHARACTERS else counted


def reply(body: Body) -> Reply:
    """The reply to a request in OpenAI's format."""
    asked = _Asked(body)
    try:
        return _reply(asked)
    except (OutOfBudget, RecursionError):  # a schema may refer to itself before it spends the budget
        said = f"This request asks for more than I can do. {LABEL}"
        return Reply(pieces(f"{asked.summary}\n"), pieces(said), asked.prompt_tokens)


def too_large() -> Reply:
    """The reply to a request that is too large to be read."""
    return Reply([], pieces(f"This request is too large for me. {LABEL}"), 0)


def _reply(asked: "_Asked") -> Reply:
    prompt = asked.prompt_tokens
    if planned := asked.calls:
        named = " and ".join(dict.fromkeys(call.name for call in planned))
        calls = [_call(call, len(asked.messages), number) for number, call in enumerate(planned)]
        return Reply(pieces(f"{asked.summary} It asks for {named}.\n"), [], prompt, "tool_calls", calls)
    thought, said = _answered(asked)
    labelled = thought if LABEL in said else f"{thought} {LABEL}"  # once, and not in JSON or in words that were wanted
    reasoning, content = pieces(f"{asked.summary} {labelled}"), said
    ended = False
    for stop in asked.stops:
        content, _, _ = content.partition(stop)
        ended = ended or len(content) < len(said)
    words = pieces(content)
    limit = asked.limit
    if limit is not None and len(reasoning) + len(words) > limit:
        reasoning = reasoning[: min(len(reasoning), limit // 4)]
        if len(words) > limit - len(reasoning):
            return Reply(reasoning, words[: limit - len(reasoning)], prompt, "length")
    return Reply(reasoning, words, prompt)


class _Asked:
    """A request, as far as the offline model understands it."""

    def __init__(self, body: Body):
        self.body = body
        self.budget = Budget(MAX_REPLY_STEPS)
        self.messages: list[Body] = body["messages"]
        text = next((_text(message) for message in reversed(self.messages) if message["role"] == "user"), "")
        self.text = text[:MAX_READ_CHARACTERS]
        self.images = [_described(part) for part in _parts(self.messages) if part["type"] == "image_url"]

    @property
    def prompt_tokens(self) -> int:
        words = sum(_count(_text(message)) for message in self.messages)
        offered = _count(json.dumps(self.body["tools"])) if self.body.get("tools") else 0
        return words + offered + _TOKENS_AN_IMAGE * len(self.images) + len(self.messages)

    @property
    def summary(self) -> str:
        shown = " ".join(self.text.split())
        return f"The request says: {shown[:117]}..." if len(shown) > 120 else f"The request says: {shown}"

    @property
    def limit(self) -> int | None:
        return self.body.get("max_completion_tokens") or self.body.get("max_tokens")

    @property
    def stops(self) -> list[str]:
        given = self.body.get("stop") or []
        return [stop for stop in ([given] if isinstance(given, str) else given[:MAX_STOPS]) if stop]

    @property
    def calls(self) -> list[Planned]:
        """The tool calls to make now: those of the next round, or else a call that `tool_choice` forces."""
        choice = self.body.get("tool_choice")
        tools = [tool["function"] for tool in self.body.get("tools") or ()]
        if not tools or choice == "none":
            return []
        if isinstance(choice, dict):
            tools = [tool for tool in tools if tool["name"] == choice["function"]["name"]]
        planned = [] if _EXACTLY.search(self.text) else rounds(self.text, tools, self.budget)
        turns = [each["tool_calls"] for each in self.since_the_user if each.get("tool_calls")]
        called = [call for turn in turns for call in turn]
        done = len(turns)
        if self.body.get("parallel_tool_calls") is False:
            planned, done = [[call] for calls in planned for call in calls], len(called)
        if done < len(planned):
            return planned[done]
        if not tools or not (isinstance(choice, dict) or choice == "required"):
            return []
        names = {call["function"]["name"] for call in called}
        forced = next((tool for tool in tools if tool["name"] not in names), tools[-1])
        return [Planned(forced["name"], arguments(forced, self.text, self.budget))]

    @property
    def since_the_user(self) -> list[Body]:
        """The messages after the last one of the user."""
        last = max((at for at, message in enumerate(self.messages) if message["role"] == "user"), default=-1)
        return self.messages[last + 1 :]

    @property
    def told_name(self) -> str | None:
        said = (message for message in reversed(self.messages[-MAX_READ_MESSAGES:]) if message["role"] == "user")
        told = (_NAME_TOLD.findall(_text(message)[:MAX_READ_CHARACTERS]) for message in said)
        return next((names[-1] for names in told if names), None)

    @property
    def tool_results(self) -> list[str]:
        """The results of tools since the last user message."""
        return [_text(message) for message in self.since_the_user if message["role"] == "tool"]


def _call(planned: Planned, messages: int, number: int) -> Body:
    """The call in OpenAI's wire format. Equal conversations get equal ids."""
    arguments = json.dumps(planned.arguments)
    digest = hashlib.sha256(f"{planned.name}{arguments}{messages}{number}".encode()).hexdigest()
    function = {"name": planned.name, "arguments": arguments}
    return {"id": f"call_{digest[:24]}", "type": "function", "function": function}


def _answered(asked: _Asked) -> tuple[str, str]:
    """The reasoning and the text of the answer."""
    wanted = asked.body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        made = fitting(wanted["json_schema"].get("schema") or {}, asked.text, asked.budget)
        return "The request asks for JSON that fits a schema.", json.dumps(made)
    if wanted.get("type") == "json_object":
        answer = {"answer": _plain(asked)[1], "model": "offline-model"}
        named = _NAMED.findall(asked.text) if _KEYS.search(asked.text) else []
        return "The request asks for a JSON object.", json.dumps({name: asked.summary for _, name in named} or answer)
    return _plain(asked)


def _plain(asked: _Asked) -> tuple[str, str]:
    if asked.tool_results:
        results = "; ".join(result[:MAX_READ_CHARACTERS].strip() for result in asked.tool_results[:MAX_READ_MESSAGES])
        return "The tools have answered.", f"The tools answered: {results} {LABEL}"
    if found := _EXACTLY.search(asked.text):
        return "The request asks for certain words and no others.", _unquoted(found[1])
    if asked.images:
        return "An image came with it.", f"I received {' and '.join(asked.images)}. I cannot look into images. {LABEL}"
    if computed := sums(asked.text):
        return "There is something to compute.", f"{' '.join(computed)} {LABEL}"
    if _NAME_ASKED.search(asked.text):
        name = asked.told_name
        told = f"Your name is {name}." if name else "You have not told me your name."
        return "It asks for a name.", f"{told} {LABEL}"
    if found := _WORDS_WANTED.search(asked.text):
        return "The request asks for a text of a certain length.", " ".join(_prose(min(int(found[1]), MAX_WORDS)))
    if asked.told_name and _NAME_TOLD.search(asked.text):
        return "It tells me a name.", f"Hello, {asked.told_name}. {LABEL}"
    heard = " ".join(asked.text.split()[:40])
    return "There is no rule for this, so I ask.", (
        f"You wrote: {heard} - I am a stand-in with a few skills: sums such as 17 * 23, a name that you told me, texts "
        "of a given length such as 200 words, JSON that fits a schema, tool calls that the text asks for, and exact "
        f"replies. What shall I do? {LABEL}"
    )


def _prose(count: int) -> Iterator[str]:
    """As many words as wanted: the last two are the label, if there is room for it."""
    words, label = " ".join(_TOPICS).split(), LABEL.split()
    room = count - len(label) if count > len(label) else count
    for place in range(room):
        yield words[place % len(words)]
    yield from label[: count - room]


def _unquoted(text: str) -> str:
    """The words that the user asked for: the quoted ones, or else the rest of the line."""
    text = text.strip()
    for opening, closing in (('"', '"'), ("'", "'"), ("`", "`"), ("\u201c", "\u201d")):
        if text.startswith(opening) and closing in text[1:]:
            return text[1:].partition(closing)[0]
    return re.sub(r"(?i),?\s+and nothing else\.?$", "", text.partition("\n")[0].rstrip())


def _parts(messages: list[Body]) -> Iterator[Body]:
    for message in messages:
        if isinstance(content := message.get("content"), list):
            yield from content


def _text(message: Body) -> str:
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(part["text"] for part in content if part["type"] == "text")
    return content or ""


def _described(part: Body) -> str:
    """An image in words: its type and its size, read from the head of a PNG file."""
    url: str = part["image_url"]["url"]
    if not url.startswith("data:"):
        return "an image by its address"
    head, _, data = url.partition(",")
    kind = head.removeprefix("data:").partition(";")[0].removeprefix("image/").upper() or "data"
    try:
        start = base64.b64decode(data[:44], validate=True)
    except (binascii.Error, ValueError):
        return f"an image ({kind})"
    if start.startswith(b"\x89PNG") and len(start) >= 24:
        width, height = struct.unpack(">II", start[16:24])
        return f"an image (PNG, {width} x {height} pixels)"
    return f"an image ({kind})"
