"""Tests each situation in which an update by version 0.2.0 lost the owner's work or left the repo blocked."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from templates_variants.engine.update import transaction

from ..baking.baking import clean_environment, git, run
from . import newer, owner
from .updating import changes, plain, recorded_template, update

CORE = "competitor/core/answer/admission.py"


@pytest.fixture
def repo(untouched: Path, tmp_path: Path) -> Path:
    return owner.copy(untouched, tmp_path / "my-competitor")


@pytest.fixture(scope="module")
def older(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a committed repo of version 0.2.0."""
    folder = tmp_path_factory.mktemp("older")
    bundle = Path(__file__).with_name("older") / "0.2.0.bundle"
    git("clone", "-q", "-b", "main", str(bundle), str(folder / "template"), cwd=folder, home=home)
    run("cookiecutter", str(folder / "template"), "--no-input", "-o", str(folder), cwd=folder, home=home)
    owner.commit(folder / "my-competitor", home)
    return folder / "my-competitor"


# 1: the same edit in a shared file and in its base


@pytest.mark.slow
def test_a_replace_all_over_a_repo_of_0_2_0_is_kept(older: Path, template: Path, home: Path, tmp_path: Path) -> None:
    """In a repo of 0.2.0, the base of a file is a plain copy of it, so a search and replace changes both."""
    repo = owner.copy(older, tmp_path / "my-competitor")
    edited = [repo / "README.md", repo / ".janus/base/README.md"]
    for file in edited:
        text = file.read_text(encoding="utf-8")
        assert "streams" in text
        file.write_text(text.replace("streams", "pours"), encoding="utf-8")
    owner.commit(repo, home)
    done = update(repo, home, "--template", template.as_uri())
    assert done.returncode in (0, 1), done.stderr
    assert "pours" in (repo / "README.md").read_text(encoding="utf-8")


def test_a_base_that_was_changed_is_refused_and_named(repo: Path, template: Path, home: Path) -> None:
    bases = repo / ".janus/base.json"
    entries = json.loads(bases.read_text(encoding="utf-8"))
    entries["README.md"]["text"] = entries["Makefile"]["text"]
    bases.write_text(json.dumps(entries), encoding="utf-8")
    owner.commit(repo, home)
    done = update(repo, home)
    assert done.returncode == 2
    assert "base.json is damaged at README.md" in done.stderr
    assert "git checkout .janus" in done.stderr
    verified = run("competitor", "verify", cwd=repo, home=home, check=False)
    assert verified.returncode == 1
    assert ".janus/base.json" in verified.stdout


# 2: variables that git sets for a hook


