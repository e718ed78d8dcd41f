"""Tests that no update loses the owner's text, with random edits, git commands, updates and kills on a real repo.

After each update, every word that the owner wrote must still be in the tree or in a commit. If a word is now in another
file than before, the update's output must name the new path. A refused update and a dry run must change nothing.
"""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from templates_variants import update as updater
from templates_variants.engine.update import transaction

from ..baking.baking import bake, clean_environment, git
from . import newer, owner

WORD = re.compile(r"owner\d+word")
BACKENDS = ("proxy", "tools")
# Files of every zone, and files that only one of the two versions has.
PATHS = (
    *("README.md", "Makefile", "Dockerfile", "pyproject.toml", ".gitignore", "compose.yaml", newer.DROPPED_SHARED),
    *("competitor/backend/agent.py", "competitor/backend/own.py", "tests/test_backend.py", "tests/test_own.py"),
    *(
        "competitor/core/chat.py",
        "competitor/core/own.py",
        "competitor/checks/commands/ask.py",
        newer.NEW,
        newer.NEW_SHARED,
    ),
    *("requirements.txt", "submission.yaml", "notes/plan.md", ".env", ".janus/own.txt", "LICENSE", "docs/own.md"),
)
MODES = (0o600, 0o644, 0o755, 0o444)


