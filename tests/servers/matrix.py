"""Checks ten servers that nobody here wrote, and three of our own, and compares the verdicts with the expected ones.

    python -m tests.servers [NAME ...]           compare with expected/, and write docs/matrix.md
    python -m tests.servers --write [NAME ...]   write expected/, for a person to read clause by clause

A file in expected/ has the cases that are broken, each with the reason that the check gave when a person found it just,
and the cases that hold. All other cases are not shown.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from competitor.checks import CLAUSES, stand_in

from ..baking.baking import bake
from ..clients.install import NODE
from ..template_path import TEMPLATE, UNBAKED
from .servers import KEY, running

Json = dict[str, Any]

FOLDER = Path(__file__).parent
EXPECTED = FOLDER / "expected"
PAGE = TEMPLATE / "docs" / "matrix.md"
CONTRACT = "1.1.0"
CHECK_SECONDS = 600.0
PLAIN = f"sh -c 'cd {TEMPLATE} && exec {sys.executable} -m tests.checks.plain_server'"


@dataclass(frozen=True)
class Entry:
    """A server of the matrix. `arguments` yields what `competitor check` needs for it."""

    about: str
    arguments: Callable[[Path], Any]
    ours: bool = False


@contextmanager
def at_its_url(name: str, folder: Path) -> Iterator[list[str]]:
    with stand_in() as upstream, running(name, folder, f"{upstream.url}/v1") as url:
        yield [url, "--key", KEY]


@contextmanager
def started(command: str, folder: Path) -> Iterator[list[str]]:
    yield ["--start", command]


@contextmanager
def generated(folder: Path) -> Iterator[list[str]]:
    for name in ("home", "made"):
        (folder / name).mkdir()
    project = bake(folder / "made", folder / "home", {"backend": "tools"})
    yield ["--start", f"sh -c 'cd {project} && exec {sys.executable} -m competitor serve --stand-ins'"]


def script(name: str) -> Callable[[Path], Any]:
    return partial(started, f"{NODE} {FOLDER / 'scripts' / name}")


MATRIX = {
    "litellm": Entry("LiteLLM's proxy, with the stand-in as its upstream", partial(at_its_url, "litellm")),
    "fakellm": Entry("answers by rules (Python)", partial(at_its_url, "fakellm")),
    "llmock": Entry("answers with invented text (Python)", partial(at_its_url, "llmock")),
    "mockllm": Entry("answers from a file (Python)", partial(at_its_url, "mockllm")),
    "aimock": Entry("CopilotKit's mock (Node)", partial(at_its_url, "aimock")),
    "mock-llm": Entry("answers by rules (Node)", partial(at_its_url, "mock-llm")),
    "openai-mock-api": Entry("answers from a file (Node)", partial(at_its_url, "openai-mock-api")),
    "mock-openai-api": Entry("answers with fixed texts (Node)", partial(at_its_url, "mock-openai-api")),
    "ai-sdk": Entry("a first server with the AI SDK (Node)", script("ai_sdk.mjs")),
    "hono": Entry("a first server with Hono (Node)", script("hono.mjs")),
    "plain": Entry("ours: Python's standard library, without code of the template", partial(started, PLAIN), ours=True),
    "node": Entry("ours: Node", partial(started, f"{NODE} {TEMPLATE / 'tests/checks/node_server.js'}"), ours=True),
    "tools": Entry("ours: a generated repo of the tools variant", generated, ours=True),
}


def checked(name: str) -> dict[str, Json]:
    """Runs `competitor check` on a server. Maps each case to its entry in the report."""
    with tempfile.TemporaryDirectory() as folder, MATRIX[name].arguments(Path(folder)) as arguments:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "competitor", "check", *arguments, "--contract", CONTRACT]
        done = subprocess.run(
            [*command, "--json", str(report)],
            cwd=UNBAKED,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=CHECK_SECONDS,
            check=False,
        )
        if not report.is_file():
            raise RuntimeError(f"{name}: {done.stdout}{done.stderr}")
        found: Json = json.loads(report.read_text(encoding="utf-8"))
    return {case["id"]: case for case in found["cases"]}


def expected(name: str) -> Json:
    """The file of a server: `broken` maps cases to reasons, `holds` is a list of cases.

    `either` has cases that hold or are not shown, since the server's answers have a random length.
    """
    found: Json = json.loads((EXPECTED / f"{name}.json").read_text(encoding="utf-8"))
    return found


def differences(name: str, cases: dict[str, Json]) -> list[str]:
    """The cases whose verdict is not the expected one. A case that is expected to hold may be "not shown" if this
    machine was late, and so may a broken one.
    """
    wanted = dict.fromkeys(expected(name)["broken"], "broken") | dict.fromkeys(expected(name)["holds"], "holds")
    found = []
    for case, entry in cases.items():
        status = entry["status"]
        late = status == "not shown" and entry["reason"].startswith("this machine was late")
        either = case in expected(name).get("either", ()) and status in ("holds", "not shown")
        if status != wanted.get(case, "not shown") and not late and not either:
            found.append(f"{name}: {case} is {status}, not {wanted.get(case, 'not shown')}: {entry['reason']}")
    return found


def record(name: str, cases: dict[str, Json]) -> None:
    EXPECTED.mkdir(exist_ok=True)
    broken = {case: entry["reason"] for case, entry in cases.items() if entry["status"] in ("broken", "fault")}
    holds = [case for case, entry in cases.items() if entry["status"] == "holds"]
    kept = (
        {"either": either} if (EXPECTED / f"{name}.json").exists() and (either := expected(name).get("either")) else {}
    )
    text = json.dumps({"broken": broken, "holds": holds, **kept}, indent=1) + "\n"
    (EXPECTED / f"{name}.json").write_text(text, encoding="utf-8")


def page() -> str:
    """The text of docs/matrix.md."""
    files = {name: expected(name) for name in MATRIX}
    rows = [f"| {clause} | {' | '.join(_cell(file, clause) for file in files.values())} |" for clause in CLAUSES]
    about = [f"- **{name}**: {entry.about}; {_sum(files[name])}" for name, entry in MATRIX.items()]
    head = f"| | {' | '.join(files)} |\n| --- |{' --- |' * len(files)}"
    return PAGE_HEAD + "\n".join(about) + f"\n\n{head}\n" + "\n".join(rows) + "\n"


PAGE_HEAD = """\
# Other servers, judged by the contract

