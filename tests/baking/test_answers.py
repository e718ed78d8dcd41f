"""Tests that no answer to a template's question can run code, add a key or write outside the new repo.

Tests also that a refusal names all problems.
"""

import json
import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from templates_variants.engine.bake.questions import LICENSES, is_hotkey, problems

from ..template_path import TEMPLATE
from .baking import bake, clean_environment, run

GOOD = {
    "project_name": "My Competitor",
    "project_slug": "my-competitor",
    "description": "d" * 100,
    "author": "Ada",
    "github_owner": "ada",
    "backend": "proxy",
    "llm_base_url": "https://llm.chutes.ai/v1",
    "llm_model": "org/model",
    "__platform_domain": "janus.rodeo",
    "license": "MIT",
    "hotkey": "",
}
ALICE = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"

HOSTILE = [
    '"; open("PWNED", "w"); "',
    "'); __import__('os').system('touch PWNED'); ('",
    "'''\nopen('PWNED','w')\n'''",
    '"""\nopen("PWNED","w")\n"""',
    "\\'''+open('PWNED','w').name+r'''",
    "${IFS}touch${IFS}PWNED",
    "$(touch PWNED)",
    "`touch PWNED`",
    "; touch PWNED #",
    "x\ntouch PWNED",
    "x\rtouch PWNED",
    'x"\nversion = "9',
    'x", malicious = "y',
    "x\\",
    "../escape",
    "../../PWNED",
    "/tmp/PWNED",
    "..",
    ".",
    "a/b",
    "a\\b",
    "C:\\PWNED",
    "{{ ''.__class__ }}",
    "{% raw %}",
    "{# x #}",
    "<script>alert(1)</script>",
    "x\u2028y",
    "x\u202ey",
    "x\x00y",
    "x\x1b[31my",
    "x\ud800y",
    "&amp;<>",
    "!!python/object/apply:os.system ['touch PWNED']",
    "- x\n- y",
    "RUN touch PWNED",
    "x\u0085y",
    " leading",
    "trailing ",
    "",
    "x" * 10_000,
]


def test_good_answers_are_accepted() -> None:
    assert problems(GOOD, TEMPLATE) == {}


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("project_slug", "My-Competitor"),
        ("project_slug", "a--b"),
        ("project_slug", "-a"),
        ("project_slug", "a_b"),
        ("project_slug", "con"),
        ("project_slug", "a"),
        ("description", "too short"),
        ("description", "d" * 501),
        ("github_owner", "-ada"),
        ("github_owner", "a" * 40),
        ("github_owner", "ada/lovelace"),
        ("backend", "nonesuch"),
        ("backend", "../proxy"),
        ("llm_base_url", "ftp://x/v1"),
        ("llm_base_url", "https://user:pass@x/v1"),
        ("llm_base_url", "https://x/v1?key=1"),
        ("llm_base_url", "llm.chutes.ai/v1"),
        ("llm_model", "a model"),
        ("__platform_domain", "janus"),
        ("__platform_domain", "https://janus.rodeo"),
        ("__platform_domain", "Janus.rodeo"),
        ("__platform_domain", "janus..rodeo"),
        ("license", "Proprietary"),
        ("hotkey", ALICE[:-1]),
        ("hotkey", ALICE[:-1] + "X"),
        ("hotkey", "0x1234"),
        ("hotkey", "1" * 48),
    ],
)
def test_a_wrong_answer_is_reported_by_name(name: str, answer: str) -> None:
    assert set(problems({**GOOD, name: answer}, TEMPLATE)) == {name}


def test_a_real_hotkey_is_accepted() -> None:
    assert is_hotkey(ALICE)
    assert problems({**GOOD, "hotkey": ALICE}, TEMPLATE) == {}


def test_hostile_answers_are_refused_unless_they_are_harmless() -> None:
    """Puts each payload into each field. If accepted, it must be harmless in TOML, YAML, a Dockerfile and a shell."""
    checked = 0
    for payload in HOSTILE:
        for name in GOOD:
            checked += 1
            if name not in problems({**GOOD, name: payload}, TEMPLATE):
                assert payload.isprintable()
                assert not set(payload) & set('"\\{}<>`$')
    assert checked == len(HOSTILE) * len(GOOD) == 440


