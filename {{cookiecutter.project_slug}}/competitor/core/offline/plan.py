"""Decides by fixed rules which tools a prompt asks for. The word "then" starts a new round of calls.
Contract file: replaced by updates.

| The prompt contains | Tool to call |
| --- | --- |
| an arithmetic expression | `calculator` |
| "search for X" | `web_search` |
| "create a file NAME that contains TEXT" | `create_file` |
| a fenced block of code, and the word "run" or "execute" | `run_code` |
| the name of a tool | that tool, once for each time the name occurs |
| a noun that is also in a tool's name or description | that tool |

Only tools that the request offers are called. Their arguments come from the prompt.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from ..budget import Budget
from ..limits import (
    MAX_GUESSED_ARGUMENTS,
    MAX_PLAN_CHARACTERS,
    MAX_PLANNED_CALLS,
    MAX_PLANNED_ROUNDS,
    MAX_READ_CHARACTERS,
    MAX_REPLY_STEPS,
)
from .sums import expressions
from .values import fitting

Body = dict[str, Any]

# Fenced blocks and quoted texts are replaced by tokens, so that no rule looks into them.
_SET_ASIDE = re.compile(r"```[^\n`]*\n.*?```|\"[^\"\n]*\"|\u201c[^\u201d\n]*\u201d", re.DOTALL)
_QUOTES = ('""', "''", "``", "\u201c\u201d")
_TOKEN = re.compile("\ue000(\\d+)\ue001")
_THEN = re.compile(r"(?i)[,;.]?\s*(?:\band\s+)?\bthen\b[,:]?")
_VERB = (
    r"(?:(?:also|please)\s+)?(?:search|create|write|make|run|execute|compute|calculate|work\s+out|what|how|call|use|tell"
    r"|look|fetch|get|give|show|find|\(?-?\d)"
)
_END = rf"(?=\s*(?:[.;!?](?:\s|$)|\n|,\s*(?:and\s+)?{_VERB}|\s+and\s+{_VERB}|$))"
_SEARCH = re.compile(rf"(?i)\bsearch(?:\s+the\s+web)?\s+for\s+(.+?){_END}")
_FILE = re.compile(
    r"(?i)\b(?:create|write|make)\s+(?:a|the)\s+(?:text\s+)?file\s+(?:named\s+|called\s+)?(\S+)"
    rf"\s+(?:that\s+contains|containing|with)\s+(.+?){_END}"
)
_RUN = re.compile(r"(?i)\b(?:run|execute)\b")
_FENCED = re.compile(r"```([^\n`]*)\n(.*?)```", re.DOTALL)
_URL = re.compile(r"https?://[^\s<>\"')\]]*[^\s<>\"')\].,;!?]")
_NAMED = re.compile(r"(?<=[\s(])[A-Z][\w'-]+(?:\s+[A-Z][\w'-]+)*")
_QUOTED = re.compile(r"\"[^\"\n]+\"|\u201c[^\u201d\n]+\u201d|(?<!\w)'[^'\n]+'(?!\w)")
_WORD = re.compile(r"[A-Za-z]{4,}")
_WORDS = re.compile(r"[^\W_]")
_COMPUTED = re.compile(r"(?i)expression|formula|equation|calculation")
# Words that say nothing about the purpose of a tool.
_COMMON = frozenset(
    _WORD.findall(
        """
        about above according after again also always answer arguments away because been before being below between
        call called comes compute could create current does done each either else every exactly execute file files find
        finds first following from gets give given gives have here into just like list look made make makes many more
        most must name named need needs none number numbers only other otherwise over please program provide provided
        read reads result results return returns show shows some string such takes tell text than that their them then
        there these they thing this those tool tools under until used user uses using value values very want well were
        what when where which while whole will with without word words would write your yours
        """
    )
)


@dataclass(frozen=True)
class Planned:
    """A tool call that the prompt asks for."""

    name: str
    arguments: Any


def rounds(text: str, tools: list[Body], budget: Budget | None = None) -> list[list[Planned]]:
    """The calls that a prompt asks for, one list for each round. `tools` are the offered functions.

    Raises `OutOfBudget`.
    """
    budget = budget or Budget(MAX_REPLY_STEPS)
    aside = _Aside(text[:MAX_PLAN_CHARACTERS])
    nouns = {}
    for tool in tools:
        about = f"{_spaced(tool['name'])} {tool.get('description') or ''}"[:MAX_PLAN_CHARACTERS]
        budget.spend(1 + len(about) // 10)
        nouns[tool["name"]] = _nouns(about)
    parts = (_Part(part, aside, tools, nouns, budget).calls() for part in _THEN.split(aside.text, MAX_PLANNED_ROUNDS))
    return [calls[:MAX_PLANNED_CALLS] for calls in parts if calls]


class _Aside:
    """A text in which placeholders replace fenced blocks and quotes; `back` restores these."""

    def __init__(self, text: str):
        self.kept: list[str] = []
        marked = _SET_ASIDE.sub(self._keep, re.sub("[\ue000\ue001]", "", text))
        self.text = re.sub(r" ?\n[ \n]*", "\n", re.sub(r"[^\S\n]+", " ", marked))

    def _keep(self, found: re.Match[str]) -> str:
        self.kept.append(found[0])
        return f"\ue000{len(self.kept) - 1}\ue001"

    def back(self, text: str) -> str:
        return _TOKEN.sub(lambda token: self.kept[int(token[1])], text)

    def inside(self, text: str) -> Iterator[str]:
        """The blocks and quotes whose placeholders are in `text`."""
        return (self.kept[int(number)] for number in _TOKEN.findall(text))


class _Part:
    """The part of a prompt for one round. Each rule removes the words that it has used."""

    def __init__(self, text: str, aside: _Aside, tools: list[Body], nouns: dict[str, set[str]], budget: Budget):
        self._text, self._aside, self._nouns, self._budget = text, aside, nouns, budget
        self._tools = {tool["name"]: tool for tool in tools}
        self._made: list[Planned] = []

    def calls(self) -> list[Planned]:
        self._budget.spend(len(self._text) // 10 + 3 * len(self._tools))
        rules: dict[str, Callable[[], list[Body]]] = {
            "run_code": self._code,
            "create_file": self._files,
            "web_search": self._searches,
            "calculator": lambda: [{"expression": found} for found in expressions(self._text)],
        }
        for name, rule in rules.items():
            if name in self._tools:
                self._made += [Planned(name, self._fitted(name, told, self._text)) for told in rule()]
        done = {call.name for call in self._made}
        self._mentioned(done)
        done |= {call.name for call in self._made} | rules.keys()
        nouns = _nouns(self._text)
        for name, tool in self._tools.items():
            if name not in done and nouns & self._nouns[name] and len(self._made) < MAX_PLANNED_CALLS:
                self._made.append(Planned(name, self._guessed(tool, self._text)))
        return self._made

    def _code(self) -> list[Body]:
        blocks = [_FENCED.fullmatch(block) for block in self._aside.inside(self._text)]
        found = [{"code": block[2], "language": block[1].strip() or "python"} for block in blocks if block]
        return found if _RUN.search(self._text) else []

    def _files(self) -> list[Body]:
        return [{"name": name, "content": content} for name, content in self._taken(_FILE)]

    def _searches(self) -> list[Body]:
        return [{"query": query} for (query,) in self._taken(_SEARCH)]

    def _taken(self, pattern: re.Pattern[str]) -> list[list[str]]:
        found = [[self._plain(group) for group in match.groups()] for match in pattern.finditer(self._text)]
        self._text = pattern.sub(" ", self._text)
        return found

    def _plain(self, text: str) -> str:
        """The original words, without the quotes around them."""
        plain = self._aside.back(text).strip()
        return plain[1:-1] if plain[:1] + plain[-1:] in _QUOTES and len(plain) > 1 else plain

    def _fitted(self, name: str, told: Body, text: str) -> Any:
        """The arguments for a tool: the values in `told` that fit its parameters, or else a guess from the text."""
        properties = (self._tools[name].get("parameters") or {}).get("properties") or {}
        known = {key: value for key, value in told.items() if _takes(properties.get(key), value)}
        return known or self._guessed(self._tools[name], text)

    def _guessed(self, tool: Body, text: str) -> Any:
        return arguments(tool, self._aside.back(text), self._budget)

    def _mentioned(self, done: set[str]) -> None:
        names = sorted(self._tools.keys() - done, key=len, reverse=True)
        if not names:
            return
        pattern = rf"(?<![\w-])(?:{'|'.join(map(re.escape, names))})(?![\w-])"
        found = list(islice(re.finditer(pattern, self._text), MAX_PLANNED_CALLS))
        for place, match in enumerate(found):
            end = found[place + 1].start() if place + 1 < len(found) else len(self._text)
            said = self._text[match.end() : end]
            if not _WORDS.search(said):
                said = self._text
            self._made.append(Planned(match[0], self._guessed(self._tools[match[0]], said)))


def arguments(tool: Body, text: str, budget: Budget | None = None) -> Any:
    """Guesses arguments for a tool from the text: a URL, quoted words, names, or any value that fits the schema.

    Raises `OutOfBudget`.
    """
    text = text[:MAX_READ_CHARACTERS]
    schema = tool.get("parameters") or {"type": "object", "properties": {}}
    made = fitting(schema, " ".join(text.split()), budget)
    if not isinstance(made, dict):
        return {}
    properties, required = schema.get("properties"), schema.get("required")
    properties = properties if isinstance(properties, dict) else {}
    if isinstance(required, list) and required:
        kept = {name for name in required if isinstance(name, str)}
        made = {name: value for name, value in made.items() if name in kept}
    quoted = [found[1:-1] for found in _QUOTED.findall(text)]
    computed = expressions(text)
    addresses, names = _URL.findall(text), [*quoted, *_NAMED.findall(f" {text}" if text[:1] == " " else text)]
    for name in [*islice(made, MAX_GUESSED_ARGUMENTS)]:
        wanted = properties.get(name)
        if _COMPUTED.search(name) and _takes(wanted, "1 + 1"):
            made[name] = computed.pop(0) if computed else "1 + 1"
        elif addresses and (name.endswith("url") or (isinstance(wanted, dict) and wanted.get("format") == "uri")):
            made[name] = addresses.pop(0)
        elif names and isinstance(wanted, dict) and "pattern" not in wanted and _takes(wanted, names[0]):
            made[name] = names.pop(0)
    return made


def _takes(schema: Any, value: str) -> bool:
    """Whether a parameter is a string that may have this value. Patterns are not executed, see values.py."""
    if not isinstance(schema, dict) or schema.get("type") != "string" or schema.keys() & {"const", "format"}:
        return False
    options = schema.get("enum")
    return value in options if isinstance(options, list) else len(value) >= (schema.get("minLength") or 0)


def _spaced(name: str) -> str:
    return re.sub(r"[_-]|(?<=[a-z])(?=[A-Z])", " ", name)


def _nouns(text: str) -> set[str]:
    """Words that may be nouns, without a final `s`: those of four or more letters that are not in `_COMMON`."""
    words = (word.lower() for word in _WORD.findall(_spaced(text)))
    return {word.removesuffix("s") for word in words if word not in _COMMON}
