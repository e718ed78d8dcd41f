"""Defines 13 breaking changes that a later version might make in the API, each with code that it breaks.

`edits` changes the contract files of a generated repo: each edit is a path, a pattern to find in all files below it,
and the replacement. `code` is the owner's module: `<Name>` stands for an imported name, and `run()` returns `result`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from templates_variants.engine.update.migrations.changes import (
    Change,
    ChangedReturn,
    NewParameter,
    RemovedName,
    RenamedMember,
    RenamedParameter,
    RenamedSetting,
)

API = "competitor.api"
TOOLS = "competitor/core/tools/"
WIRE = "\n\n@dataclass(frozen=True)\nclass Wire:\n    body: "
LOOK = 'async def look(word: str) -> str:\n    """Looks a word up."""\n    return word\n\n\n'


@dataclass(frozen=True)
class Breaking:
    edits: tuple[tuple[str, str, str], ...]
    imports: Mapping[str, str]  # name -> its module
    code: str
    result: str
    changes: tuple[Change, ...] = ()
    modules: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    moves: tuple[str, str] | None = None  # a contract file and its new path
    by_hand: bool = False  # the migration cannot edit the code, so it must list the line


CHANGES = {
    "renamed_module": Breaking(
        edits=(("competitor/", r"(from \.+)arithmetic import", r"\1sums import"),),
        moves=("competitor/core/arithmetic.py", "competitor/core/sums.py"),
        modules={"core.arithmetic": "core.sums"},
        imports={"computed": "competitor.core.arithmetic"},
        code='def run() -> object:\n    return <computed>("2 * 3")\n',
        result="'6'",
    ),
    "moved_name": Breaking(
        edits=(
            (f"{TOOLS}toolbox.py", r"\bfit\(", "_fit("),
            (f"{TOOLS}tool.py", r"\Z", '\n\ndef fit(text: str, most: int = 9) -> str:\n    return text[:most] + "!"\n'),
        ),
        names={"core.tools.toolbox.fit": "core.tools.tool.fit"},
        imports={"fit": "competitor.core.tools.toolbox"},
        code='def run() -> object:\n    return <fit>("abc", 2)[:2]\n',
        result="'ab'",
    ),
    "renamed_class": Breaking(
        edits=(("competitor/", r"\bReasoning\b", "Thought"),),
        names={"api.Reasoning": "api.Thought", "core.events.Reasoning": "core.events.Thought"},
        imports={"Reasoning": API},
        code='def run() -> object:\n    return [one.text for one in (<Reasoning>("a"), <Reasoning>("b"))]\n',
        result="['a', 'b']",
    ),
    "renamed_parameter_of_a_function": Breaking(
        edits=(
            (f"{TOOLS}tool.py", r'\*, sandbox: str = "", kind', '*, place: str = "", kind'),
            (f"{TOOLS}tool.py", r"arguments, function, sandbox, kind\)", "arguments, function, place, kind)"),
            (f"{TOOLS}builtin/", r"run_code, sandbox=", "run_code, place="),
        ),
        changes=(RenamedParameter("core.tools.tool.tool", "sandbox", "place"),),
        imports={"tool": API},
        code=LOOK + 'def run() -> object:\n    return <tool>(look, sandbox="box").sandbox\n',
        result="'box'",
    ),
    "renamed_parameter_of_a_class": Breaking(
        edits=(
            (f"{TOOLS}toolbox.py", r"Iterable\[Tool\], \*, seconds: float,", "Iterable[Tool], *, limit: float,"),
            (f"{TOOLS}toolbox.py", r"self\._seconds = seconds\n", "self._seconds = limit\n"),
            ("competitor/adapters/", r"\(own, seconds=", "(own, limit="),
        ),
        changes=(RenamedParameter("core.tools.toolbox.Toolbox", "seconds", "limit"),),
        imports={"Toolbox": API},
        code="def make() -> <Toolbox>:\n    return <Toolbox>(\n        [],  # none\n        seconds=3,\n    )\n\n\n"
        "def run() -> object:\n    return make().tools\n",
        result="[]",
    ),
    "renamed_property": Breaking(
        edits=(("competitor/", r"\bschemas\b", "offers"),),
        changes=(RenamedMember("core.tools.toolbox.Toolbox", "schemas", "offers"),),
        imports={"Toolbox": API},
        code="def count(box: <Toolbox> | None) -> int:\n    return len(box.schemas) if box else 0\n\n\n"
        "def run() -> object:\n    boxes = [<Toolbox>([], seconds=1)]\n"
        "    return [count(boxes[0]), len(<Toolbox>([], seconds=2).schemas)]\n",
        result="[0, 0]",
    ),
    "method_with_another_result": Breaking(
        edits=(
            (
                "competitor/core/events.py",
                r"    def as_json\(self\) -> dict\[str, Any\]:",
                '    def as_json(self) -> "Wire":\n        return Wire(self._json())\n\n'
                "    def _json(self) -> dict[str, Any]:",
            ),
            (
                "competitor/core/events.py",
                r"\Z",
                "\n\n@dataclass(frozen=True)\nclass Wire:\n    body: dict[str, Any]\n",
            ),
            ("competitor/core/model/completion.py", r"\.whole\(\)\.as_json\(\)", ".whole()._json()"),
        ),
        changes=(ChangedReturn("core.events.ToolCall.as_json", "body"),),
        imports={"ToolCall": API},
        code='def run() -> object:\n    call = <ToolCall>("look", "[]")\n'
        '    return call.as_json()["function"]["name"]\n',
        result="'look'",
    ),
    "async_method_with_another_result": Breaking(
        edits=(
            (f"{TOOLS}toolbox.py", r"    async def run\(", "    async def _one("),
            (f"{TOOLS}toolbox.py", r"self\._toolbox\.run\(", "self._toolbox._one("),
            (
                f"{TOOLS}toolbox.py",
                r"    def start\(",
                "    async def run(self, *given: Any, **more: Any) -> Any:\n"
                "        return [await self._one(*given, **more)]\n\n    def start(",
            ),
            ("competitor/adapters/", r"toolbox\.run\(", "toolbox._one("),
        ),
        changes=(ChangedReturn("core.tools.toolbox.Toolbox.run", "copy()[0]"),),
        imports={"Toolbox": API},
        code="import asyncio\n\n\nasync def ask(box: <Toolbox>) -> str:\n"
        '    result = await box.run("x", "{}")  # there is no x\n    return result.status\n\n\n'
        "def run() -> object:\n    return asyncio.run(ask(<Toolbox>([], seconds=1)))\n",
        result="'error'",
    ),
    "property_with_another_value": Breaking(
        edits=(
            (f"{TOOLS}tool.py", r"    def schema\(self\) -> Schema:", '    def schema(self) -> "Wire":'),
            (
                f"{TOOLS}tool.py",
                r'return \{"type": "function", "function": function\}',
                'return Wire({"type": "function", "function": function})',
            ),
            (f"{TOOLS}tool.py", r"\Z", WIRE + "Schema\n"),
            (f"{TOOLS}toolbox.py", r"one\.schema\b", "one.schema.body"),
        ),
        changes=(ChangedReturn("core.tools.tool.Tool.schema", "body"),),
        imports={"tool": API},
        code=LOOK + 'def run() -> object:\n    one = <tool>(look)\n    return one.schema["type"]\n',
        result="'function'",
    ),
    "renamed_setting": Breaking(
        edits=(("competitor/core/settings.py", "JANUS_TOOL_SECONDS", "JANUS_TOOL_LIMIT_SECONDS"),),
        changes=(RenamedSetting("JANUS_TOOL_SECONDS", "JANUS_TOOL_LIMIT_SECONDS"),),
        imports={"Settings": API},
        code='def run() -> object:\n    return <Settings>.from_environment({"JANUS_TOOL_SECONDS": "7"}).tool_seconds\n',
        result="7.0",
    ),
    "event_with_a_new_field": Breaking(
        edits=(
            (
                "competitor/core/events.py",
                r'(starts\. Yield a `ToolEnd` with the same id when it has ended\."""\n\n    name: str\n)',
                r"\1    label: str = field(kw_only=True)\n",
            ),
            (f"{TOOLS}toolbox.py", r"ToolStart\(_shown\(name\), ", 'ToolStart(_shown(name), label="", '),
        ),
        changes=(NewParameter("core.events.ToolStart", "label", '""'),),
        imports={"ToolStart": API},
        code="from functools import partial\n\n\n"
        'def run() -> object:\n    start = partial(<ToolStart>, name="look")\n'
        '    return [<ToolStart>("look").name, start().name, <ToolStart>(\n        "x",\n    ).name]\n',
        result="['look', 'look', 'x']",
    ),
    "renamed_field": Breaking(
        edits=((TOOLS, r"\bsandbox_seconds\b(?!=took)(?!\")", "box_seconds"),),
        changes=(
            RenamedMember("core.tools.tool.Result", "sandbox_seconds", "box_seconds"),
            RenamedParameter("core.tools.tool.Result", "sandbox_seconds", "box_seconds"),
        ),
        imports={"Result": API},
        code='def run() -> object:\n    result = <Result>("x", sandbox_seconds=2.5)\n'
        "    return result.sandbox_seconds\n",
        result="2.5",
    ),
    "removed_name": Breaking(
        edits=(
            ("competitor/api.py", r'"MAX_CALLS_AT_ONCE",\s+', ""),
            ("competitor/api.py", r'    "limits": \("MAX_CALLS_AT_ONCE",\),\n', ""),
            ("competitor/api.py", r"    from \.core\.limits import MAX_CALLS_AT_ONCE\n", ""),
        ),
        changes=(RemovedName("api.MAX_CALLS_AT_ONCE", "write the number 16"),),
        imports={"MAX_CALLS_AT_ONCE": API},
        code="def run() -> object:\n    return <MAX_CALLS_AT_ONCE> > 0\n",
        result="True",
        by_hand=True,
    ),
}


