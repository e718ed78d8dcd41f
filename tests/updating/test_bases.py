"""Tests the bases from which an update merges: the file `.janus/base.json`, or a folder in repos of older versions."""

import base64
import json
import zlib
from pathlib import Path

import pytest

from templates_variants.engine.bake import bases, record
from templates_variants.engine.bake.files import File, write
from templates_variants.engine.update import apply
from templates_variants.engine.update.plan import Repo

from . import newer, owner
from .test_plan import SHARED, TEN, fill, made
from .updating import contract_files, plain, update

LOGO = b"\0\xff\r\nbinary"


def to_older_form(repo: Path) -> dict[str, File]:
    """Rewrites the bases of a repo in the form of version 0.2.0, and returns them."""
    found = bases.read(repo)
    (repo / bases.FILE).unlink()
    for path, file in found.items():
        write(repo / bases.OLD_FOLDER, path, file)
    return found


def test_reading_bases_returns_what_was_written(tmp_path: Path) -> None:
    files = {
        "a": File(b""),
        "b/run.sh": File(TEN, executable=True),
        "c": File(TEN.replace(b"\n", b"\r\n")),
        "d": File(LOGO),
    }
    fill(tmp_path, files)
    (tmp_path / ".janus").mkdir()
    bases.write(tmp_path, sorted(files))
    assert bases.read(tmp_path) == files
    first = (tmp_path / bases.FILE).read_bytes()
    bases.write(tmp_path, sorted(files, reverse=True))
    assert (tmp_path / bases.FILE).read_bytes() == first
    assert json.loads(first)["b/run.sh"]["mode"] == "755"


def test_the_file_is_much_smaller_than_what_it_holds(untouched: Path) -> None:
    assert not (untouched / bases.OLD_FOLDER).exists()
    held = sum(len(file.data) for file in bases.read(untouched).values())
    assert (untouched / bases.FILE).stat().st_size < held * 0.6


@pytest.mark.parametrize(
    "damage",
    [
        {"text": base64.b64encode(zlib.compress(b"another text")).decode()},
        {"text": base64.b64encode(b"not compressed").decode()},
        {"text": "%%%"},
        {"sha256": "0" * 64},
        {"mode": "777"},
        {"text": None},
    ],
    ids=["another text", "not compressed", "no base64", "another hash", "an unknown mode", "no text"],
)
def test_damaged_bases_are_refused(damage: dict[str, object], tmp_path: Path) -> None:
    repo = made(tmp_path / "repo", {SHARED: b"1"})
    entries = json.loads((repo / bases.FILE).read_text(encoding="utf-8"))
    entries[SHARED].update(damage)
    (repo / bases.FILE).write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises((ValueError, KeyError, TypeError)):
        record.load(repo)


def test_an_update_with_damaged_bases_is_refused(untouched: Path, home: Path, tmp_path: Path) -> None:
    repo = owner.copy(untouched, tmp_path / "my-competitor")
    text = (repo / bases.FILE).read_text(encoding="utf-8")
    (repo / bases.FILE).write_text(text.replace('"sha256": "', '"sha256": "0', 1), encoding="utf-8")
    owner.commit(repo, home)
    before = owner.everything(repo)
    done = update(repo, home)
    assert done.returncode == 2
    assert "base.json is damaged at .dockerignore" in done.stderr
    assert "restore it with `git checkout .janus`" in done.stderr
    assert owner.everything(repo) == before


@pytest.mark.parametrize("way", ["competitor update", "cookiecutter -f"])
def test_an_update_moves_a_repo_from_the_older_form_to_the_new(
    way: str, worked_in: Path, pristine: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(worked_in, tmp_path / "my-competitor")
    to_older_form(repo)
    owner.commit(repo, home)
    done = update(repo, home) if way == "competitor update" else plain(repo, template.as_uri(), home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert owner.lost(repo) == []
    assert contract_files(repo) == contract_files(pristine)
    assert newer.README_LINE in (repo / "README.md").read_text(encoding="utf-8")
    assert not (repo / newer.DROPPED_SHARED).exists()
    assert not (repo / bases.OLD_FOLDER).exists()
    assert (repo / bases.FILE).read_bytes() == (pristine / bases.FILE).read_bytes()


def test_both_forms_of_bases_give_the_same_merge(tmp_path: Path) -> None:
    old, new = {SHARED: TEN}, {SHARED: TEN + b"theirs\n"}
    results = []
    for form in ("new", "older"):
        project = made(tmp_path / form / "project", old)
        if form == "older":
            to_older_form(project)
        fill(project, {SHARED: b"mine\n" + TEN})
        fresh = made(tmp_path / form / "made", new)
        repo = Repo(project, fresh, record.load(project), record.load(fresh))
        plan = apply.plan(repo, tmp_path)
        apply.carry_out(
            project, apply.final(repo, plan, apply.changed(repo, plan), tmp_path / form / "final"), process=0
        )
        assert (project / SHARED).read_bytes() == b"mine\n" + TEN + b"theirs\n"
        results.append(owner.everything(project))
    assert results[0] == results[1]


def test_after_an_update_by_an_older_template_its_folder_counts(tmp_path: Path) -> None:
    """An older template writes the folder of bases but does not update `.janus/base.json`, so the folder is read."""
    repo = made(tmp_path / "repo", {SHARED: b"newer"})
    write(repo / bases.OLD_FOLDER, SHARED, File(b"older"))
    assert bases.read(repo) == {SHARED: File(b"older")}


def test_bases_compressed_by_another_zlib_are_not_a_change(tmp_path: Path) -> None:
    files = {SHARED: TEN}
    project, fresh = made(tmp_path / "project", files), made(tmp_path / "made", files)
    entries = json.loads((project / bases.FILE).read_text(encoding="utf-8"))
    entries[SHARED]["text"] = base64.b64encode(zlib.compress(TEN, 0)).decode()
    record.write_json(project / bases.FILE, entries)
    assert (project / bases.FILE).read_bytes() != (fresh / bases.FILE).read_bytes()
    repo = Repo(project, fresh, record.load(project), record.load(fresh))
    assert apply.changed(repo, apply.plan(repo, tmp_path)) == set()
