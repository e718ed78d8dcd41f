"""Shapes of request bodies: a place in a request, what is repeated there, and how often, up to the body's limit."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

MAX_BYTES = 9_900_000  # a little below JANUS_MAX_BODY_BYTES

# In a place, `%` is the filled value. In a list of items, `@` becomes the number of the item.
PLACES = {
    "text": '{"model":"m","messages":[{"role":"user","content":%}]}',
    "text of a system message": '{"model":"m","messages":[{"role":"system","content":%},{"role":"user","content":"x"}]}',
    "text of a part": '{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":%}]}]}',
    "parts": '{"model":"m","messages":[{"role":"user","content":%}]}',
    "messages": '{"model":"m","messages":%}',
    "result of a tool": '{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,'
    '"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},'
    '{"role":"tool","tool_call_id":"1","content":%}]}',
    "arguments of a call": '{"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,'
    '"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":%}}]},'
    '{"role":"tool","tool_call_id":"1","content":"x"}]}',
    "tools": '{"model":"m","messages":[{"role":"user","content":"then file then sum 1 and search then x"}],"tools":%}',
    "forced tools": '{"model":"m","messages":[{"role":"user","content":"a 1 b"}],"tool_choice":"required","tools":%}',
    **{
        f"{word} of a forced tool": '{"model":"m","messages":[{"role":"user","content":"words 12 more"}],"tools":[{"type":'
        f'"function","function":{{"name":"f","parameters":{{"type":"object",{inner}}}}}}}],"tool_choice":"required"}}'
        for word, inner in {
            "properties": '"properties":%',
            "required": '"properties":{},"required":%',
            "choices": '"properties":{"a":{"enum":%}},"required":["a"]',
            "allOf": '"allOf":%',
            "anyOf": '"anyOf":%',
            "definitions": '"$defs":%,"$ref":"#/$defs/k1"',
            "pattern": '"properties":{"a":{"type":"string","pattern":%}},"required":["a"]',
            "items": '"properties":{"a":{"type":"array","minItems":50,"items":%}},"required":["a"]',
            "default": '"properties":{"a":{"default":%}},"required":["a"]',
            "description": '"properties":{"a":{"description":%}},"required":["a"]',
        }.items()
    },
    "schema of the answer": '{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":'
    '"json_schema","json_schema":{"name":"a","schema":%}}}',
    "properties of the answer": '{"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":'
    '"json_schema","json_schema":{"name":"a","schema":{"type":"object","properties":%}}}}',
    "stop": '{"model":"m","messages":[{"role":"user","content":"otters and more otters"}],"stop":%}',
    "choice of a tool": '{"model":"m","messages":[{"role":"user","content":"x"}],"tools":[],"tool_choice":%}',
    "model": '{"model":%,"messages":[{"role":"user","content":"x"}]}',
    "unknown field": '{"model":"m","messages":[{"role":"user","content":"x"}],"field":%}',
    "unknown field of a message": '{"model":"m","messages":[{"role":"user","content":"x","field":%}]}',
    "after a mistake": '{"model":"m","messages":[{"role":"user","content":"x"}],"field":[%,NaN]}',
    "image": '{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":%}}]}]}',
    "file": '{"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a","file_data":%}}]}]}',
}  # fmt: skip
TEXTS = (
    "a", "a ", "then ", "1", "1+", "(", "word 1, ", "\n", "\\", '"', "\x00", "\U0001f600", "e\u0301", "<think>", "`",
    "```python\nx\n```\n", "run ", "search for ", "write a file ", "[a](b)", "http://a.b/ ", "{", "a{999}", "(a|b)*", "$&",
    "data:image/png;base64,AAAA", "AAAA", "=1e5", "\u202e", "\ufffd", "d\u00e9j\u00e0 ", "calculate 2 * ", "- a\n", "a,", "9",
)  # fmt: skip
ITEMS = (
    "1", "[]", "{}", '""', "null", "1.5", "1e300", "12345678901234567890", '"a"', '"@"', '{"a":1}', "[[]]", '[{"a":[1]}]',
    '{"role":"user","content":"x"}', '{"role":"user","content":[]}', '{"role":"assistant","content":"x"}',
    '{"role":"user","content":[{"type":"text","text":"x"}]}', '{"role":"tool","tool_call_id":"1","content":"x"}',
    '{"role":"assistant","content":null,"tool_calls":[{"id":"@","type":"function","function":{"name":"f","arguments":"{}"}}]}',
    '{"type":"text","text":"x"}', '{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}',
    '{"type":"refusal","refusal":"x"}',
    '{"type":"function","function":{"name":"f@","parameters":{"type":"object","properties":{"a":{"type":"string"}}}}}',
    '{"type":"function","function":{"name":"tool_@","description":"writes a file, searches, sums"}}',
    '{"$ref":"#/"}', '{"$ref":"#"}', '{"$ref":"#/$defs/k2"}', '{"type":"string"}', '{"type":"integer","minimum":5}',
    '{"allOf":[{"$ref":"#"},{"$ref":"#"}]}', '{"anyOf":[{"type":"object"},{"type":"string"}]}',
    '{"type":"array","minItems":9,"items":{"type":"string","minLength":99}}', '{"const":1}', '{"enum":["a","b@"]}',
    '{"type":"object","properties":{"a":{"type":"object","properties":{"b":{}}}},"required":["a"]}',
)  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A body: `place`, how it is filled, with what, how deep, and of about how many bytes."""

    place: str
    fill: str
    atom: str
    size: int
    depth: int = 1
    long_names: bool = False

    def body(self) -> bytes:
        return PLACES[self.place].replace("%", FILLS[self.fill](self), 1).encode("utf-8", "surrogatepass")

    def __str__(self) -> str:
        names = ", long names" if self.long_names else ""
        return f"{self.fill} of {self.atom[:40]!r} in {self.place}, depth {self.depth}{names}, {self.size:,} bytes"


