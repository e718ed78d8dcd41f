"""Tests that `.janus/` is data (line M): whatever it says, nothing of it is run, and nothing outside is changed.

Somebody else may have written it, for example in a pull request, or in an archive of the repo.
"""

import base64
import hashlib
import json
import os
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ..baking.baking import run
from . import owner
from .updating import changes, plain

# A text in an answer that makes Jinja run a command, if it is rendered.
RUNS = "{{ cycler.__init__.__globals__.os.system('touch ../PWNED') }}"
CODE = "from pathlib import Path\nPath('../PWNED').touch()\n"

Deed = Callable[[Path], None]


def edit(repo: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Replaces the content of a JSON file in `.janus/`."""
    file = repo / ".janus" / name
    file.write_text(json.dumps(change(json.loads(file.read_text(encoding="utf-8")))), encoding="utf-8")


def answer(name: str, value: object) -> Deed:
    def change(found: dict[str, Any]) -> dict[str, Any]:
        return {"default_context": {**found["default_context"], name: value}}

    return partial(edit, name="answers.json", change=change)


def contract(**entries: object) -> Deed:
    return partial(edit, name="contract.json", change=lambda found: {**found, **entries})


def listed(path: str) -> Deed:
    """The record says that the template made this file, as it is now."""
    same = hashlib.sha256(b"the owner's\n").hexdigest()
    return partial(edit, name="contract.json", change=lambda found: {**found, "files": {**found["files"], path: same}})


def base(path: str, text: bytes = b"the owner's\n", *, sha256: str = "") -> Deed:
    entry = {
        "mode": "644",
        "sha256": sha256 or hashlib.sha256(text).hexdigest(),
        "text": base64.b64encode(zlib.compress(text, 9)).decode(),
    }
    return partial(edit, name="base.json", change=lambda found: {**found, path: entry})


def address(value: object) -> Deed:
    return partial(edit, name="template.json", change=lambda found: {**found, "template": value})


def text(name: str, content: str) -> Deed:
    def change(repo: Path) -> None:
        (repo / ".janus" / name).write_text(content, encoding="utf-8")

    return change


def link(path: str, target: str) -> Deed:
    """Moves a path of the repo out of it, and puts a link there."""

    def change(repo: Path) -> None:
        goal = (repo / path).parent / target
        if (repo / path).exists():
            (repo / path).rename(goal)
        else:
            goal.mkdir()
            (goal / "victim.txt").write_text("the owner's\n", encoding="utf-8")
        (repo / path).symlink_to(os.path.relpath(goal, (repo / path).parent))

    return change


def journal(content: object, *, code: bool = False, ignored: bool = True) -> Deed:
    """A planted journal. If `ignored`, git does not show it, as in an archive of a repo."""

    def change(repo: Path) -> None:
        work = repo / ".janus" / "update"
        (work / "before").mkdir(parents=True)
        (work / "before" / "victim.txt").write_text("planted\n", encoding="utf-8")
        (work / "journal.json").write_text(
            content if isinstance(content, str) else json.dumps(content), encoding="utf-8"
        )
        if code:
            (work / "roll_back.py").write_text(CODE, encoding="utf-8")
        if ignored:
            (work / ".gitignore").write_text("*\n", encoding="utf-8")

    return change


def entry(path: str, *, existed: bool, folders: tuple[str, ...] = ()) -> dict[str, Any]:
    now = hashlib.sha256(b"the owner's\n").hexdigest()
    states = {"before": {path: now} if existed else {}, "after": {path: now}}
    return {"process": 2**22 + 1, "started": "x", "paths": {path: [existed, True]}, "folders": [*folders], **states}


def both(*deeds: Deed) -> Deed:
    def change(repo: Path) -> None:
        for deed in deeds:
            deed(repo)

    return change


PUBLIC = (
    "project_name",
    "project_slug",
    "description",
    "author",
    "github_owner",
    "llm_base_url",
    "llm_model",
    "hotkey",
)
PRIVATE = {
    "__image": RUNS,
    "__source_url": "https://example.com\nRUN touch /PWNED",
    "__platform_domain": "evil.example",
    "_template_version": "9.9.9",
    "_extensions": [],
    "_copy_without_render": [],
    "_new_lines": RUNS,
    "_jinja2_env_vars": {"variable_start_string": "<<"},
}
OUTSIDE = (
    "../victim.txt",
    "docs/../../victim.txt",
    "/tmp/victim.txt",
    "",
    ".",
    "./README.md",
    "docs//README.md",
    ".git/hooks/post-checkout",
    ".GIT/config",
    "docs/.git /config",
    "x\x00y",
    "x\ny",
    "x\x1b[2Jy",
)
ADDRESSES: tuple[object, ...] = (
    "ext::sh -c 'touch ../PWNED'",
    "ext::sh",
    "--upload-pack=touch ../PWNED",
    "-u",
    "../evil",
    "/evil",
    "gh:evil/x\nFetched.",
    "https://evil.example/\x1b[2Jx",
    "ssh://-oProxyCommand=touch$IFS../PWNED/x",
    "https://evil.example/t.git",
    "git@evil.example:t.git",
    "gh:evil/janus-template",
    {"url": "gh:evil/x"},
    ["gh:evil/x"],
)
REPOS: dict[str, Deed] = {
    **{f"Jinja in {name}": answer(name, RUNS) for name in (*PUBLIC, "backend", "license")},
    **{f"{name} is set": answer(name, value) for name, value in PRIVATE.items()},
    "an unknown answer with Jinja": answer("motto", RUNS),
    "a slug that leads out": answer("project_slug", "../victim"),
    "an answer that is an object": answer("author", {"{{": RUNS}),
    "an answer that is a list": answer("author", [RUNS]),
    "an author with a line break": answer("author", "Ada\nRUN touch /PWNED"),
    "answers that are a list": text("answers.json", "[]"),
    "answers without answers": text("answers.json", '{"default_context": 7}'),
    "answers that are deep": text("answers.json", "[" * 100_000),
    **{f"the record lists {path!r}": listed(path) for path in OUTSIDE},
    "the lists of the record lead out": contract(derived={"../victim.txt": "x"}, owner=["../victim.txt"]),
    "the variant leads out": contract(variant=["../victim.txt"]),
    "files that are a list": contract(files=["../victim.txt"]),
    "a version with Jinja": contract(template_version=RUNS),
    "a version that is an object": contract(contract_version={"a": 1}),
    "a version with a huge number": contract(template_version="9" * 5000 + ".0.0"),
    "a backend that leads out": contract(backend="../../evil\n"),
    "a base that leads out": base("../victim.txt"),
    "a base that is a bomb": base("README.md", bytes(64 * 2**20)),
    "bases that are deep": text("base.json", "[" * 100_000),
    "a base with a wrong hash": base("README.md", sha256="0" * 64),
    ".janus is a link": link(".janus", "../outside"),
    "the record is a link": link(".janus/contract.json", "../../outside.json"),
    "the answers are a link": link(".janus/answers.json", "../../outside.json"),
    "the bases are a link": link(".janus/base.json", "../../outside.json"),
    "the old bases are a link": link(".janus/base", "../../outside"),
    **{f"the template is {value!r}": address(value) for value in ADDRESSES},
    "code to roll back, in git": both(journal("{}", code=True, ignored=False)),
    "code to roll back": journal("{}", code=True),
    "a journal in git": journal(entry("README.md", existed=False), ignored=False),
    "a journal that deletes outside": journal(entry("../victim.txt", existed=False)),
    "a journal that replaces outside": journal(entry("../victim.txt", existed=True)),
    "a journal with a whole path": journal(entry("/tmp/victim.txt", existed=False)),
    "a journal that removes a folder outside": journal(entry("x", existed=False, folders=("../empty",))),
    "a journal that is a list": journal([]),
    "a journal that is deep": journal("[" * 100_000),
    "a journal with wrong types": journal({"process": [], "paths": [], "after": [], "folders": {}}),
    "a journal behind a link": both(
        journal(entry("victim.txt", existed=False)), link(".janus/update", "../../outside")
    ),
}  # fmt: skip
WITHOUT_OPTION = {name for name in REPOS if name.startswith("the template is")}
QUICK = {
    "Jinja in description",
    "__image is set",
    "the record lists '../victim.txt'",
    ".janus is a link",
    "the template is \"ext::sh -c 'touch ../PWNED'\"",
    "the template is 'gh:evil/janus-template'",
    "code to roll back, in git",
    "a journal that deletes outside",
}
CASES = [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in REPOS]


def test_the_short_form_has_existing_cases() -> None:
    assert set(REPOS) >= QUICK
    assert len(REPOS) > 60


@pytest.fixture
def repo(request: pytest.FixtureRequest, untouched: Path, home: Path, tmp_path: Path) -> Path:
    """A repo with somebody's `.janus/`, committed, and files beside it that are the owner's."""
    made = owner.copy(untouched, tmp_path / "my-competitor")
    (tmp_path / "victim.txt").write_text("the owner's\n", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    return made


@pytest.mark.torture("M", "hostile `.janus/` folders and answers: nothing run, nothing changed outside")
@pytest.mark.parametrize("name", CASES)
def test_nothing_of_a_hostile_repo_is_run(name: str, repo: Path, template: Path, home: Path, tmp_path: Path) -> None:
    REPOS[name](repo)
    if changes(repo, home):
        owner.commit(repo, home)
    before = owner.everything(tmp_path)
    given = () if name in WITHOUT_OPTION else ("--template", template.as_uri())
    for option in ("--dry-run", "--yes", "--pull-request") if name not in QUICK else ("--dry-run", "--yes"):
        done = run("competitor", "update", option, *given, cwd=repo, home=home, check=False)
        assert done.returncode == 2, (option, done.stdout)
        assert done.stderr.startswith("Nothing was changed: "), (option, done.stderr)
        assert len(done.stderr.splitlines()) == 1, (option, done.stderr)
        assert done.stderr.rstrip("\n").isprintable(), (option, done.stderr)
        assert owner.everything(tmp_path) == before, option
    assert (tmp_path / "empty").is_dir()


@pytest.mark.slow
@pytest.mark.torture("M", "hostile `.janus/` folders and answers: nothing run, nothing changed outside")
@pytest.mark.parametrize("name", sorted(REPOS.keys() - WITHOUT_OPTION - {"_extensions is set"}))
def test_nothing_of_it_is_run_by_cookiecutter(
    name: str, repo: Path, template: Path, home: Path, tmp_path: Path
) -> None:
    """Not tried: `_extensions: []`. With it, cookiecutter renders answers before any code of the template runs."""
    REPOS[name](repo)
    if changes(repo, home):
        owner.commit(repo, home)
    before = owner.everything(tmp_path)
    done = plain(repo, template.as_uri(), home)
    assert owner.everything(tmp_path) == before
    assert (tmp_path / "empty").is_dir()
    assert done.returncode != 0


def test_planted_code_without_a_journal_is_not_run(repo: Path, template: Path, home: Path, tmp_path: Path) -> None:
    journal("{}", code=True)(repo)
    (repo / ".janus/update/journal.json").unlink()
    done = run("competitor", "update", "--dry-run", "--template", template.as_uri(), cwd=repo, home=home)
    assert "A dry run" in done.stdout
    assert not (tmp_path / "PWNED").exists()


def test_a_recorded_template_is_used_if_it_is_named_again(untouched: Path, template: Path, home: Path) -> None:
    """Without a terminal nobody can be asked, and with `--yes` nobody wants to be."""
    for option in ("--dry-run", "--yes"):
        done = run("competitor", "update", option, cwd=untouched, home=home, check=False)
        assert done.returncode == 2
        said = f"this repo records the template {template.as_uri()}, not gh:org/janus-template"
        assert said in done.stderr
        assert f"if you trust it, add `--template {template.as_uri()}`" in done.stderr
    named = ("--template", template.as_uri())
    assert run("competitor", "update", "--dry-run", *named, cwd=untouched, home=home).returncode == 0
