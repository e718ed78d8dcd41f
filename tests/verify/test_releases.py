"""Tests the records of the template and of a release, and that a release's repos are recognised by their digests."""

import json
from pathlib import Path

import pytest

from templates_variants.engine.bake import contract
from templates_variants.engine.bake.zones import lines
from tools.release import LOCK
from tools.trusted import verify as trusted_verify

from ..baking.baking import VARIANTS, copy_template
from ..template_path import TEMPLATE
from .cheats import edit
from .record_cheats import edit_the_record_as_well
from .repos import CORE, DIFFERS, HOLDS, NOT_SHOWN, RECORD, append, copy, record, reviewed, write, write_record


def test_contract_files_are_the_bytes_of_the_template(each: Path) -> None:
    """Jinja changes no contract file, so the hash of a file is the same for all answers to the template's questions."""
    variant = str(record(each)["backend"])
    found = contract.sources(TEMPLATE, variant)
    assert contract.rendered(TEMPLATE, found) == []
    assert {path: (each / path).read_bytes() for path in found} == {
        path: file.read_bytes() for path, file in found.items()
    }
    assert record(each)["files"] == contract.hashes(TEMPLATE, variant)


def test_a_contract_file_with_jinja_that_is_rendered_is_refused(tmp_path: Path) -> None:
    copy_template(tmp_path)
    write(tmp_path / "{{cookiecutter.project_slug}}" / "competitor" / "about.txt", b"{{ cookiecutter.author }}\n")
    with pytest.raises(ValueError, match=r"competitor/about\.txt is rendered by Jinja"):
        contract.hashes(tmp_path, "proxy")
    write(tmp_path / "{{cookiecutter.project_slug}}" / "competitor" / "about.py", b"'{{ not rendered }}'\n")
    assert contract.rendered(tmp_path, contract.sources(tmp_path, "proxy")) == ["competitor/about.txt"]


def test_the_record_has_the_zones_and_the_modes(baked: Path) -> None:
    assert record(baked)["zones"] == lines()
    assert record(baked)["executable"] == []


def test_a_repo_of_the_last_release_holds_by_its_digest(last_release: Path, unreleased: Path, home: Path) -> None:
    done = reviewed(last_release, home, unreleased)
    assert done.returncode == HOLDS, done.stdout
    assert "janus-template 0.2.0, variant tools" in done.stdout
    assert f"release 0.2.0, according to {LOCK}" in done.stdout


@pytest.mark.parametrize("with_record", [False, True], ids=["the file", "the file and the record"])
def test_an_edit_in_a_repo_of_the_last_release_is_named(
    with_record: bool, last_release: Path, unreleased: Path, home: Path, tmp_path: Path
) -> None:
    project = copy(last_release, tmp_path / "project")
    path = "competitor/core/chat.py"
    append(project / path)
    if with_record:
        files = {**record(project)["files"], path: trusted_verify.digest((project / path).read_bytes())}  # type: ignore[dict-item]
        write_record(project, files=files)
    done = reviewed(project, home, unreleased)
    assert done.returncode == DIFFERS
    assert f"{path}: edited" in done.stdout
    assert (f"{RECORD}: its hash of {path} is not that of this version" in done.stdout) == with_record


def version(checkout: Path) -> str:
    found: str = json.loads((checkout / "cookiecutter.json").read_text(encoding="utf-8"))["_template_version"]
    return found


def test_a_release_keeps_the_digests_of_the_ones_before(unreleased: Path, released: Path) -> None:
    before = json.loads((unreleased / LOCK).read_text(encoding="utf-8"))
    lock = json.loads((released / LOCK).read_text(encoding="utf-8"))
    assert lock["releases"].keys() == {*before["releases"], version(released)}
    assert lock["releases"]["0.2.0"] == before["releases"]["0.2.0"]
    assert lock["releases"][version(released)]["digests"].keys() == VARIANTS.keys()


def test_a_checkout_of_a_release_says_so(released: Path, project: Path, home: Path) -> None:
    done = reviewed(project, home, released)
    assert done.returncode == HOLDS, done.stdout
    assert f"release {version(released)}, according to this checkout and its {LOCK}" in done.stdout


def test_a_checkout_that_is_not_the_release_shows_nothing(
    released: Path, project: Path, home: Path, tmp_path: Path
) -> None:
    checkout = copy(released, tmp_path / "checkout")
    append(checkout / "{{cookiecutter.project_slug}}" / CORE)
    append(project / CORE)
    done = reviewed(project, home, checkout)
    assert done.returncode == NOT_SHOWN
    assert f"the files of this checkout are not those of release {version(released)}" in done.stdout


@pytest.mark.parametrize("way", ["clean", "edited", "edited with its record"])
def test_a_later_checkout_knows_the_release_by_its_digest_alone(
    way: str, released: Path, project: Path, home: Path, tmp_path: Path
) -> None:
    """Two releases later, the lock has only the release's digest, and no longer the list of the release's files.

    Verify then uses the list in the repo's record, but only if that list has the release's digest.
    """
    checkout = copy(released, tmp_path / "checkout")
    lock = json.loads((checkout / LOCK).read_text(encoding="utf-8"))
    lock.update(template_version="9.9.8", files={"CONTRACT.md": "0" * 64})
    (checkout / LOCK).write_text(json.dumps(lock), encoding="utf-8")
    asked = (checkout / "cookiecutter.json").read_text(encoding="utf-8")
    (checkout / "cookiecutter.json").write_text(asked.replace(version(checkout), "9.9.9"), encoding="utf-8")
    if way == "edited":
        edit(project)
    if way == "edited with its record":
        edit_the_record_as_well(project)
    done = reviewed(project, home, checkout)
    assert done.returncode == (HOLDS if way == "clean" else DIFFERS), done.stdout
    named = {
        "clean": "HOLDS",
        "edited": f"{CORE}: edited",
        "edited with its record": "contract files: their digest differs from the release",
    }
    assert named[way] in done.stdout


def test_a_lock_of_the_form_of_the_last_release_is_read(
    unreleased: Path, last_release: Path, home: Path, tmp_path: Path
) -> None:
    checkout = copy(unreleased, tmp_path / "checkout")
    lock = json.loads((checkout / LOCK).read_text(encoding="utf-8"))
    del lock["releases"]
    (checkout / LOCK).write_text(json.dumps(lock), encoding="utf-8")
    assert reviewed(last_release, home, checkout).returncode == HOLDS