def _string(shape: Shape) -> str:
    atom = json.dumps(shape.atom)[1:-1]
    return f'"{atom * max(1, shape.size // len(atom))}"'


def _strings(shape: Shape) -> str:
    atom = f'"{json.dumps(shape.atom)[1:-1] * shape.depth}"'
    return f"[{','.join([atom] * max(1, shape.size // (len(atom) + 1)))}]"


def _items(shape: Shape) -> Iterator[str]:
    for number in range(1, max(1, shape.size // (len(shape.atom) + 1)) + 1):
        yield shape.atom.replace("@", str(number))


def _array(shape: Shape) -> str:
    return "[" * shape.depth + ",".join(_items(shape)) + "]" * shape.depth


def _object(shape: Shape) -> str:
    name = "k" * (60 if shape.long_names else 1)
    count = max(1, shape.size // (len(shape.atom) + len(name) + 10))
    items = enumerate(islice(_items(shape), count), 1)
    fields = ",".join(f'"{name}{number}":{item}' for number, item in items)
    return '{"a":' * (shape.depth - 1) + "{" + fields + "}" + "}" * (shape.depth - 1)


def _chain(shape: Shape) -> str:
    """Objects inside each other, each with a long name, around an array."""
    name = "n" * (60 if shape.long_names else 1)
    return f'{{"{name}":' * shape.depth + "[" + ",".join(_items(shape)) + "]" + "}" * shape.depth


def _bush(shape: Shape) -> str:
    """Arrays in arrays, equally wide on each level."""
    wide = max(2, int((shape.size / (len(shape.atom) + 1)) ** (1 / shape.depth)))
    value = shape.atom
    for _ in range(shape.depth):
        value = "[" + ",".join([value] * wide) + "]"
        if len(value) * wide > MAX_BYTES:
            break
    return value


FILLS: dict[str, Callable[[Shape], str]] = {
    "a text": _string,
    "texts": _strings,
    "an array": _array,
    "an object": _object,
    "a chain": _chain,
    "a bush": _bush,
}
OF_TEXTS = ("a text", "texts")
