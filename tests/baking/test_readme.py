"""Tests that the template's README and docs are correct: the demo's output, the commands, the questions, the links."""

import json
import re
import subprocess
import sys
from pathlib import Path

from ..template_path import TEMPLATE, UNBAKED
from .baking import SLUG, VARIANTS, run

README = (TEMPLATE / "README.md").read_text(encoding="utf-8")
BAKING = (TEMPLATE / "docs" / "baking.md").read_text(encoding="utf-8")
COMMANDS = (TEMPLATE / "docs" / "commands.md").read_text(encoding="utf-8")
MAX_README_LINES = 120


def plain(text: str) -> str:
    """The text without the parts that differ from run to run."""
    return re.sub(r"\d+(\.\d+)?", "0", text)


def test_the_demo_says_what_the_readme_shows() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo"], cwd=TEMPLATE, capture_output=True, text=True, timeout=900, check=True
    )
    shown = README.split("$ make demo\n")[1].split("```")[0].strip().splitlines()
    said = plain(done.stdout)
    assert len(shown) > 8
    for line in shown:
        assert plain(line) in said, line


def test_the_demo_names_the_backends_for_one_that_does_not_exist() -> None:
    command = [sys.executable, "-m", "tools.demo", "--backend", "nope"]
    done = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"there is no backend 'nope'; choose one of {', '.join(sorted(VARIANTS))}" in done.stderr


def test_the_tour_of_agent_py_is_the_file() -> None:
    block = README.split("```python\n")[1].split("```")[0]
    agent = TEMPLATE / "templates_variants/proxy" / UNBAKED.name / "competitor/backend/agent.py"
    assert agent.read_text(encoding="utf-8").endswith(block)


def test_the_questions_are_the_template_s() -> None:
    asked = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    rows = re.findall(r"^\| `(\w+)` \| ", BAKING.split("\n## The questions\n")[1].split("\n## ")[0], re.MULTILINE)
    assert rows == [name for name in asked if not name.startswith("_")]


def test_the_commands_are_the_makefile_s() -> None:
    targets, of_a_bake = (
        set(re.findall(r"^([a-z-]+):.*##", (folder / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        for folder in (TEMPLATE, UNBAKED)
    )
    assert set(re.findall(r"`make ([a-z-]+)`", README)) <= targets | of_a_bake
    documented = re.findall(r"^\| `make ([a-z-]+)` \| ", COMMANDS, re.MULTILINE)
    assert sorted(documented) == sorted(targets)
    listed = subprocess.run(["make", "help"], cwd=TEMPLATE, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z-]+)\t", listed, re.MULTILINE)) == targets


def test_the_readme_is_short_and_its_links_lead_somewhere() -> None:
    assert len(README.splitlines()) <= MAX_README_LINES
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", README):
        assert (TEMPLATE / link.replace("%7B", "{").replace("%7D", "}")).exists(), link


def test_the_index_lists_every_page_once() -> None:
    for folder in (TEMPLATE / "docs", UNBAKED / "docs"):
        linked = re.findall(r"^- \[\S+\]\(([^)/]+\.md)\)", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
        assert sorted(linked) == sorted(page.name for page in folder.glob("*.md") if page.name != "README.md")


def test_the_bake_and_its_scoreboard_say_what_the_readme_shows(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    for command, said in (
        (
            "cookiecutter path/to/janus-template",
            run("cookiecutter", str(TEMPLATE), "--no-input", cwd=tmp_path, home=home),
        ),
        (
            "cd my-competitor && make workshop",
            run("competitor", "workshop", cwd=tmp_path / SLUG, home=home, check=False, PORT="9"),
        ),
    ):
        shown = README.split(f"$ {command}\n")[1].split("```")[0].splitlines()
        for line in shown:
            assert line.strip() == "..." or plain(line.strip()) in plain(said.stdout), line


def test_ci_calls_the_readme_s_test_command() -> None:
    script = (TEMPLATE / ".ci" / "run").read_text(encoding="utf-8")
    assert script.rstrip().endswith("\nmake test\nexec make test-browser")
    assert Path(TEMPLATE / ".ci" / "run").stat().st_mode & 0o111
