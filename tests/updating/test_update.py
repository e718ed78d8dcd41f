"""Tests that an update replaces contract files, keeps the owner's files, and merges files that both sides changed."""

import json
from pathlib import Path

import pytest

from ..baking.baking import git, run
from . import newer, owner
from .updating import changes, contract_files, plain, update

WAYS = ["competitor update", "cookiecutter -f"]
# For tests in which the two ways share most code: `make test` runs one way, `make test-update` both.
ONE_AND_BOTH = [WAYS[0], pytest.param(WAYS[1], marks=pytest.mark.slow)]


def updated(way: str, repo: Path, template: Path, home: Path, *answers: str) -> "tuple[int, str]":
    """Updates the repo with the command in `way`. Returns the exit code and the output."""
    if way == "competitor update":
        done = update(repo, home, *(part for answer in answers for part in ("--answer", answer)))
    else:
        done = plain(repo, template.as_uri(), home, *answers)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("way", WAYS)
def test_no_change_of_the_owner_is_lost_and_the_contract_is_the_new_one(
    way: str, worked_in: Path, pristine: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    code, said = updated(way, repo, template, home)
    assert code == 0, said
    assert owner.lost(repo) == []
    assert contract_files(repo) == contract_files(pristine)
    for path in (newer.DROPPED, newer.RENAMED, newer.DROPPED_SHARED):
        assert not (repo / path).exists(), path
    assert newer.README_LINE in (repo / "README.md").read_text(encoding="utf-8")
    assert newer.MAKE_HELP in (repo / "Makefile").read_text(encoding="utf-8")
    assert "warn_unreachable" in (repo / "pyproject.toml").read_text(encoding="utf-8")
    assert (repo / newer.NEW_SHARED).is_file()
    assert newer.BACKEND_LINE not in (repo / "competitor/backend/agent.py").read_text(encoding="utf-8")
    assert newer.CONTRACT_BULLET in said
    assert not (repo / ".janus/update").exists()


@pytest.mark.parametrize("way", ONE_AND_BOTH)
def test_a_repo_without_changes_becomes_like_a_fresh_one(
    way: str, untouched: Path, pristine: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    code, said = updated(way, repo, template, home)
    assert code == 0, said
    owners = {"CHANGELOG.md", "competitor/backend/agent.py"}  # made once, by the older version
    made, fresh = owner.everything(repo), owner.everything(pristine)
    assert {path: made[path] for path in made if path not in owners} == {
        path: fresh[path] for path in fresh if path not in owners
    }


@pytest.mark.parametrize("way", ONE_AND_BOTH)
def test_a_second_update_changes_nothing(way: str, worked_in: Path, template: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    updated(way, repo, template, home)
    owner.commit(repo, home)
    before = owner.everything(repo)
    code, said = updated(way, repo, template, home)
    assert code == 0, said
    assert "up to date" in said
    assert owner.everything(repo) == before


@pytest.mark.parametrize("way", WAYS)
def test_a_conflict_leaves_both_sides_between_markers_and_exit_code_1(
    way: str, untouched: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    makefile = repo / "Makefile"
    text = makefile.read_text(encoding="utf-8").replace("## build the container", "## build it my way")
    makefile.write_text(text, encoding="utf-8")
    owner.commit(repo, home)
    code, said = updated(way, repo, template, home)
    assert code == 1
    assert "CONFLICT  Makefile" in said
    assert "resolve the conflicts between <<<<<<< and >>>>>>> in Makefile" in said
    merged = makefile.read_text(encoding="utf-8")
    assert "## build it my way" in merged.split("<<<<<<< ")[1].split("=======")[0]
    assert newer.MAKE_HELP in merged.split("=======")[1].split(">>>>>>> ")[0]


@pytest.mark.slow
def test_cookiecutter_with_the_option_to_skip_existing_files_does_the_same(
    worked_in: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    repo, same = (owner.copy(worked_in, tmp_path / name / "my-competitor") for name in ("one", "other"))
    assert plain(repo, template.as_uri(), home, flags=("-s",)).returncode == 0
    assert plain(same, template.as_uri(), home).returncode == 0
    assert owner.everything(repo) == owner.everything(same)


@pytest.mark.slow
def test_a_replay_of_an_older_version_is_refused(worked_in: Path, home: Path, tmp_path: Path) -> None:
    template = newer.releases(tmp_path / "replayed.git", home)
    git("checkout", "-q", f"v{newer.version()}", cwd=template, home=home)
    (tmp_path / "elsewhere").mkdir()
    run("cookiecutter", str(template), "--no-input", "-o", "elsewhere", cwd=tmp_path, home=home)
    git("checkout", "-q", f"v{newer.next_version()}", cwd=template, home=home)
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    before = owner.everything(repo)
    done = run("cookiecutter", str(template), "--replay", "-f", "-o", "..", cwd=repo, home=home, check=False)
    assert done.returncode != 0
    assert f"--replay uses the answers that version {newer.version()} recorded" in done.stderr
    assert owner.everything(repo) == before


def test_the_two_ways_have_the_same_result(worked_in: Path, template: Path, home: Path, tmp_path: Path) -> None:
    made = []
    for way in WAYS:
        repo = owner.copy(worked_in, tmp_path / way / "my-competitor")
        updated(way, repo, template, home)
        made.append(owner.everything(repo))
    assert made[0] == made[1]


def test_a_dry_run_prints_the_report_and_changes_nothing(worked_in: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    before = owner.everything(repo)
    done = update(repo, home, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert owner.everything(repo) == before
    for line in (
        f"janus-template {newer.version()} -> {newer.next_version()}, contract {newer.contract()} -> "
        f"{newer.next_contract()}",
        newer.CONTRACT_BULLET,
        "  merged    README.md",
        "  replaced  competitor/core/answer/admission.py",
        f"  new       {newer.NEW}",
        f"  deleted   {newer.DROPPED}",
        "  absent    compose.yaml  (you deleted it)",
        "A dry run: nothing was changed.",
    ):
        assert line in done.stdout.splitlines(), done.stdout


@pytest.mark.parametrize("way", ONE_AND_BOTH)
def test_a_switch_of_the_backend_keeps_the_old_one_and_changes_all_other_files(
    way: str, worked_in: Path, home: Path, tmp_path: Path
) -> None:
    """The new backend is a copy of an old one under another name. A switch between any two backends works the same."""
    template = newer.releases(tmp_path / "template.git", home)
    _add_variant(template, home)
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    (repo / ".janus/template.json").write_text(json.dumps({"template": template.as_uri()}), encoding="utf-8")
    owner.commit(repo, home)
    code, said = updated(way, repo, template, home, "backend=echo")
    assert code == 0, said
    old = repo / "backend_old"
    assert owner.AGENT_LINE in (old / "competitor/backend/agent.py").read_text(encoding="utf-8")
    assert (old / "competitor/backend/own_tools.py").is_file()
    assert (old / "tests/test_backend.py").is_file()
    assert owner.AGENT_LINE not in (repo / "competitor/backend/agent.py").read_text(encoding="utf-8")
    assert not (repo / "competitor/backend/own_tools.py").exists()
    assert "backend=echo" in (repo / "README.md").read_text(encoding="utf-8")
    assert (repo / "requirements.txt").read_text(encoding="utf-8").endswith("# echo's\n")
    assert "copy what you need from backend_old/, which has all files of your old backend" in said
    assert "A changed answer: backend=echo (was proxy)" in said


def _add_variant(template: Path, home: Path) -> None:
    variants = template / "templates_variants"
    owner.copy(variants / "proxy", variants / "echo")
    (lock,) = variants.glob("echo/*/requirements.txt")
    owner.add_line(lock, "# echo's")
    questions = template / "cookiecutter.json"
    asked = json.loads(questions.read_text(encoding="utf-8"))
    asked["backend"].append("echo")
    questions.write_text(json.dumps(asked, indent=2), encoding="utf-8")
    git("tag", "-d", f"v{newer.next_version()}", cwd=template, home=home)
    newer.release(template, home, newer.next_version())


@pytest.mark.slow
def test_an_update_is_an_ordinary_change_for_git(worked_in: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    assert update(repo, home).returncode == 0
    listed = changes(repo, home)
    assert listed
    git("stash", "-u", "-q", cwd=repo, home=home)
    assert owner.everything(repo) == owner.everything(worked_in)