`competitor check` on servers that nobody here wrote, and on three good ones of our own. Most of the others never meant
to serve this contract: the table shows what an OpenAI-compatible server usually lacks. What the check did not see, it
does not judge. Each verdict was read by hand; `make matrix` compares them again and writes this page.

A cell has the number of cases that hold, then of those that are broken (✗). "-": no case got anything to look at.

"""


def _cell(file: Json, clause: str) -> str:
    held = sum(case.partition("/")[0] == clause for case in file["holds"])
    broken = sum(case.partition("/")[0] == clause for case in file["broken"])
    return f"{held}{f' ✗{broken}' if broken else ''}" if held or broken else "-"


def _sum(file: Json) -> str:
    return f"{len(file['holds'])} cases hold, {len(file['broken'])} are broken"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which servers (default: all): {', '.join(MATRIX)}")
    parser.add_argument("--write", action="store_true", help="write the verdicts into expected/")
    given = parser.parse_args()
    wrong = []
    for name in given.names or MATRIX:
        cases = checked(name)
        if given.write:
            record(name, cases)
        found = differences(name, cases)
        print(f"{name}: {'as expected' if not found else f'{len(found)} differences'}", flush=True)
        wrong += found
    print("\n".join(wrong))
    if not wrong and not given.names:
        PAGE.write_text(page(), encoding="utf-8")
    return 1 if wrong else 0
