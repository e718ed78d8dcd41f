# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""What the offline model says. Plain rules, no state: the same request always gets the same reply."""

import ast
import base64
import binascii
import hashlib
import json
import operator
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from .values import fitting

Body = dict[str, Any]
NOTICE = "(I am the offline model: no upstream could serve this request.)"

_MOST_WORDS = 5_000
_TOKENS_AN_IMAGE = 85
_EXACTLY = re.compile(
    r"(?is)\b(?:reply|respond|answer|say|output|return)\s+(?:with\s+)?(?:only\s+|just\s+)?(?:exactly|only|just)(?:\s+with)?(?:\s+the\s+words?)?\s*:?\s+(.+)"
)
_NAME_TOLD = re.compile(r"(?i)\b(?:my name is|call me)\s+([^\W\d_][\w'-]{0,40})")
_NAME_ASKED = re.compile(r"(?i)\b(?:what(?:'s| is)|do you (?:know|remember)|tell me|say)\s+my name\b|\bwho am i\b")
_WORDS_WANTED = re.compile(r"(?i)\b(\d{1,5})\s+words?\b")
_KEYS = re.compile(r"(?i)\b(?:keys?|fields?|properties)\b")
_NAMED = re.compile(r"""(?<!\w)(['"`])(\w{1,40})\1(?!\w)""")
_SPOKEN = (
    ("multiplied by", "*"),
    ("divided by", "/"),
    ("to the power of", "**"),
    ("times", "*"),
    ("plus", "+"),
    ("minus", "-"),
)
_EXPRESSION = re.compile(r"[-+(]*\s*\d[\d.]*(?:\s*(?:\*\*|[-+*/^%\u00d7\u00f7()])\s*[-+(]*\s*\d[\d.]*\)*)+")
_DATE = re.compile(r"\d+([-/])\d+\1\d+")
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
    """One answer, already cut to its limits. `pieces` are its tokens."""

    reasoning: list[str]
    content: list[str]
    prompt_tokens: int
    finish_reason: Literal["stop", "length", "tool_calls"] = "stop"
    calls: list[Body] = field(default_factory=list)

    @property
    def completion_tokens(self) -> int:
        called = sum(
            len(pieces(call["function"]["name"])) + len(pieces(call["function"]["arguments"])) for call in self.calls
        )
        return len(self.reasoning) + len(self.content) + called


def pieces(text: str) -> list[str]:
    """The tokens of the offline model: a word with the space before it, long words in parts."""
    return re.findall(r"\s*\S{1,12}|\s+", text)


def reply(body: Body) -> Reply:
    """The answer to a request in OpenAI's form."""
    asked = _Asked(body)
    prompt = asked.prompt_tokens
    if (tool := asked.forced_tool) is not None:
        arguments = json.dumps(fitting(tool.get("parameters") or {"type": "object"}, asked.text))
        digest = hashlib.sha256(f"{tool['name']}{arguments}{len(asked.messages)}".encode()).hexdigest()
        call = {
            "id": f"call_{digest[:24]}",
            "type": "function",
            "function": {"name": tool["name"], "arguments": arguments},
        }
        return Reply(pieces(f"A call of {tool['name']} is asked for. {NOTICE}"), [], prompt, "tool_calls", [call])
    thought, said = _answered(asked)
    reasoning, content = pieces(f"{asked.summary} {thought} {NOTICE}"), said
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
        self.messages: list[Body] = body["messages"]
        self.text = next((_text(message) for message in reversed(self.messages) if message["role"] == "user"), "")
        self.images = [_described(part) for part in _parts(self.messages) if part["type"] == "image_url"]

    @property
    def prompt_tokens(self) -> int:
        words = sum(len(pieces(_text(message))) for message in self.messages)
        offered = len(pieces(json.dumps(self.body["tools"]))) if self.body.get("tools") else 0
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
        return [stop for stop in ([given] if isinstance(given, str) else given) if stop]

    @property
    def forced_tool(self) -> Body | None:
        choice = self.body.get("tool_choice")
        tools = [tool["function"] for tool in self.body.get("tools") or ()]
        if choice == "required":
            return next(iter(tools), None)
        name = choice["function"]["name"] if isinstance(choice, dict) else None
        return next((tool for tool in tools if tool["name"] == name), None)

    @property
    def told_name(self) -> str | None:
        told = (_NAME_TOLD.findall(_text(message)) for message in reversed(self.messages) if message["role"] == "user")
        return next((names[-1] for names in told if names), None)

    @property
    def tool_results(self) -> list[str]:
        """What the tools said since the last user message."""
        results: list[str] = []
        for message in reversed(self.messages):
            if message["role"] == "user":
                break
            if message["role"] == "tool":
                results.insert(0, _text(message))
        return results


