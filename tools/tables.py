"""Generates tables from the code and writes them into documents: `make tables`.

The table in the generated repo's docs/backend.md has a row for each name in `competitor/api.py`, with the first
sentence of the name's docstring. The table in docs/tools.md compares the ways in which tools can be offered. The table
in docs/models.md lists the model servers of tests/models.
"""

import inspect
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
UNBAKED = ROOT / "{{cookiecutter.project_slug}}"
PAGES = {
    "models": ROOT / "docs" / "models.md",  # first: the others make `tests` mean the tests of the generated repo
    "tools": ROOT / "docs" / "tools.md",
    "api": UNBAKED / "docs" / "backend.md",
}

# Names that are values or types without a docstring.
VALUES = {
    "API_VERSION": "The version of this API: its first number increases if a name is renamed or removed.",
    "MAX_CALLS_AT_ONCE": "How many tool calls of one turn run at once.",
    "Offers": '`"all"`, `"needed"` or `"menu"`: which tools a `Toolbox` offers.',
    "Event": "The type of everything that `answer` may yield.",
    "BaseUrl": "The type of a setting that holds a base URL, such as `https://host/v1`.",
    "FinishReason": '`"stop"`, `"length"`, `"tool_calls"` or `"content_filter"`.',
}


def api_table() -> str:
    """Returns the table of the API in Markdown, with a line break at the end."""
    sys.path.insert(0, str(UNBAKED))
    from competitor import api

    rows = [f"| `{name}` | {VALUES.get(name) or _first_sentence(getattr(api, name))} |" for name in api.__all__]
    return "\n".join(["| Name | |", "| --- | --- |", *rows]) + "\n"


def tools_table() -> str:
    """Returns the table of the ways to offer tools in Markdown, with a line break at the end."""
    from benchmarks.tool_offers import table

    return table()


def models_table() -> str:
    """Returns the table of the model servers in Markdown, with a line break at the end."""
    from tests.models.wires import table

    return table()


def written(name: str, text: str) -> str:
    """Returns the text of a page after replacing its table with the current table."""
    made = {"api": api_table, "tools": tools_table, "models": models_table}[name]()
    block = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
    return block.sub(lambda _: f"\n{made}\n", text)


def _first_sentence(value: Any) -> str:
    text = " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())
    return re.split(r"(?<=[.!?]) (?=[A-Z`])", text)[0]


def main() -> int:
    for name, page in PAGES.items():
        page.write_text(written(name, page.read_text(encoding="utf-8")), encoding="utf-8")
        print(page.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