def change_api(repo: Path) -> None:
    """Makes all breaking changes in the contract files of a repo, as the new version would."""
    for name, breaking in CHANGES.items():
        for below, pattern, new in breaking.edits:
            files = [repo / below] if below.endswith(".py") else sorted((repo / below).rglob("*.py"))
            changed = [file for file in files if "/backend/" not in file.as_posix() and _edit(file, pattern, new)]
            assert changed or below == "competitor/adapters/", f"{name}: nothing matches {pattern}"
        if breaking.moves:
            old, goal = breaking.moves
            (repo / old).rename(repo / goal)


def _edit(file: Path, pattern: str, new: str) -> bool:
    text = file.read_text(encoding="utf-8")
    edited = re.sub(pattern, new, text, count=1 if pattern == r"\Z" else 0)
    file.write_text(edited, encoding="utf-8")
    return edited != text


def plain(name: str, breaking: Breaking) -> dict[str, str]:
    """Returns the code with imports of the form `from ..api import Toolbox`."""
    return {f"own_{name}.py": _imports(breaking) + _filled(breaking, "{}")}


def aliased(name: str, breaking: Breaking) -> dict[str, str]:
    """Returns the code with imports of the form `from ..api import Toolbox as OtherToolbox`."""
    lines = [f"from {_relative(module)} import {one} as Other{one}" for one, module in breaking.imports.items()]
    return {f"own_{name}.py": "\n".join(lines) + "\n\n\n" + _filled(breaking, "Other{}")}


