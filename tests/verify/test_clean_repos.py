"""Tests that repos without a cheat pass, and that the reviewer's verify runs no code of the repo."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tools.release import release

from ..baking.baking import git, run
from ..template_path import TEMPLATE
from .cheats import make_all_executable
from .repos import CORE, DIFFERS, HOLDS, NOT_SHOWN, append, copy, own, record, reviewed, write


def said_digest(text: str) -> set[str]:
    return {word.removeprefix("sha256:") for word in text.split() if word.startswith("sha256:")}


def test_a_clean_bake_of_each_variant_holds(each: Path, home: Path, tmp_path: Path) -> None:
    project = copy(each, tmp_path / "project")
    variant = record(project)["backend"]
    mine, theirs = own(project, home), reviewed(project, home)
    assert mine.returncode == theirs.returncode == HOLDS, mine.stdout + theirs.stdout
    files: dict[str, str] = record(project)["files"]  # type: ignore[assignment]
    lines = "".join(f"{path} {hashlib.sha256((project / path).read_bytes()).hexdigest()}\n" for path in sorted(files))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    assert said_digest(mine.stdout) == said_digest(theirs.stdout) == {digest}
    assert release(TEMPLATE)["digests"][variant] == digest
    assert f"HOLDS: all {len(files)} contract files are those of janus-template" in theirs.stdout
    assert f"variant {variant}." in theirs.stdout


def test_a_checkout_with_windows_line_endings_holds(project: Path, home: Path) -> None:
    for path in (path for path in project.rglob("*") if path.is_file() and ".janus" not in path.parts):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert b"\r\n" in (project / CORE).read_bytes()
    mine, theirs = own(project, home), reviewed(project, home)
    assert mine.returncode == theirs.returncode == HOLDS, mine.stdout + theirs.stdout
    assert said_digest(mine.stdout) == said_digest(theirs.stdout)
    assert len(said_digest(theirs.stdout)) == 1


def test_edited_and_new_files_of_the_owner_hold(project: Path, home: Path) -> None:
    for path in ("competitor/backend/agent.py", "tests/test_backend.py", "README.md", "CHANGELOG.md", "Dockerfile"):
        append(project / path)
    for path in ("competitor/backend/more/deep.py", "tests/test_more.py", "notes/plan.md", "data/x.bin", ".env"):
        write(project / path)
    (project / "LICENSE").unlink()
    (project / "Makefile").chmod(0o755)
    (project / "competitor" / "backend" / "link.py").symlink_to("agent.py")
    shutil.move(project / "competitor" / "backend", project / "brain")
    (project / "competitor" / "backend").symlink_to("../brain")
    mine, theirs = own(project, home), reviewed(project, home)
    assert mine.returncode == theirs.returncode == HOLDS, mine.stdout + theirs.stdout


def test_bytecode_of_the_sources_holds_for_the_owner_who_runs_them(baked: Path, home: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(baked, project)
    assert list((project / "competitor").rglob("*.pyc"))
    assert own(project, home).returncode == HOLDS
    done = reviewed(project, home)
    assert done.returncode == NOT_SHOWN
    assert "delete the __pycache__ folders" in done.stdout


def test_on_a_file_system_without_modes_they_do_not_count_for_the_owner(project: Path, home: Path) -> None:
    make_all_executable(project)
    write(project / ".git" / "config", b"[core]\n\trepositoryformatversion = 0\n\tfileMode = false\n")
    assert own(project, home).returncode == HOLDS


PLANTED = (
    *("competitor/__init__.py", "competitor/cli/__init__.py", "competitor/cli/verify.py", "competitor/__main__.py"),
    *("sitecustomize.py", "usercustomize.py", "conftest.py", "setup.py", "tests/__init__.py", "tests/conftest.py"),
    *("json.py", "hashlib.py", "argparse.py", "unicodedata.py", "pathlib.py", "competitor.py"),
    *("tools/__init__.py", "tools/verify.py", "tools/trusted.py", "templates_variants/__init__.py"),
    *("templates_variants/engine/__init__.py", "competitor/backend/__init__.py", ".janus/verify.py"),
)


def test_nothing_of_the_repo_runs_when_a_reviewer_looks_at_it(project: Path, home: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    text = f"open({str(mark)!r}, 'w').close()\n"
    for path in PLANTED:
        write(project / path, text.encode())
    write(project / "evil.pth", f"import os; {text}".encode())
    write(project / "cookiecutter.json", b'{"_template_version": "0.3.0", "_extensions": ["conftest"]}')
    git("init", "-q", cwd=project, home=home)
    for setting in ("core.fsmonitor", "core.pager", "diff.external", "core.sshCommand"):
        git("config", setting, f"touch {mark}", cwd=project, home=home)
    done = reviewed(project, home)
    assert not mark.exists()
    assert done.returncode == DIFFERS
    assert "competitor/__init__.py: edited" in done.stdout
    assert "Not compared; read these files yourself: " in done.stdout
    for path in ("sitecustomize.py", "conftest.py", "json.py", "evil.pth"):
        assert path in done.stdout.split("read these files yourself: ")[1]
    subprocess.run([sys.executable, "conftest.py"], cwd=project, check=True)
    assert mark.exists()  # proves that the planted code leaves a mark when it runs


def test_it_changes_nothing_in_the_repo_and_nothing_in_the_checkout(project: Path, home: Path) -> None:
    before = sorted(path.as_posix() for path in project.rglob("*"))
    caches = set(TEMPLATE.glob("{{*}}/**/__pycache__"))
    reviewed(project, home)
    assert sorted(path.as_posix() for path in project.rglob("*")) == before
    assert set(TEMPLATE.glob("{{*}}/**/__pycache__")) == caches


def test_its_help_says_the_exit_codes(home: Path) -> None:
    done = run("tools.verify", "--help", cwd=TEMPLATE, home=home)
    assert done.returncode == 0
    for said in ("0 the contract files are identical", "1 they differ", "2 the check was not possible"):
        assert said in done.stdout


def test_the_repo_s_verify_imports_nothing_else_of_the_repo() -> None:
    text = (TEMPLATE / "{{cookiecutter.project_slug}}" / "competitor" / "cli" / "verify.py").read_text(encoding="utf-8")
    imported = {
        line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))
    }
    assert imported <= set(sys.stdlib_module_names)
