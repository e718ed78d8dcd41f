"""Tests that every way to run the template makes the same repo, byte for byte, with the chosen backend."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from competitor.checks import Target

from ..template_path import TEMPLATE, contract_tests
from .baking import SLUG, bake, contents, copy_template, git, run

processes = contract_tests("processes")
ORIGIN = ".janus/template.json"  # the template's address, the only file that may differ


def origin(made: Path) -> str:
    template: str = json.loads((made / ORIGIN).read_text(encoding="utf-8"))["template"]
    return template


def same(made: Path, baked: Path, *, besides: tuple[str, ...] = ()) -> None:
    differ = (*besides, ORIGIN)
    files, expected = contents(made), contents(baked)
    assert {path: files[path] for path in files if path not in differ} == {
        path: expected[path] for path in expected if path not in differ
    }
    assert (made / "competitor" / "backend" / "agent.py").is_file()


def test_an_absolute_path(baked: Path, home: Path, tmp_path: Path) -> None:
    run("cookiecutter", str(TEMPLATE), "--no-input", cwd=tmp_path, home=home)
    same(tmp_path / SLUG, baked)
    assert origin(tmp_path / SLUG) == "gh:org/janus-template", "a path on this machine must not be recorded"


def test_a_relative_path(baked: Path, home: Path, tmp_path: Path) -> None:
    copy_template(tmp_path / "template")
    run("cookiecutter", "template", "--no-input", cwd=tmp_path, home=home)
    same(tmp_path / SLUG, baked)


def test_a_relative_path_and_an_output_folder(baked: Path, home: Path, tmp_path: Path) -> None:
    copy_template(tmp_path / "template")
    (tmp_path / "work").mkdir()
    run("cookiecutter", "../template", "--no-input", "-o", "../out", cwd=tmp_path / "work", home=home)
    same(tmp_path / "out" / SLUG, baked)


def test_a_git_repository(baked: Path, home: Path, template_repo: Path, tmp_path: Path) -> None:
    run("cookiecutter", template_repo.as_uri(), "--no-input", cwd=tmp_path, home=home)
    same(tmp_path / SLUG, baked, besides=("LATER.md", ".janus/base.json"))
    assert (tmp_path / SLUG / "LATER.md").is_file()
    assert origin(tmp_path / SLUG) == template_repo.as_uri()


def test_a_tag_of_a_git_repository(baked: Path, home: Path, template_repo: Path, tmp_path: Path) -> None:
    run("cookiecutter", template_repo.as_uri(), "--checkout", "v1", "--no-input", cwd=tmp_path, home=home)
    same(tmp_path / SLUG, baked)


def test_an_abbreviation(baked: Path, home: Path, template_repo: Path, tmp_path: Path) -> None:
    assert template_repo.name == "template.git"
    run("cookiecutter", "here:template", "--checkout", "v1", "--no-input", cwd=tmp_path, home=home)
    same(tmp_path / SLUG, baked)


def test_a_zip_file(baked: Path, home: Path, tmp_path: Path) -> None:
    copy_template(tmp_path / "zipped" / "janus-template")
    archive = shutil.make_archive(str(tmp_path / "template"), "zip", tmp_path / "zipped", "janus-template")
    (tmp_path / "out").mkdir()
    run("cookiecutter", archive, "--no-input", cwd=tmp_path / "out", home=home)
    same(tmp_path / "out" / SLUG, baked)


def test_a_directory_of_a_repository(baked: Path, home: Path, tmp_path: Path) -> None:
    repo = tmp_path / "many.git"
    copy_template(repo / "templates" / "janus")
    git("init", "-q", "-b", "main", cwd=repo, home=home)
    git("add", "-A", cwd=repo, home=home)
    git("commit", "-qm", "one", cwd=repo, home=home)
    (tmp_path / "out").mkdir()
    run("cookiecutter", repo.as_uri(), "--directory", "templates/janus", "--no-input", cwd=tmp_path / "out", home=home)
    same(tmp_path / "out" / SLUG, baked)


def test_over_an_existing_project(baked: Path, home: Path, tmp_path: Path) -> None:
    made = bake(tmp_path, home)
    (made / "competitor" / "core" / "server" / "app.py").unlink()
    run("cookiecutter", str(TEMPLATE), "--no-input", "-f", "-o", str(tmp_path), cwd=tmp_path, home=home)
    same(made, baked)


def test_over_an_existing_project_the_owner_s_backend_is_kept(home: Path, tmp_path: Path) -> None:
    made = bake(tmp_path, home)
    for path in ("competitor/backend/agent.py", "competitor/backend/requirements.in", "tests/test_backend.py"):
        (made / path).write_text("# mine\n", encoding="utf-8")
    (made / "competitor" / "backend" / "more.py").write_text("# mine, too\n", encoding="utf-8")
    run("cookiecutter", str(TEMPLATE), "--no-input", "-f", "-o", str(tmp_path), cwd=tmp_path, home=home)
    for path in ("competitor/backend/agent.py", "competitor/backend/requirements.in", "tests/test_backend.py"):
        assert (made / path).read_text(encoding="utf-8") == "# mine\n"
    assert (made / "competitor" / "backend" / "more.py").is_file()


def test_the_recorded_answers(home: Path, tmp_path: Path) -> None:
    answers = {"project_name": "Otter & Sons", "license": "MPL-2.0", "author": "Zoë Ångström"}
    first = bake(tmp_path, home, answers)
    (tmp_path / "again").mkdir()
    recorded = str(first / ".janus" / "answers.json")
    run("cookiecutter", str(TEMPLATE), "--no-input", "--config-file", recorded, cwd=tmp_path / "again", home=home)
    assert contents(tmp_path / "again" / "otter-sons") == contents(first)


def test_a_replay(baked: Path, home: Path, tmp_path: Path) -> None:
    bake(tmp_path, home)
    (tmp_path / "again").mkdir()
    run("cookiecutter", str(TEMPLATE), "--replay", cwd=tmp_path / "again", home=home)
    same(tmp_path / "again" / SLUG, baked)


def test_a_used_checkout_leaves_no_cache_in_the_project(baked: Path, home: Path, tmp_path: Path) -> None:
    copy_template(tmp_path / "template")
    for folder in (tmp_path / "template", tmp_path / "template" / "templates_variants" / "proxy"):
        cache = folder / "{{cookiecutter.project_slug}}" / "competitor" / "__pycache__"
        cache.mkdir(parents=True)
        (cache / "x.cpython-311.pyc").write_bytes(b"\0")
    run("cookiecutter", "template", "--no-input", cwd=tmp_path, home=home)
    same(tmp_path / SLUG, baked)
    assert not list((tmp_path / SLUG).rglob("__pycache__"))


def test_cruft(baked: Path, home: Path, template_repo: Path, tmp_path: Path) -> None:
    run("cruft", "create", template_repo.as_uri(), "--checkout", "v1", "--no-input", cwd=tmp_path, home=home)
    same(tmp_path / SLUG, baked, besides=(".cruft.json",))


def test_without_hooks_the_core_starts_and_says_that_a_backend_is_missing(home: Path, tmp_path: Path) -> None:
    run("cookiecutter", str(TEMPLATE), "--no-input", "--accept-hooks", "no", cwd=tmp_path, home=home)
    started = subprocess.run(
        [sys.executable, "-c", "from competitor.core.answer.backend import load; print(load().name)"],
        cwd=tmp_path / SLUG,
        capture_output=True,
        text=True,
        check=True,
    )
    assert started.stdout == "none\n"
    with processes.competitor({}, cwd=tmp_path / SLUG) as (url, _):
        text = Target(url).ask().json()["choices"][0]["message"]["content"]
    assert "has no backend" in text
