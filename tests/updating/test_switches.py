"""Tests a switch from each backend to each other one. `make test` samples the pairs, `make test-update` runs all."""

from itertools import permutations
from pathlib import Path

import pytest

from ..baking.baking import VARIANTS, run
from ..once import once
from . import newer, owner
from .updating import contract_files, update

# From a framework to one on the same adapter, and to a backend without one.
SAMPLED = [("langchain", "langgraph"), ("openai-agents", "tools")]
PAIRS = [
    pytest.param(*pair, marks=() if pair in SAMPLED else pytest.mark.slow) for pair in permutations(sorted(VARIANTS), 2)
]


def made(request: pytest.FixtureRequest, template: Path, home: Path, version: str, backend: str) -> Path:
    """A repo of this version and backend, made once. Tests copy it."""

    def bake(folder: Path) -> None:
        given = ("--checkout", f"v{version}", "--no-input", f"backend={backend}", "-o", str(folder))
        run("cookiecutter", template.as_uri(), *given, cwd=folder, home=home)
        owner.commit(folder / "my-competitor", home)

    return once(request, f"switch-{version}-{backend}", bake) / "my-competitor"


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_after_a_switch_a_repo_has_the_files_of_the_new_backend_and_keeps_the_old_one(
    before: str, after: str, request: pytest.FixtureRequest, template: Path, home: Path, tmp_path: Path
) -> None:
    repo = owner.copy(made(request, template, home, newer.version(), before), tmp_path / "my-competitor")
    owner.add_line(repo / "competitor/backend/agent.py", owner.AGENT_LINE)
    owner.commit(repo, home)
    done = update(repo, home, "--answer", f"backend={after}")
    assert done.returncode == 0, done.stdout + done.stderr

    fresh = made(request, template, home, newer.next_version(), after)
    assert contract_files(repo) == contract_files(fresh)
    for folder in ("competitor/adapters", "competitor/backend"):
        assert files(repo / folder) == files(fresh / folder)
    for lock in ("requirements.txt", "requirements-dev.txt"):
        assert (repo / lock).read_bytes() == (fresh / lock).read_bytes()
    kept = repo / "backend_old" / "competitor" / "backend"
    assert owner.AGENT_LINE in (kept / "agent.py").read_text(encoding="utf-8")
    said = [run("competitor", "verify", cwd=each, home=home, check=False).stdout for each in (repo, fresh)]
    assert said[0] == said[1]


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}
