"""Tests updates of edited 0.2.0 repos: no edit is lost, and the code works or the update lists the lines to change.

Hypothesis chooses the edits of each repo from `EDITS`, the edits that an owner of 0.2.0 might make. `make test-update`
tries ten repos of each backend. The same tests check the owner's code before and after the update.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from ..baking.baking import clean_environment, git, run
from . import owner
from .test_own_files import BUNDLE
from .updating import update

OF_0_2_0 = ("langchain", "proxy", "tools")  # the backends of that version
WAYS_PER_BACKEND = 10
BACKEND = "competitor/backend"
ANSWER = "async def answer(chat: Chat) -> AsyncIterator[Event]:\n"
# Each edit: the file, a pattern in it, and what replaces it. An edit that finds nothing in this backend is left out.
EDITS = {
    "a prompt": (f"{BACKEND}/agent.py", 'SYSTEM_PROMPT = ""', 'SYSTEM_PROMPT = "Be owner1word."'),
    "a comment": (f"{BACKEND}/agent.py", 'NAME = "', '# owner2word\nNAME = "'),
    "more turns": (f"{BACKEND}/agent.py", "MAX_TURNS = 8", "MAX_TURNS = 7  # owner3word"),
    "a log line": (
        f"{BACKEND}/agent.py",
        '(    """.*?"""\n)(?=    brain|    messages)',
        '\\1    chat.log.info("owner4word")\n',
    ),
    "a limit in the loop": (f"{BACKEND}/agent.py", "chat.seconds_left - last", "min(9, chat.seconds_left) - last"),
    "an own tool": (
        f"{BACKEND}/tools.py",
        r"(?s)from \.\.core\.chat import Chat\n(.*)\n\n\ndef tools(.*)return .*$",
        "from ..core.chat import Chat\n\\1\nfrom ..core.tool import tool as as_tool\n\n\n"
        'async def tide(port: str) -> str:\n    """Says when the tide is."""\n    return f"{port}: owner5word"\n\n\n'
        "def tools\\2return [as_tool(tide), *offered(chat)]\n",
    ),
    "a tool of LangChain": (
        f"{BACKEND}/tools.py",
        "from ..core.chat import Chat\n",
        "from langchain_core.tools import tool as their_tool\n\nfrom ..core.chat import Chat\n"
        "from .bridge import from_langchain\n\n\n"
        '@their_tool\ndef moon() -> str:\n    """Says what the moon does."""\n    return "owner6word"\n\n\n'
        "MOON = from_langchain(moon)\n",
    ),
    "middleware": (f"{BACKEND}/brain.py", r"middleware=\[Conduct\(\)\],", "middleware=[Conduct()],  # owner7word"),
    "a budget": (f"{BACKEND}/conduct.py", "MAX_OUTPUT_BYTES = 100_000", "MAX_OUTPUT_BYTES = 90_000  # owner8word"),
    "a helper": (
        f"{BACKEND}/helper.py",
        "",
        "from ..core import toolbox as boxes\nfrom ..core.events import *  # owner9word\n"
        "from ..core.llm import Completion as Call\n\n\n"
        "def shown(completion: Call) -> Text:\n    return Text(completion.text)\n\n\n"
        "MOST = boxes.Running.MOST\n",
    ),
    "a dynamic helper": (
        f"{BACKEND}/late.py",
        "",
        "from importlib import import_module\n\n\n"
        'def late() -> object:\n    return import_module("competitor.core.toolbox")  # owner10word\n',
    ),
    "a test": ("tests/test_own.py", "", "def test_own() -> None:\n    assert 'owner11word'\n"),
    "a section": ("README.md", r"\Z", "\n## Mine\n\nowner12word\n"),
    "a dependency": (f"{BACKEND}/requirements.in", r"\Z", "six==1.17.0  # owner13word\n"),
    "a label": ("Dockerfile", r"\Z", "LABEL mine=owner14word\n"),
    "a setting": (".env.example", r"\Z", "MINE=owner15word\n"),
    "a target": ("Makefile", r"\Z", "\nmine:\n\t@echo owner16word\n"),
}


@pytest.fixture(scope="module", params=OF_0_2_0)
def made(request: pytest.FixtureRequest, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A committed repo of version 0.2.0."""
    folder = tmp_path_factory.mktemp("made")
    git("clone", "-q", "-b", "main", str(BUNDLE), str(folder / "template"), cwd=folder, home=home)
    given_ = ("--no-input", f"backend={request.param}", "-o", str(folder))
    run("cookiecutter", str(folder / "template"), *given_, cwd=folder, home=home)
    owner.commit(folder / "my-competitor", home)
    return folder / "my-competitor"


@pytest.mark.slow
def test_a_repo_of_0_2_0_that_was_worked_in_is_updated_without_loss(
    made: Path, template: Path, home: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    counts = {"works": 0, "named": 0}

    @seed(30)
    @settings(
        max_examples=WAYS_PER_BACKEND,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(st.sampled_from(sorted(EDITS)), min_size=2, max_size=8, unique=True))
    def one(names: list[str]) -> None:
        repo = owner.copy(made, tmp_path_factory.mktemp("way") / "my-competitor")
        words = edited(repo, names)
        owner.commit(repo, home)
        assert fails(repo, home) == "", f"{names}: the owner's code does not work before the update"
        done = update(repo, home, "--template", template.as_uri())
        assert done.returncode in (0, 1), done.stdout + done.stderr
        lost = words - set(re.findall(r"owner\d+word", "".join(texts(repo))))
        assert not lost, f"{names}: the update lost the owner's {lost}\n{done.stdout}"
        problem = fails(repo, home)
        named = "change these lines of yours" in done.stdout
        only_dynamic = named and "a dynamic helper" in names
        assert not problem or only_dynamic, f"{names}: the code fails, no line is listed\n{problem}\n{done.stdout}"
        counts["named" if problem else "works"] += 1

    one()
    print(counts)  # for the release notes: `pytest -s`
    assert counts["works"]


def edited(repo: Path, names: list[str]) -> set[str]:
    """Makes the edits with these names. Returns the marker words that they added."""
    words: set[str] = set()
    for name in names:
        path, pattern, new = EDITS[name]
        file = repo / path
        if "from .bridge" in new and not (repo / BACKEND / "bridge.py").exists():
            continue
        if not pattern:
            file.write_text(new, encoding="utf-8")
        elif file.exists():
            before = file.read_text(encoding="utf-8")
            text = re.sub(pattern, new, before, count=1, flags=re.DOTALL)
            file.write_text(text, encoding="utf-8")
            if text == before:
                continue
        else:
            continue
        words |= set(re.findall(r"owner\d+word", new))
    return words & set(re.findall(r"owner\d+word", "".join(texts(repo))))


def texts(repo: Path) -> list[str]:
    return [data.decode(errors="replace") for data, _ in owner.everything(repo).values()]


def fails(repo: Path, home: Path) -> str:
    """Imports all modules of the backend and runs its tests. If something fails, returns its output."""
    modules = sorted(path.stem for path in (repo / BACKEND).glob("*.py"))
    code = "; ".join(f"import competitor.backend.{module}" for module in modules)
    late = "import competitor.backend.late as late; late.late()" if (repo / BACKEND / "late.py").exists() else ""
    for command in (
        ["-c", code],
        ["-c", late],
        ["-m", "pytest", "-q", "-x", "-p", "no:asyncio", "tests/test_backend.py", "-k", "answer or tool"],
    ):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=repo,
            env=clean_environment(home),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            return done.stdout + done.stderr
    return ""