@pytest.mark.torture("I", "hostile answers: nothing run, nothing written outside")
@pytest.mark.parametrize("payload", [text for text in HOSTILE if "\x00" not in text and "\ud800" not in text])
def test_a_hostile_answer_in_every_field_is_refused_and_leaves_nothing(
    payload: str, home: Path, tmp_path: Path, record_property: Callable[[str, int], None]
) -> None:
    work = tmp_path / "deep" / "er"
    work.mkdir(parents=True)
    names = [name for name in GOOD if name not in ("project_slug", "backend", "license")]
    given = [f"{name}={payload}" for name in names]
    before = _everything(tmp_path)
    done = run("cookiecutter", str(TEMPLATE), "--no-input", *given, cwd=work, home=home, check=False)
    assert done.returncode != 0
    assert "PWNED" not in [path.name for path in tmp_path.rglob("*")]
    assert _everything(tmp_path) == before
    record_property("count", len(given))


RUNS = "{{ cycler.__init__.__globals__.os.system('touch PWNED') }}"


@pytest.mark.torture("I", "hostile answers: nothing run, nothing written outside")
@pytest.mark.parametrize("text", [RUNS, "{% set x = 1 %}", "{# hidden #}", f"My Competitor {RUNS}"])
def test_jinja_in_an_answer_is_never_rendered(
    text: str, home: Path, tmp_path: Path, record_property: Callable[[str, int], None]
) -> None:
    """cookiecutter would render it before any hook runs."""
    names = [name for name in (*GOOD, "__image", "__source_url") if name not in ("backend", "license")]
    names = names if text == RUNS else names[:1]
    for name in names:
        done = run("cookiecutter", str(TEMPLATE), "--no-input", f"{name}={text}", cwd=tmp_path, home=home, check=False)
        assert done.returncode == 1
        assert "An answer must not contain {{, {% or {#" in done.stdout
        assert "Nothing was created." in done.stdout
        assert "Traceback" not in done.stderr
        assert list(tmp_path.iterdir()) == []
    record_property("count", len(names))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("__source_url", "https://example.com\nRUN touch PWNED"),
        ("__image", "ghcr.io/somebody/else"),
        ("__platform_domain", "evil.example"),
        ("_contract_version", "9.9.9"),
        ("_new_lines", "\r\n"),
        ("_copy_without_render", []),
    ],
)
def test_private_values_are_derived_and_never_taken(name: str, value: object, home: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"default_context": {name: value}}), encoding="utf-8")
    given = ("--no-input", "--config-file", str(config), "-o", str(tmp_path / "made"))
    (tmp_path / "made").mkdir()
    done = run("cookiecutter", str(TEMPLATE), *given, cwd=tmp_path, home=home, check=False)
    assert done.returncode == 1
    assert f"  {name}: belongs to the template and cannot be set" in done.stderr
    assert list((tmp_path / "made").iterdir()) == []


@pytest.mark.parametrize("slug", ["../escape", "../../escape", "ABSOLUTE", "..", "Ünicode"])
def test_a_slug_that_leads_out_of_the_folder_is_refused_and_leaves_nothing(
    slug: str, home: Path, tmp_path: Path
) -> None:
    work = tmp_path / "deep" / "er"
    work.mkdir(parents=True)
    slug = str(tmp_path / "elsewhere") if slug == "ABSOLUTE" else slug
    before = _everything(tmp_path)
    done = run("cookiecutter", str(TEMPLATE), "--no-input", f"project_slug={slug}", cwd=work, home=home, check=False)
    assert done.returncode != 0
    assert _everything(tmp_path) == before


def test_a_refusal_names_all_problems_at_once_and_the_command_to_run_again(home: Path, tmp_path: Path) -> None:
    wrong = {"description": "short", "llm_model": "a model", "hotkey": "none"}
    given = [f"{name}={value}" for name, value in {**wrong, "author": "Zoë O'Neill"}.items()]
    done = run("cookiecutter", str(TEMPLATE), "--no-input", *given, cwd=tmp_path, home=home, check=False)
    said = done.stdout + done.stderr
    for name in wrong:
        assert f"  {name}: must" in said
    (command,) = [line.strip() for line in said.splitlines() if line.startswith("  cookiecutter ")]
    words = shlex.split(command)
    assert words[:3] == ["cookiecutter", str(TEMPLATE), "--no-input"]
    assert "author=Zo\\xeb O'Neill" in words
    assert [word for word in words if word.endswith("=...")] == [f"{name}=..." for name in wrong]
    assert list(tmp_path.iterdir()) == []