def starred(name: str, breaking: Breaking) -> dict[str, str]:
    """Returns the code with imports of the form `from ..api import *`."""
    lines = [f"from {_relative(module)} import *" for module in sorted(set(breaking.imports.values()))]
    return {f"own_{name}.py": "\n".join(lines) + "\n\n\n" + _filled(breaking, "{}")}


def as_module(name: str, breaking: Breaking) -> dict[str, str]:
    """Returns the code with `import competitor.api as janus` and names of the form `janus.Toolbox`."""
    (module,) = set(breaking.imports.values())
    return {f"own_{name}.py": f"import {module} as janus\n\n\n" + _filled(breaking, "janus.{}")}


def several_files(name: str, breaking: Breaking) -> dict[str, str]:
    """Returns two modules: the first one imports the names from the API, and the second one from the first one."""
    names = ", ".join(breaking.imports)
    return {
        f"names_{name}.py": _imports(breaking) + f"__all__ = {list(breaking.imports)!r}\n",
        f"own_{name}.py": f"from .names_{name} import {names}\n\n\n" + _filled(breaking, "{}"),
    }


STYLES = (plain, aliased, starred, as_module, several_files)


def _imports(breaking: Breaking) -> str:
    return "".join(f"from {_relative(module)} import {one}\n" for one, module in breaking.imports.items()) + "\n\n"


def _relative(module: str) -> str:
    return "." + module.removeprefix("competitor")


def _filled(breaking: Breaking, form: str) -> str:
    return re.sub(r"<(\w+)>", lambda found: form.format(found[1]), breaking.code)
