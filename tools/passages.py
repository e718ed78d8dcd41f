"""Picks random passages from this project's text: documents, docstrings and messages.

    python -m tools.passages SEED [--count 20]

A person who does not know the project reads the passages and marks each passage that needs a second reading. The marked
passages are then rewritten. The same seed and the same files give the same passages.
"""

import argparse
import ast
import functools
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
MIN_WORDS = 6
_WORD = re.compile(r"[A-Za-z]{2,}")


class Passage(NamedTuple):
    """A text and the place where it is. For text in code, `about` is the line of code that it belongs to."""

    kind: str
    place: str
    about: str
    text: str


def documents(path: str, text: str) -> Iterator[Passage]:
    """Yields the paragraphs and list items of Markdown, without code blocks and tables."""
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)
    for part in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.) )", prose):
        if not part.lstrip().startswith(("|", "#", "<", "[", "!")):
            yield Passage("document", path, "", part.strip())


def strings(path: str, text: str) -> Iterator[Passage]:
    """Yields the docstrings and messages of Python code. A message is any other string on one line."""
    tree = ast.parse(text)
    lines = text.splitlines()
    seen: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                seen.add(id(first.value))
                about = "" if isinstance(node, ast.Module) else lines[node.lineno - 1].strip()
                yield Passage("docstring", f"{path}:{first.lineno}", about, str(first.value.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            seen.update(id(part) for part in node.values)
            yield Passage("message", f"{path}:{node.lineno}", lines[node.lineno - 1].strip(), _written(node))
        elif (
            isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in seen and _one_line(node)
        ):
            yield Passage("message", f"{path}:{node.lineno}", lines[node.lineno - 1].strip(), node.value)


def _one_line(node: ast.Constant) -> bool:
    return "\n" not in str(node.value).strip("\n")


def _written(node: ast.JoinedStr) -> str:
    """The text of an f-string, with the expressions in braces."""
    parts = (
        f"{{{ast.unparse(part.value)}}}" if isinstance(part, ast.FormattedValue) else ast.literal_eval(part)
        for part in node.values
    )
    return "".join(parts)


@functools.cache
def passages() -> list[Passage]:
    """All passages in the repository's files, except licences, locks and the changelog."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found: list[Passage] = []
    for path in listed.splitlines():
        file = ROOT / path
        if path.endswith(".md") and file.name not in ("CHANGELOG.md", "CONTRACT.md"):
            found += documents(path, file.read_text(encoding="utf-8"))
        elif path.endswith(".py") and not path.startswith("hooks/"):
            found += strings(path, file.read_text(encoding="utf-8"))
    return [passage for passage in found if len(_WORD.findall(passage.text)) >= MIN_WORDS]


def picked(seed: int, count: int) -> list[Passage]:
    """Picks `count` passages, the same number of each kind as far as possible."""
    chance = random.Random(seed)
    kinds = ("document", "docstring", "message")
    by_kind = {kind: [passage for passage in passages() if passage.kind == kind] for kind in kinds}
    counts = {kind: count // 3 + (number < count % 3) for number, kind in enumerate(kinds)}
    return [passage for kind in kinds for passage in chance.sample(by_kind[kind], counts[kind])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seed", type=int)
    parser.add_argument("--count", type=int, default=20)
    given = parser.parse_args()
    for number, passage in enumerate(picked(given.seed, given.count), 1):
        print(f"{number}. {passage.kind}, {passage.place}")
        if passage.about:
            print(f"   (about: {passage.about})")
        print("\n".join(f"   > {line}" for line in passage.text.splitlines()) + "\n")


if __name__ == "__main__":
    main()