@pytest.mark.parametrize("old", [False, True], ids=["new repo", "repo of 0.2.0"])
@pytest.mark.slow
def test_an_update_from_a_hook_in_a_worktree_leaves_the_index_alone(
    old: bool, untouched: Path, older: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    main = owner.copy(older if old else untouched, tmp_path / "my-competitor")
    tree = tmp_path / "worktree"
    git("worktree", "add", "-q", str(tree), cwd=main, home=home)
    index = main / ".git/worktrees/worktree/index"
    before = git("ls-files", "--stage", cwd=tree, home=home)
    named = {"GIT_INDEX_FILE": str(index), "GIT_DIR": str(index.parent), "GIT_WORK_TREE": str(tree)}
    done = run(
        *("competitor", "update", "--yes", "--dry-run", "--template", template.as_uri()),
        cwd=tree,
        home=home,
        check=False,
        **named,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert git("ls-files", "--stage", cwd=tree, home=home) == before
    assert changes(tree, home) == []


# 3: a file becomes a folder, or a folder becomes a file


@pytest.fixture(scope="module")
def reshaped(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Returns a newer template, in which a shared file became a folder, and a folder became a file."""
    template = newer.releases(tmp_path_factory.mktemp("reshaped") / "template.git", home)
    core = template / "{{cookiecutter.project_slug}}"
    (core / "SECURITY.md").unlink()
    (core / "SECURITY.md").mkdir()
    (core / "SECURITY.md/index.md").write_text("# Security\n", encoding="utf-8")
    shutil.rmtree(core / "deploy")
    (core / "deploy").write_text("Elsewhere.\n", encoding="utf-8")
    newer.release(template, home, "8.0.0")
    _edit_version(template, "8.0.0")
    git("commit", "-qam", "version", cwd=template, home=home)
    git("tag", "-f", "v8.0.0", cwd=template, home=home)
    return template


@pytest.mark.slow
def test_a_template_may_change_a_file_into_a_folder_and_back(repo: Path, reshaped: Path, home: Path) -> None:
    done = update(repo, home, "--template", reshaped.as_uri())
    assert done.returncode == 0, done.stdout + done.stderr
    assert (repo / "SECURITY.md/index.md").read_text(encoding="utf-8") == "# Security\n"
    assert (repo / "deploy").is_file()


def test_if_the_owner_has_a_file_in_the_folder_the_folder_stays(repo: Path, reshaped: Path, home: Path) -> None:
    (repo / "deploy/mine.txt").write_text("mine", encoding="utf-8")
    owner.add_line(repo / "SECURITY.md", "Mine.")
    owner.commit(repo, home)
    done = update(repo, home, "--template", reshaped.as_uri())
    assert done.returncode == 0, done.stdout + done.stderr
    assert (repo / "deploy/mine.txt").is_file()
    assert (repo / "SECURITY.md").read_text(encoding="utf-8").endswith("Mine.\n")


def test_cookiecutter_refuses_a_file_that_becomes_a_folder(repo: Path, reshaped: Path, home: Path) -> None:
    before = owner.everything(repo)
    done = plain(repo, reshaped.as_uri(), home)
    assert "Nothing was changed" in done.stderr
    assert "use `python -m competitor update`" in done.stderr
    assert owner.everything(repo) == before


@pytest.mark.slow
def test_a_repo_that_0_2_0_left_blocked_can_be_updated(older: Path, template: Path, home: Path, tmp_path: Path) -> None:
    """The journal has a path below `SECURITY.md`, which is a file. The roll-back of 0.2.0 failed with a traceback."""
    repo = owner.copy(older, tmp_path / "my-competitor")
    before = owner.everything(repo)
    work = repo / ".janus/update"
    (work / "before").mkdir(parents=True)
    (work / ".gitignore").write_text("*\n", encoding="utf-8")
    shutil.copy(repo / "README.md", work / "before/README.md")
    (repo / "README.md").write_text("new\n", encoding="utf-8")
    after = {"SECURITY.md/index.md": "0" * 64, "README.md": transaction._state(repo / "README.md")}
    paths = {"SECURITY.md/index.md": [False, True], "SECURITY.md": [True, False], "README.md": [True, True]}
    shutil.copy(repo / "SECURITY.md", work / "before/SECURITY.md")
    entry = {"process": 2**22 - 1, "paths": paths, "after": after, "folders": []}
    (work / "journal.json").write_text(json.dumps(entry), encoding="utf-8")
    command = [sys.executable, str(Path(transaction.__file__).parents[2] / "update.py"), "--project", str(repo)]
    done = subprocess.run(
        [*command, "--dry-run"], env=clean_environment(home), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "so it was rolled back." in done.stdout
    assert owner.everything(repo) == before


# 4: a line that the owner added to a lock


@pytest.mark.parametrize("way", ["competitor update", "cookiecutter -f"])
def test_a_line_added_to_a_lock_by_hand_is_kept_and_reported(way: str, repo: Path, template: Path, home: Path) -> None:
    owner.add_line(repo / "requirements.txt", "six==1.17.0")
    owner.commit(repo, home)
    done = update(repo, home) if way == "competitor update" else plain(repo, template.as_uri(), home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "six==1.17.0" in (repo / "requirements.txt").read_text(encoding="utf-8")
    assert "requirements.txt  (no longer matches its sources; `make lock` regenerates it)" in done.stdout


# 5: a file that is saved while the update replaces files


@pytest.mark.parametrize("path", ["README.md", CORE, newer.NEW])
def test_a_file_that_is_saved_during_the_swap_is_kept(path: str, repo: Path, home: Path) -> None:
    before = owner.everything(repo)
    code = (
        "import os, sys\n"
        "def save(event, arguments):\n"
        "    if event == 'os.rename' and str(arguments[1]).endswith('journal.json'):\n"
        f"        os.makedirs(os.path.dirname({str(repo / path)!r}), exist_ok=True)\n"
        f"        open({str(repo / path)!r}, 'w').write('saved by an editor')\n"
        "if any(part.endswith('templates_variants/update.py') for part in sys.orig_argv):\n"
        "    sys.addaudithook(save)\n"
    )
    hooks = repo.parent / "hooks"
    hooks.mkdir()
    (hooks / "sitecustomize.py").write_text(code, encoding="utf-8")
    done = update(repo, home, PYTHONPATH=str(hooks))
    assert done.returncode == 2
    assert f"Nothing was changed: {path} was saved while the update was running" in done.stderr
    assert (repo / path).read_text(encoding="utf-8") == "saved by an editor"
    after = owner.everything(repo)
    assert {name: after[name] for name in after if name != path} == {
        name: before[name] for name in before if name != path
    }


def test_a_file_that_is_saved_while_cookiecutter_writes_is_kept(repo: Path, home: Path, tmp_path: Path) -> None:
    template = newer.releases(tmp_path / "template.git", home)
    hook = template / "hooks/post_gen_project.py"
    saved = "from pathlib import Path\nPath('submission.yaml').write_text('saved by an editor')\n"
    hook.write_text(saved + hook.read_text(encoding="utf-8"), encoding="utf-8")
    before = owner.everything(repo)
    done = plain(repo, str(template), home)
    assert done.returncode != 0
    assert "submission.yaml was saved while the update was running" in done.stderr + done.stdout
    assert (repo / "submission.yaml").read_text(encoding="utf-8") == "saved by an editor"
    assert without("submission.yaml", owner.everything(repo)) == without("submission.yaml", before)


def without(path: str, files: dict[str, tuple[bytes, int]]) -> dict[str, tuple[bytes, int]]:
    return {name: state for name, state in files.items() if name != path}


# 6: the only copy of an edited contract file


def without_git(repo: Path, home: Path) -> None:
    owner.add_line(repo / CORE, "MINE = 1")
    shutil.rmtree(repo / ".git")


def skipped(repo: Path, home: Path) -> None:
    git("update-index", "--skip-worktree", CORE, cwd=repo, home=home)
    owner.add_line(repo / CORE, "MINE = 1")


def ignored(repo: Path, home: Path) -> None:
    git("rm", "-q", "--cached", CORE, cwd=repo, home=home)
    owner.add_line(repo / ".gitignore", CORE)
    owner.commit(repo, home)
    owner.add_line(repo / CORE, "MINE = 1")


@pytest.mark.parametrize(
    "made", [without_git, *(pytest.param(made, marks=pytest.mark.slow) for made in (skipped, ignored))]
)
def test_an_edited_contract_file_that_git_does_not_have_is_copied_first(
    made: Callable[[Path, Path], None], repo: Path, home: Path
) -> None:
    made(repo, home)
    done = update(repo, home, "--replace-edited")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "MINE = 1" not in (repo / CORE).read_text(encoding="utf-8")
    assert "MINE = 1" in (repo / "edited_old" / CORE).read_text(encoding="utf-8")
    assert f"copied    edited_old/{CORE}" in done.stdout


@pytest.mark.slow
def test_a_committed_edit_needs_no_copy(repo: Path, home: Path) -> None:
    owner.add_line(repo / CORE, "MINE = 1")
    owner.commit(repo, home)
    done = update(repo, home, "--replace-edited")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (repo / "edited_old").exists()


def test_a_git_repository_that_cannot_be_read_is_refused(repo: Path, home: Path) -> None:
    shutil.rmtree(repo / ".git")
    (repo / ".git").write_text("gitdir: /nowhere/.git/worktrees/x\n", encoding="utf-8")
    before = owner.everything(repo)
    done = update(repo, home)
    assert done.returncode == 2
    assert "git cannot read this repository" in done.stderr
    assert owner.everything(repo) == before


# 7 and 8: updates that are running at the same time


@pytest.mark.slow
@pytest.mark.parametrize("process", ["reused", "zombie", "of 0.2.0"])
def test_a_killed_update_is_rolled_back_although_its_process_id_is_in_use_again(
    process: str, repo: Path, template: Path, home: Path
) -> None:
    before = owner.everything(repo)
    (repo.parent / "new").write_text("new", encoding="utf-8")
    with subprocess.Popen(
        [sys.executable, "-c", "" if process == "zombie" else "input()"], stdin=subprocess.PIPE
    ) as other:
        time.sleep(0.1)
        transaction.prepare(repo, {"README.md": repo.parent / "new"}, process=other.pid)
        shutil.copy(repo.parent / "new", repo / "README.md")
        journal = repo / transaction.FOLDER / "journal.json"
        entry = json.loads(journal.read_text(encoding="utf-8"))
        entry["started"] = "another boot 1" if process == "reused" else None
        if process != "reused":
            del entry["started"]
        journal.write_text(json.dumps(entry), encoding="utf-8")
        os.utime(journal, (1, 1) if process == "of 0.2.0" else None)
        if process == "zombie":
            while Path(f"/proc/{other.pid}/stat").read_text(encoding="utf-8").split()[2] != "Z":
                time.sleep(0.01)
        done = update(repo, home, "--dry-run", "--template", template.as_uri())
        assert other.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            other.communicate(b"\n")
    assert done.returncode == 0, done.stderr
    assert "rolled back" in done.stdout
    assert owner.everything(repo) == before


@pytest.mark.slow
def test_of_two_updates_at_once_one_works_and_the_other_changes_nothing(repo: Path, pristine: Path, home: Path) -> None:
    command = [sys.executable, "-m", "competitor", "update", "--yes", *recorded_template(repo)]
    both = [
        subprocess.Popen(command, cwd=repo, env=clean_environment(home), stdout=-1, stderr=-1, text=True)
        for _ in range(2)
    ]
    ended = [(*process.communicate(), process.returncode) for process in both]
    codes = sorted(code for *_, code in ended)
    assert codes in ([0, 2], [0, 0]), ended
    if codes == [0, 2]:
        refused = next(stderr for _, stderr, code in ended if code == 2)
        assert "another update of this repo is running" in refused or "uncommitted changes" in refused
    else:
        assert any("up to date" in stdout for stdout, _, _ in ended)
    assert (repo / newer.NEW).read_bytes() == (pristine / newer.NEW).read_bytes()
    assert not (repo / ".janus/update").exists()


def test_while_an_update_runs_a_second_one_is_refused(repo: Path, home: Path) -> None:
    before = owner.everything(repo)
    with transaction.lock(repo):
        done = update(repo, home)
    assert done.returncode == 2
    assert done.stderr.endswith("another update of this repo is running; wait until it ends.\n")
    assert owner.everything(repo) == before


# 9 and 10: permissions and credentials


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="without setpriv, root can write any file")
def test_cookiecutter_refuses_a_file_that_may_not_be_written(repo: Path, template: Path, home: Path) -> None:
    (repo / "README.md").chmod(0o444)
    before = owner.everything(repo)
    ordinary = ["setpriv", "--bounding-set=-dac_override", "--inh-caps=-dac_override"] if os.geteuid() == 0 else []
    given = ("--no-input", "--config-file", ".janus/answers.json", "-f", "-o", "..")
    done = subprocess.run(
        [*ordinary, sys.executable, "-m", "cookiecutter", template.as_uri(), *given],
        cwd=repo,
        env={**clean_environment(home), "PWD": str(repo)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "README.md is read-only" in done.stderr, done.stderr
    assert owner.everything(repo) == before


@pytest.mark.slow
def test_the_permissions_of_a_replaced_file_stay(repo: Path, home: Path) -> None:
    (repo / "README.md").chmod(0o600)
    (repo / "Makefile").chmod(0o640)
    done = update(repo, home)
    assert done.returncode == 0, done.stderr
    assert newer.README_LINE in (repo / "README.md").read_text(encoding="utf-8")
    assert (repo / "README.md").stat().st_mode & 0o777 == 0o600
    assert (repo / "Makefile").stat().st_mode & 0o777 == 0o640


@pytest.mark.slow
def test_credentials_in_an_address_are_neither_stored_nor_shown(repo: Path, template: Path, home: Path) -> None:
    address = template.as_uri().replace("file://", "file://me:secret@localhost")
    done = update(repo, home, "--template", address)
    assert "secret" not in done.stdout + done.stderr
    named = "https://me:secret@127.0.0.1:9/t.git"
    failed = update(repo, home, "--template", named)
    assert failed.returncode == 2
    assert "secret" not in failed.stdout + failed.stderr
    for file in (repo / ".janus").glob("*.json"):
        assert "secret" not in file.read_text(encoding="utf-8")
    origin = json.loads((repo / ".janus/template.json").read_text(encoding="utf-8"))["template"]
    assert origin.startswith("file://")


# 11: answers that would be reset


@pytest.mark.slow
def test_cookiecutter_without_the_recorded_answers_is_refused(template: Path, home: Path, tmp_path: Path) -> None:
    made = ("--no-input", "-o", str(tmp_path), "backend=tools", "author=Ada", "--checkout", f"v{newer.version()}")
    run("cookiecutter", template.as_uri(), *made, cwd=tmp_path, home=home)
    repo = tmp_path / "my-competitor"
    owner.commit(repo, home)
    before = owner.everything(repo)
    again = ("--no-input", "-f", "-o", "..")
    done = run("cookiecutter", template.as_uri(), *again, cwd=repo, home=home, check=False, PWD=str(repo))
    assert done.returncode != 0
    assert "this would reset author, backend to the template's defaults" in done.stderr
    assert owner.everything(repo) == before
    switched = plain(repo, template.as_uri(), home, "backend=proxy")
    assert switched.returncode == 0, switched.stdout + switched.stderr
    assert json.loads((repo / ".janus/answers.json").read_text(encoding="utf-8"))["default_context"]["author"] == "Ada"


# 12: damaged records, markers, a rebase, older releases


@pytest.mark.parametrize("text", ["[]", "null", '{"template": 3}', "{"])
def test_a_damaged_template_address_gives_no_traceback(text: str, repo: Path, template: Path, home: Path) -> None:
    (repo / ".janus/template.json").write_text(text, encoding="utf-8")
    owner.commit(repo, home)
    done = update(repo, home, "--template", template.as_uri())
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 2)
    assert done.stderr.count("\n") <= 1


@pytest.mark.slow
def test_conflict_markers_are_not_nested(repo: Path, template: Path, home: Path) -> None:
    makefile = repo / "Makefile"
    text = makefile.read_text(encoding="utf-8").replace("## build the container", "## build it my way")
    makefile.write_text(text, encoding="utf-8")
    owner.commit(repo, home)
    assert update(repo, home).returncode == 1
    owner.commit(repo, home)
    before = owner.everything(repo)
    done = update(repo, home, "--template", template.as_uri())
    assert done.returncode == 2
    assert "Makefile still has the conflict markers of an earlier update" in done.stderr
    assert owner.everything(repo) == before


def test_an_update_during_a_rebase_is_refused(repo: Path, home: Path) -> None:
    for number in range(2):
        (repo / f"{number}.txt").write_text("x", encoding="utf-8")
        owner.commit(repo, home)
    subprocess.run(
        ["git", "rebase", "-q", "-i", "HEAD~1", "--exec", "false"],
        cwd=repo,
        env={**clean_environment(home), "GIT_SEQUENCE_EDITOR": "true"},
        capture_output=True,
        check=False,
    )
    done = update(repo, home)
    assert done.returncode == 2
    assert "a rebase is in progress; finish it or abort it" in done.stderr


@pytest.mark.slow
def test_an_address_with_older_releases_only_is_refused_without_to(
    repo: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    assert update(repo, home).returncode == 0
    owner.commit(repo, home)
    old = tmp_path / "old.git"
    git("clone", "-q", "--bare", str(template), str(old), cwd=tmp_path, home=home)
    git("tag", "-d", f"v{newer.next_version()}", cwd=old, home=home)
    before = owner.everything(repo)
    done = update(repo, home, "--template", old.as_uri())
    assert done.returncode == 2
    assert f"older than yours, {newer.next_version()}; --to v{newer.version()} selects it" in done.stderr
    assert owner.everything(repo) == before
    asked = update(repo, home, "--template", old.as_uri(), "--to", f"v{newer.version()}")
    assert asked.returncode == 0, asked.stdout + asked.stderr


def _edit_version(template: Path, version: str) -> None:
    file = template / "cookiecutter.json"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace(f'"_template_version": "{newer.next_version()}"', f'"_template_version": "{version}"'))
