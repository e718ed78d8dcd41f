"""Tests what `competitor/backend/models.py` may say: a mistake in it is one sentence, and the server does not start."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

MISTAKES = {
    "a syntax error": ("MODELS = {", "models.py, line 1, `MODELS = {`: the bracket `{` was never closed."),
    "no MODELS": ("from ..api import Model\n\nmodels = {}", "models.py must define `MODELS`"),
    "a list": ("MODELS = []", "MODELS must be a dict, not list"),
    "a text as model": ('MODELS = {"fast": "small"}', "fast: must be a `Model`"),
    "a missing package": (
        "import nowhere\nMODELS = {}",
        "the package nowhere is not installed; add it to competitor/backend/requirements.in",
    ),
    "a missing name": ("from ..api import Models\nMODELS = {}", "competitor.api has no Models; write `Model`."),
    "an error": ("MODELS = {}[1]", "`MODELS = {}[1]`: there is no key 1;"),
    "a key instead of a variable's name": (
        'from ..api import Model\nMODELS = {"fast": Model("m", key="sk-12345678")}',
        "key: String should match pattern",
    ),
    "a field that does not exist": (
        'from ..api import Model\nMODELS = {"fast": Model("m", prise_in=1)}',
        "prise_in: Unexpected keyword argument",
    ),
}


@pytest.fixture
def project(baked: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(baked, tmp_path / "my-competitor"))


def run(project: Path, text: str | None, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Runs a command of a repo with this text as models.py; without the file if the text is None."""
    file = project / "competitor" / "backend" / "models.py"
    if text is None:
        file.unlink()
    else:
        file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "competitor", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_a_sentence_and_the_server_does_not_start(mistake: str, project: Path) -> None:
    text, sentence = MISTAKES[mistake]
    done = run(project, text, "serve")
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert "sk-12345678" not in done.stderr


def test_settings_lists_the_variables_of_the_models(project: Path) -> None:
    text = 'from ..api import Model\nMODELS = {"fast": Model("small-1", key="MY_KEY")}'
    lines = run(project, text, "settings", "--env").stdout.splitlines()
    assert lines[-4:] == [
        "#JANUS_MODEL_FAST_ID=small-1",
        "#JANUS_MODEL_FAST_BASE_URL=",
        "#JANUS_MODEL_FAST_KEY=",
        "#MY_KEY=",
    ]


def test_a_file_of_the_owner_s_with_this_name_is_left_alone(project: Path) -> None:
    done = run(project, 'from pydantic import BaseModel\n\nraise SystemExit("imported")\n', "settings", "--env")
    assert done.returncode == 0, done.stderr
    assert "JANUS_MODEL_" not in done.stdout


def test_a_repo_without_the_file_has_no_models(project: Path) -> None:
    done = run(project, None, "settings", "--env")
    assert done.stdout == (project / ".env.example").read_text(encoding="utf-8")