def test_a_name_without_a_slug_is_refused_in_our_words(home: Path, tmp_path: Path) -> None:
    done = run("cookiecutter", str(TEMPLATE), "--no-input", "project_name=🚀🚀", cwd=tmp_path, home=home, check=False)
    assert done.returncode != 0
    assert "  project_slug: must be 2 to 63 lower-case letters" in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
    bake(tmp_path, home, {"project_name": "🚀🚀", "project_slug": "rockets"})


@pytest.mark.parametrize("command", ["run", "test", "lint", "lock", "check --here", "verify", "update"])
def test_a_repo_that_was_made_without_the_hooks_says_what_is_missing(command: str, half_made: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "competitor", *command.split()],
        cwd=half_made,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--accept-hooks yes" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def half_made(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("half")
    run("cookiecutter", str(TEMPLATE), "--no-input", "--accept-hooks", "no", cwd=folder, home=home)
    return folder / "my-competitor"


TEXTS = [
    "It's 100 % Zoë & Søn: #1, @home; (really!) * ? | ~ ^ = + [x]",
    "\u65e5\u672c\u8a9e\u306e\u7af6\u4e89\u8005 \U0001f9a6 " + "\u00e4" * 90,
    "- a: b # c, 'd' %e &f *g !h |i @j " + "k" * 80,
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 "
    + "m" * 90,  # with joiners
]


@pytest.mark.parametrize("text", TEXTS)
def test_unusual_texts_arrive_unchanged(text: str, home: Path, tmp_path: Path) -> None:
    description = (text + " ") * 4
    answers = {
        "project_name": text[:60].strip(),
        "project_slug": "otter",
        "author": text[:60].strip(),
        "description": description.strip()[:400].strip(),
    }
    made = bake(tmp_path, home, answers)
    project = tomllib.loads((made / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["description"] == answers["description"]
    assert project["authors"] == [{"name": answers["author"]}]
    form: Any = yaml.safe_load((made / "submission.yaml").read_text(encoding="utf-8"))
    assert form["description"] == answers["description"]
    assert set(form) == {"name", "image", "hotkey", "source", "license", "description", "changelog"}


@pytest.mark.parametrize("license", LICENSES)
def test_every_licence_has_its_text(license: str, home: Path, tmp_path: Path) -> None:
    made = bake(tmp_path, home, {"license": license, "author": "Ada Lovelace"})
    text = (made / "LICENSE").read_text(encoding="utf-8")
    titles = {
        "MIT": "MIT License",
        "Apache-2.0": "Apache License",
        "BSD-3-Clause": "BSD 3-Clause",
        "MPL-2.0": "Mozilla Public",
    }
    assert titles[license] in text.splitlines()[0]
    assert ("Ada Lovelace" in text) == (license != "MPL-2.0")
    assert sum(title in text for title in ("MIT License", "BSD 3-Clause License")) <= 1


def test_the_questions_have_labels_and_good_defaults() -> None:
    asked = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    names = [name for name in asked if not name.startswith("_")]
    assert list(asked["__prompts__"]) == names
    assert len(names) <= 10


def test_a_refusal_is_a_sentence_without_a_traceback(home: Path, tmp_path: Path) -> None:
    given = (str(TEMPLATE), "--no-input", "project_slug=Bad Slug")
    done = run("cookiecutter", *given, cwd=tmp_path, home=home, check=False)
    assert done.returncode == 1
    assert "project_slug: must be 2 to 63 lower-case letters" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_answering_every_question_with_enter_makes_a_repo_and_prints_the_next_steps(home: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cookiecutter", str(TEMPLATE)],
        cwd=tmp_path,
        env=clean_environment(home),
        input="\n" * 10,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )
    assert "Name of your competitor" in done.stdout
    for command in ("cd my-competitor", "make run", "make test", "make workshop", "cp .env.example .env", "git init"):
        assert command in done.stdout
    assert (tmp_path / "my-competitor" / "competitor" / "backend" / "agent.py").is_file()


def _everything(folder: Path) -> list[str]:
    return sorted(os.fspath(path) for path in folder.rglob("*"))
