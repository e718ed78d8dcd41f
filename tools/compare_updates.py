"""Compares how three tools treat an owner's changes in updates. `make compare-updates` prints the table.

Each row of the table is one change that an owner makes in a repo baked from one release of this template. Each tool
updates a copy of that repo to the next release: `competitor update`, `cruft update`, and plain cookiecutter without our
hooks. A cell says whether the owner's change is still there and whether the template's change arrived. It also shows
the exit code, conflict markers, and the number of `.rej` files.
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.baking.baking import clean_environment, git, run  # noqa: E402 - needs the path that was added above
from tests.updating import newer, owner  # noqa: E402

MINE = "A line of the owner's."
LIMITS = "competitor/core/answer/admission.py"
TOOLS = ("competitor update", "cruft update", "cookiecutter -f")


@dataclass(frozen=True)
class Scenario:
    """A change by the owner, and what must be true after an update.

    `kept` tests whether the owner's change is still there, `taken` whether the template's change arrived.
    """

    name: str
    work: Callable[[Path], object]
    kept: Callable[[Path], bool] = lambda repo: True
    taken: Callable[[Path], bool] = lambda repo: True


def text(repo: Path, path: str) -> str:
    return (repo / path).read_text(encoding="utf-8") if (repo / path).is_file() else ""


def adds(path: str, line: str = MINE, after: str = "") -> Callable[[Path], None]:
    return lambda repo: owner.add_line(repo / path, line, after)


def has(path: str, line: str = MINE) -> Callable[[Path], bool]:
    return lambda repo: line in text(repo, path)


def rewrites(path: str, old: str, new: str) -> Callable[[Path], int]:
    def rewrite(repo: Path) -> int:
        assert old in text(repo, path)
        return (repo / path).write_text(text(repo, path).replace(old, new), encoding="utf-8")

    return rewrite


def own_module(repo: Path) -> None:
    (repo / newer.NEW).write_text(f'"""{MINE}"""\n', encoding="utf-8")


def replace_all(repo: Path) -> None:
    """Changes a word everywhere, as `git grep -l WORD | xargs sed -i` does."""
    for path in repo.rglob("*"):
        if path.is_file() and ".git" not in path.parts and b"streams" in path.read_bytes():
            path.write_bytes(path.read_bytes().replace(b"streams", f"streams ({MINE})".encode()))


AGENT, DOC = "competitor/backend/agent.py", "README.md"
PINNED = "six==1.17.0"
HELP = "## build the container"
SCENARIOS = (
    Scenario("no change", lambda repo: None, taken=has(LIMITS, newer.CORE_LINE)),
    Scenario("the backend rewritten", rewrites(AGENT, 'SYSTEM_PROMPT = ""', f'SYSTEM_PROMPT = "{MINE}"'), has(AGENT)),
    Scenario("a line at the end of the backend, where the template adds one", adds(AGENT, f"# {MINE}"), has(AGENT)),
    Scenario("the licence changed", adds("LICENSE"), has("LICENSE")),
    Scenario(
        "a section added to the README, not near the template's change",
        adds(DOC),
        has(DOC),
        has(DOC, newer.README_LINE),
    ),
    Scenario(
        "a line added to the README next to the template's change",
        adds(DOC, MINE, "## Settings"),
        has(DOC),
        has(DOC, newer.README_LINE),
    ),
    Scenario(
        "a line that the template changes as well",
        rewrites("Makefile", HELP, f"## {MINE}"),
        has("Makefile"),
        has("Makefile", newer.MAKE_HELP),
    ),
    Scenario(
        "a CI step",
        adds(".github/workflows/ci.yml", "      - run: echo mine", "      - run: python -m competitor lint"),
        has(".github/workflows/ci.yml", "echo mine"),
        has(".github/workflows/ci.yml", "timeout-minutes: 25"),
    ),
    Scenario(
        "the owner deletes a file that the template changes",
        lambda repo: (repo / "compose.yaml").unlink(),
        lambda repo: not (repo / "compose.yaml").exists(),
    ),
    Scenario(
        "the owner changes a file that the template removes",
        adds(newer.DROPPED_SHARED, "# mine"),
        has(newer.DROPPED_SHARED, "# mine"),
        lambda repo: (repo / ".github/dependabot.yaml").exists(),
    ),
    Scenario("a contract file edited", adds(LIMITS, "MINE = 1"), has(LIMITS, "MINE = 1")),
    Scenario("a word replaced in all files", replace_all, has(DOC), has(DOC, newer.README_LINE)),
    Scenario("a line added to a lock by hand", adds("requirements.txt", PINNED), has("requirements.txt", PINNED)),
    Scenario(
        "a file with mode 600, which only its user may read",
        lambda repo: (repo / DOC).chmod(0o600),
        lambda repo: (repo / DOC).stat().st_mode & 0o777 == 0o600,
        has(DOC, newer.README_LINE),
    ),
    Scenario("a module added where the template adds one", own_module, has(newer.NEW), has(newer.NEW, "Waves.")),
)


def main() -> int:
    argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        home.mkdir()
        template = newer.releases(home / "template.git", home)
        first = Path(scratch) / "first"
        first.mkdir()
        given = ("--checkout", f"v{newer.version()}", "--no-input", "-o", str(first))
        run("cookiecutter", template.as_uri(), *given, cwd=first, home=home)
        print(f"| The owner's change | {' | '.join(f'`{tool}`' for tool in TOOLS)} |\n|{' --- |' * 4}", flush=True)
        lost = 0
        for number, scenario in enumerate(SCENARIOS):
            found = []
            for tool in TOOLS:
                repo = owner.copy(first / "my-competitor", Path(scratch) / str(number) / tool / "my-competitor")
                found.append(after(scenario, repo, tool, template, home))
            lost += found[0].startswith("**")
            print(f"| {scenario.name} | {' | '.join(found)} |", flush=True)
    return 1 if lost else 0


def after(scenario: Scenario, repo: Path, tool: str, template: Path, home: Path) -> str:
    """Runs one update after the owner's change. Returns the result in a few words."""
    scenario.work(repo)
    if tool == "cruft update":
        given = ("--checkout", f"v{newer.version()}", "--config-file", ".janus/answers.json")
        run("cruft", "link", "-y", template.as_uri(), *given, cwd=repo, home=home)
    owner.commit(repo, home)
    done = by(tool, repo, template, home)
    marked = any("<<<<<<< " in text(repo, path) for path in ("Makefile", "README.md", newer.NEW))
    rejected = [path for path in repo.rglob("*.rej") if ".git" not in path.parts]
    said = [f"exit {done.returncode}"] + ["markers"] * marked + [f"{len(rejected)} .rej"] * bool(rejected)
    if not scenario.kept(repo):
        return f"**lost** ({', '.join(said)})"
    if not git("status", "--porcelain", cwd=repo, home=home):
        return f"refused, nothing changed ({', '.join(said)})"
    core = has(LIMITS, newer.CORE_LINE)(repo) and scenario.taken(repo)
    return f"{'kept, updated' if core else 'kept, **not updated**'} ({', '.join(said)})"