def _answered(asked: _Asked) -> tuple[str, str]:
    """A thought for the reasoning, and the answer's text."""
    wanted = asked.body.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return "It wants JSON that fits a schema.", json.dumps(
            fitting(wanted["json_schema"].get("schema") or {}, asked.text)
        )
    if wanted.get("type") == "json_object":
        answer = {"answer": _plain(asked)[1], "model": "offline-model"}
        named = _NAMED.findall(asked.text) if _KEYS.search(asked.text) else []
        return "It wants a JSON object.", json.dumps({name: asked.summary for _, name in named} or answer)
    return _plain(asked)


def _plain(asked: _Asked) -> tuple[str, str]:
    if found := _EXACTLY.search(asked.text):
        return "It wants certain words and no others.", _unquoted(found[1])
    if asked.tool_results:
        return "The tools have answered.", f"The tools answered: {'; '.join(asked.tool_results)} {NOTICE}"
    if asked.images:
        return "An image came with it.", f"I received {' and '.join(asked.images)}. I cannot look into images. {NOTICE}"
    if sums := list(_sums(asked.text)):
        return "There is something to compute.", f"{' '.join(sums)} {NOTICE}"
    if _NAME_ASKED.search(asked.text):
        name = asked.told_name
        return (
            "It asks for a name.",
            f"Your name is {name}. {NOTICE}" if name else f"You have not told me your name. {NOTICE}",
        )
    if found := _WORDS_WANTED.search(asked.text):
        return "It wants a text of a certain length.", " ".join(_prose(min(int(found[1]), _MOST_WORDS)))
    if asked.told_name and _NAME_TOLD.search(asked.text):
        return "It tells me a name.", f"Hello, {asked.told_name}. {NOTICE}"
    heard = " ".join(asked.text.split()[:40])
    return "There is no rule for this, so I say what I can do.", (
        f"{NOTICE} You wrote: {heard} - I know a few plain things: sums such as 17 * 23, a name that you told me, "
        "texts of a wanted length such as 200 words, JSON that fits a schema, calls of a tool that you force, "
        "and exact replies. Everything else in this competitor is real: the streaming, the errors, the usage."
    )


def _prose(count: int) -> Iterator[str]:
    words = " ".join([NOTICE, *_TOPICS]).split()
    rest = " ".join(_TOPICS).split()
    for place in range(count):
        yield words[place] if place < len(words) else rest[(place - len(words)) % len(rest)]


def _unquoted(text: str) -> str:
    """The words asked for: what stands in quotes, else all of the line."""
    text = text.strip()
    for opening, closing in (('"', '"'), ("'", "'"), ("`", "`"), ("\u201c", "\u201d")):
        if text.startswith(opening) and closing in text[1:]:
            return text[1:].partition(closing)[0]
    return re.sub(r"(?i),?\s+and nothing else\.?$", "", text.partition("\n")[0].rstrip())


def _sums(text: str) -> Iterator[str]:
    """`17 * 23 = 391.` for each arithmetic expression of the text."""
    for word, sign in _SPOKEN:
        text = re.sub(rf"(?i)(?<=[\d)])\s+{word}\s+(?=[\d(-])", f" {sign} ", text)
    for found in list(_EXPRESSION.finditer(text[:2_000]))[:10]:
        shown = found[0].strip()
        if _DATE.fullmatch(shown):
            continue
        try:
            result = _computed(shown.replace("^", "**").replace("\u00d7", "*").replace("\u00f7", "/"))
        except (SyntaxError, ValueError, ZeroDivisionError, OverflowError, RecursionError):
            continue
        yield f"{shown} = {result}."


_OPERATORS: dict[type[ast.operator], Callable[[Fraction, Fraction], Fraction]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}


def _computed(expression: str) -> str:
    """The exact value, as a decimal. Raises `ValueError` for anything but small plain arithmetic."""
    value = _value(ast.parse(expression.strip(), mode="eval").body)
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.12g}"


def _value(node: ast.expr) -> Fraction:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return Fraction(str(number))
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _value(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            base, exponent = _value(left), _value(right)
            if exponent.denominator != 1 or abs(exponent) > 256 or max(abs(base.numerator), base.denominator) > 10**12:
                raise ValueError("a power that is too large")
            return base ** int(exponent)
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in _OPERATORS:
            return _OPERATORS[type(sign)](_value(left), _value(right))
    raise ValueError("not plain arithmetic")


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
    """An image in words: its type and its size, read from a PNG's head."""
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