class Templates:
    """Two versions of the template as folders, and a baked repo for each version and backend."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        repository = newer.releases(folder / "template.git", self.home)
        self.roots = {}
        self.bakes: dict[tuple[str, str], Path] = {}
        for version in (newer.version(), newer.next_version()):
            self.roots[version] = folder / version
            git("worktree", "add", "-q", str(folder / version), f"v{version}", cwd=repository, home=self.home)
            for backend in BACKENDS:
                output = folder / f"made-{version}-{backend}"
                output.mkdir()
                self.bakes[version, backend] = bake(output, self.home, {"backend": backend}, self.roots[version])


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(tmp_path_factory.mktemp("search"))


class Owner(RuleBasedStateMachine):
    """An owner who works in a repo, and updates it."""

    templates: Templates

    @initialize(backend=st.sampled_from(BACKENDS))
    def begin(self, backend: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="janus-search-"))
        self.repo = self.folder / "my-competitor"
        shutil.copytree(self.templates.bakes[newer.version(), backend], self.repo, symlinks=True)
        self.written = 0
        self.committed: set[str] = set()
        owner.commit(self.repo, self.templates.home)

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder, ignore_errors=True)

    # The owner's own deeds. What they destroy is the owner's decision.

    @rule(path=st.sampled_from(PATHS), place=st.sampled_from(["first", "middle", "last"]))
    def edit(self, path: str, place: str) -> None:
        file = self.repo / path
        if file.is_dir() or not (file.parent.is_dir() or not file.parent.exists()):
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        at = {"first": 0, "middle": len(lines) // 2, "last": len(lines)}[place]
        lines.insert(at, f"# {self.word()}")
        with contextlib.suppress(PermissionError):
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @rule(old=st.sampled_from(["streams", "competitor", "python"]))
    def replace_all(self, old: str) -> None:
        """Inserts a word after `old` in many files, including `.janus/`, as `git grep -l OLD | xargs sed -i` can do."""
        word = self.word()
        for name in self.git("ls-files", "-z").split("\0"):
            file = self.repo / name
            if name and file.is_file() and not file.is_symlink() and not name.startswith("competitor/core/"):
                data = file.read_bytes()
                if old.encode() in data and not name.endswith(".py"):
                    file.write_bytes(data.replace(f" {old} ".encode(), f" {old} {word} ".encode(), 3))

    @rule(everything=st.booleans())
    def commit(self, everything: bool) -> None:
        self.git("add", *(["-A", "-f"] if everything else ["-A"]))
        self.git("commit", "-qm", "work")
        found = self.git("grep", "-h", "-o", "-a", "-E", r"owner[0-9]+word", "HEAD")
        self.committed |= set(WORD.findall(found))

    @rule(path=st.sampled_from(PATHS))
    def stage(self, path: str) -> None:
        if (self.repo / path).exists():
            self.git("add", path)

    @rule(path=st.sampled_from(PATHS))
    def rename(self, path: str) -> None:
        if (self.repo / path).is_file():
            (self.repo / path).rename(self.repo / f"moved_{self.written}_{Path(path).name}")

    @rule(path=st.sampled_from(PATHS))
    def delete(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
            (self.repo / path).unlink()

    @rule(path=st.sampled_from(PATHS), mode=st.sampled_from(MODES))
    def change_mode(self, path: str, mode: int) -> None:
        if (self.repo / path).is_file():
            (self.repo / path).chmod(mode)

    @rule(path=st.sampled_from(PATHS))
    def link(self, path: str) -> None:
        file = self.repo / path
        if file.is_file() and not file.is_symlink():
            goal = self.repo / f"linked_{self.written}_{file.name}"
            file.rename(goal)
            file.symlink_to(goal)

    @rule(path=st.sampled_from(PATHS))
    def hide_from_git(self, path: str) -> None:
        self.git("update-index", "--skip-worktree", path)

    @rule(path=st.sampled_from(PATHS))
    def take_from_git(self, path: str) -> None:
        self.git("rm", "-q", "--cached", path)
        with (self.repo / ".git/info/exclude").open("a", encoding="utf-8") as exclude:
            exclude.write(f"{path}\n")

    @precondition(lambda self: self.written % 7 == 3)  # rarely
    @rule()
    def remove_git(self) -> None:
        shutil.rmtree(self.repo / ".git", ignore_errors=True)
        self.committed = set()

    # Updates

    @rule(
        version=st.sampled_from([newer.version(), newer.next_version()]),
        backend=st.sampled_from([None, None, *BACKENDS]),
        options=st.sampled_from([(), ("--replace-edited",), ("--no-migrate",)]),
    )
    def update(self, version: str, backend: "str | None", options: tuple[str, ...]) -> None:
        answer = ("--answer", f"backend={backend}") if backend else ()
        self.judged(lambda: self.updated(version, *options, *answer))

    @rule(version=st.sampled_from([newer.version(), newer.next_version()]))
    def dry_run(self, version: str) -> None:
        if not self.update_is_pending():
            self.judged(lambda: self.updated(version, "--dry-run"), changes=False)

    @rule(version=st.sampled_from([newer.version(), newer.next_version()]), step=st.integers(1, 400))
    def kill(self, version: str, step: int) -> None:
        self.judged(lambda: self.updated(version, kill_at=step))

    @precondition(lambda self: (self.repo / ".git").exists())
    @rule(version=st.sampled_from([newer.version(), newer.next_version()]))
    def cookiecutter(self, version: str) -> None:
        self.judged(lambda: self.plainly_updated(version))

    @rule()
    def roll_back(self) -> None:
        with contextlib.suppress(transaction.Running):
            transaction.recover(self.repo)

    def update_is_pending(self) -> bool:
        return transaction.is_pending(self.repo)

    # What must hold

    def judged(self, deed: Callable[[], tuple[int, str]], *, changes: bool = True) -> None:
        pending = self.update_is_pending()
        before, tree = self.words(), owner.everything(self.repo)
        code, said = deed()
        ours = "Traceback" in said and f"{os.sep}engine{os.sep}" in said  # cookiecutter shows one for each refusal
        assert not ours, said
        if self.update_is_pending():  # it was killed: the next one rolls back
            transaction.recover(self.repo)
        after = self.words()
        for word, paths in before.items():
            assert word in after or word in self.committed, f"{word} of {paths} is lost (exit code {code}):\n{said}"
            for path in after.get(word, set()) - paths:
                assert pending or path.split("/")[0] in said, f"{word} is now in {path}, unnamed in the output:\n{said}"
        if (code == 2 or not changes) and not pending:
            assert owner.everything(self.repo) == tree, said

    def words(self) -> dict[str, set[str]]:
        """Maps each of the owner's words in the tree to the paths of the files that contain it."""
        found: dict[str, set[str]] = {}
        for path, (data, _) in owner.everything(self.repo).items():
            if not path.startswith(".janus/update/"):
                for word in WORD.findall(data.decode(errors="replace")):
                    found.setdefault(word, set()).add(path)
        return found

    def word(self) -> str:
        self.written += 1
        return f"owner{self.written}word"

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.repo,
            env={**clean_environment(self.templates.home), "GIT_CEILING_DIRECTORIES": str(self.folder)},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        return done.stdout

    def updated(self, version: str, *options: str, kill_at: int = 0) -> tuple[int, str]:
        """Runs the updater of this version's template in a forked process; returns its exit code and output."""
        sys.stdout.flush()
        said = self.folder / "said"
        child = os.fork()
        if child == 0:
            with said.open("w", encoding="utf-8") as output:
                os._exit(self._in_child(output, version, options, kill_at))
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status), said.read_text(encoding="utf-8")

    def _in_child(self, output: io.TextIOBase, version: str, options: tuple[str, ...], kill_at: int) -> int:
        sys.stdout = sys.stderr = output
        os.environ["JANUS_UPDATE_TO"] = "yes"
        os.environ["GIT_CEILING_DIRECTORIES"] = str(self.folder)
        updater.TEMPLATE = self.templates.roots[version]
        updater._bake = self._baked(version)  # type: ignore[assignment]
        sys.argv = ["update.py", "--project", str(self.repo), "--yes", *options]
        if kill_at:
            _kill_at(kill_at, str(self.repo))
        try:
            code = updater.main()
        except BaseException:
            traceback.print_exc(file=output)
            code = 70
        output.flush()
        return code

    def _baked(self, version: str) -> "Callable[[dict[str, str], Path], Path]":
        """Returns a function that copies an existing bake, because baking would take most of an update's time."""

        def copied(answers: dict[str, str], scratch: Path) -> Path:
            goal = scratch / "made" / "my-competitor"
            shutil.copytree(self.templates.bakes[version, answers["backend"]], goal, symlinks=True)
            return goal

        return copied

    def plainly_updated(self, version: str) -> tuple[int, str]:
        """Runs `cookiecutter -f` with the recorded answers, as an owner would."""
        given = ("--no-input", "--config-file", ".janus/answers.json", "-f", "-o", "..")
        done = subprocess.run(
            [sys.executable, "-m", "cookiecutter", str(self.templates.roots[version]), *given],
            cwd=self.repo,
            env={**clean_environment(self.templates.home), "PWD": str(self.repo)},
            capture_output=True,
            text=True,
            check=False,
        )
        refused = done.returncode and "Nothing was changed" in done.stderr
        return 2 if refused else done.returncode, done.stdout + done.stderr


def _kill_at(step: int, project: str) -> None:
    left = [step]
    changing = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.copyfile", "os.chmod", "os.utime"}

    def strike(event: str, arguments: tuple[object, ...]) -> None:
        writes = event in changing or (event == "open" and str(arguments[1])[:1] in ("w", "a", "x"))
        if writes and str(arguments[0]).startswith(project):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(strike)


def search(templates: Templates, examples: int, steps: int, start: int) -> None:
    machine = type("Search", (Owner,), {"templates": templates})
    checks = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=(Phase.generate,),  # a failure is shown as it was found: to shrink it would take an hour
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(start)(machine), settings=checks)


def test_a_short_search_finds_no_loss(templates: Templates) -> None:
    search(templates, examples=3, steps=25, start=1)


@pytest.mark.slow
def test_a_search_of_two_thousand_steps_finds_no_loss(templates: Templates) -> None:
    search(templates, examples=40, steps=50, start=2026)