def by(tool: str, repo: Path, template: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    if tool == "competitor update":
        return run("competitor", "update", "--yes", cwd=repo, home=home, check=False)
    if tool == "cruft update":
        return run("cruft", "update", "-y", cwd=repo, home=home, check=False)
    return without_our_hooks(repo, template, home)


def without_our_hooks(repo: Path, template: Path, home: Path) -> "subprocess.CompletedProcess[str]":
    """Updates with cookiecutter and a template whose hook overwrites files of the repo without any check."""
    naive = home / "naive"
    if not naive.exists():
        git("clone", "-q", str(template), str(naive), cwd=home, home=home)
        (naive / "hooks" / "pre_gen_project.py").unlink()
        hook = naive / "hooks" / "post_gen_project.py"
        kept = hook.read_text(encoding="utf-8").split("from templates_variants.engine.update.rebake")[0]
        hook.write_text(f"{kept}{_RENDER}", encoding="utf-8")
    given = ("--no-input", "--config-file", ".janus/answers.json", "-f", "-o", "..")
    return subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(naive), *given],
        cwd=repo,
        env=clean_environment(home),
        capture_output=True,
        text=True,
        check=False,
    )


_RENDER = """
from templates_variants.engine.bake.overlay import put_in

put_in(answers, template, Path.cwd())
"""


if __name__ == "__main__":
    sys.exit(main())
