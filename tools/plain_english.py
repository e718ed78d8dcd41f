"""Finds words and phrases that have a plainer replacement: `make plain-english` lists them by file and line.

The list is `plain_english.toml`. The text that people read is checked: Markdown, comments, docstrings, and strings
with a space in Python code. Code is not checked: identifiers, backticks, targets of links, URLs. A line with the mark
`plain-english: ignore` may contain a phrase of the list.
"""

import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
LIST = Path(__file__).with_suffix(".toml")
IGNORE = "plain-english: ignore"

# Replaces each character that is not prose; no phrase contains it.
CODE = "\0"
_SPACE = r"(?:[ \t]+|[ \t]*\n[ \t]*)"  # any space within a paragraph
_FENCED = re.compile(r"^[ \t]*```([\w-]*)[^\n]*\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
_NOT_PROSE = re.compile(r"`[^`\n]+`|\]\([^)\s]*\)|\w+://\S+")
_PREFIX = re.compile(r"^[a-zA-Z]*(\"\"\"|'''|\"|')")

# Files without prose of this project: locks, licences, drawings, recordings, and the list itself.
NOT_READ = (
    *("LICENSE", "requirements.txt", "requirements-dev.txt", "tools.txt"),
    *("package-lock.json", "npm-shrinkwrap.json", "contract-lock.json"),
    *("*.svg", "*.png", "*.bundle", "*.sse", "*.css", LIST.name),
)


class Finding(NamedTuple):
    line: int
    say: str
    found: str


class Rule(NamedTuple):
    say: str
    pattern: re.Pattern[str]


def rules(file: Path = LIST) -> list[Rule]:
    """Reads the list. A phrase is a regular expression; its spaces match spaces, tabs and one line break."""
    entries = tomllib.loads(file.read_text(encoding="utf-8"))["rule"]
    return [
        Rule(entry["say"], re.compile(rf"(?<![\w-])(?:{phrase.replace(' ', _SPACE)})(?![\w-])", re.IGNORECASE))
        for entry in entries
        for phrase in entry["not"]
    ]


def findings(name: str, text: str, listed: list[Rule]) -> list[Finding]:
    """Finds the listed phrases in the text of a file, sorted by line. `name` decides how the file is read."""
    prose = _without(_NOT_PROSE, _reader(PurePosixPath(name))(text))
    lines = text.splitlines()
    found = set()
    for rule in listed:
        for match in rule.pattern.finditer(prose):
            first, last = (prose.count("\n", 0, position) for position in match.span())
            if not any(IGNORE in line for line in lines[first : last + 1]):
                found.add(Finding(first + 1, rule.say, " ".join(match[0].split())))
    return sorted(found)


def _reader(path: PurePosixPath) -> Callable[[str], str]:
    readers = {".md": markdown, ".py": python, ".yml": whole, ".yaml": whole, ".json": whole, ".html": whole}
    return readers.get(path.suffix, slash_comments if path.suffix == ".mjs" else hash_comments)


# Readers: each returns a text of the same length and lines, with CODE in place of everything that is not prose.


def whole(text: str) -> str:
    return text


def markdown(text: str) -> str:
    """The prose of Markdown. Fenced blocks with a language are code: only their comments and docstrings are prose."""

    def block(match: re.Match[str]) -> str:
        start, end = match.start(2) - match.start(), match.end(2) - match.start()
        inner = match[2]
        if match[1]:
            inner = python(inner) if match[1] == "python" else hash_comments(inner)
        return _hidden(match[0][:start]) + inner + _hidden(match[0][end:])

    return _FENCED.sub(block, text)


def hash_comments(text: str) -> str:
    """The comments: the text after each `#` at the start of a line or after a space."""
    return _comments(text, re.compile(r"(?:^|(?<=[ \t]))#+", re.MULTILINE))


def slash_comments(text: str) -> str:
    return _comments(text, re.compile(r"(?:^|(?<=[ \t]))//", re.MULTILINE))


def python(text: str) -> str:
    """Comments, and strings without the expressions of f-strings. If Python cannot parse the text, only comments."""
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return hash_comments(text)
    starts = [0, *(match.end() for match in re.finditer("\n", text))]
    hidden, position = [], 0
    for token in tokens:
        prose = _prose_of(token)
        if prose is None:
            continue
        start, end = (starts[line - 1] + column for line, column in (token.start, token.end))
        hidden += [_hidden(text[position:start]), prose]
        position = end
    return "".join([*hidden, _hidden(text[position:])])


def _prose_of(token: tokenize.TokenInfo) -> str | None:
    """Returns a token's prose, with spaces for its quotes and `#`, so the length stays the same; None if it is code."""
    kind = tokenize.tok_name[token.type]
    source = token.string
    if kind == "COMMENT":
        return re.sub(r"^#+", lambda marks: " " * len(marks[0]), source)
    if kind == "FSTRING_MIDDLE":
        return source if len(source) == token.end[1] - token.start[1] else None  # doubled braces are shown as one
    if kind in ("FSTRING_START", "FSTRING_END"):
        return re.sub(r"[^\n]", " ", source)
    if kind != "STRING" or not re.search(r"\s", source):
        return None
    opening = _PREFIX.match(source)
    assert opening is not None
    quote = len(opening[1])
    inner = source[opening.end() : -quote]
    if "f" in opening[0].lower():  # Python 3.11: one token with its expressions
        inner = _without(re.compile(r"\{[^{}]*\}"), inner)
    return " " * opening.end() + re.sub(r"\\[nt]", "  ", inner) + " " * quote


def _comments(text: str, mark: re.Pattern[str]) -> str:
    """Keeps only the text after `mark` in each line, with spaces in place of the mark."""
    lines = []
    for line in text.split("\n"):
        found = mark.search(line)
        if found is None:
            lines.append(_hidden(line))
        else:
            lines.append(_hidden(line[: found.start()]) + " " * len(found[0]) + line[found.end() :])
    return "\n".join(lines)


def _without(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: re.sub(r"[^\n]", CODE, match[0]), text)


def _hidden(text: str) -> str:
    """Replaces everything except spaces by CODE."""
    return re.sub(r"\S", CODE, text)


def files(root: Path) -> Iterator[str]:
    """Yields the files that may contain prose: tracked files, and new files that git does not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    for name in sorted(filter(None, listed.split("\0"))):
        path = PurePosixPath(name)
        if (root / name).is_file() and not any(path.match(pattern) for pattern in NOT_READ):
            yield name


def main(names: list[str]) -> int:
    listed = rules()
    count = 0
    for name in names or files(ROOT):
        for finding in findings(name, (ROOT / name).read_text(encoding="utf-8"), listed):
            print(f'{name}:{finding.line}: say "{finding.say}", not "{finding.found}"')
            count += 1
    print(f"{count} phrases to replace." if count else "No phrase from the list was found.")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
