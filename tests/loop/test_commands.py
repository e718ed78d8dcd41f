"""Tests the short commands of the loop: only the owner's tests, and format."""

import shutil
import subprocess
import sys
from pathlib import Path

AGENT = "competitor/backend/agent.py"


def competitor(repo: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "competitor", *arguments]
    return subprocess.run(command, cwd=repo, capture_output=True, text=True, timeout=240, check=False)


def test_test_mine_runs_only_the_owner_s_tests(baked: Path, tmp_path: Path) -> None:
    repo = Path(shutil.copytree(baked, tmp_path / "repo"))
    listed = competitor(repo, "test-mine", "--collect-only", "-p", "no:cacheprovider")
    assert listed.returncode == 0, listed.stdout
    tests = [line for line in listed.stdout.splitlines() if "::" in line or "<Function" in line or ".py: " in line]
    assert tests
    assert not any("contract" in line for line in tests)
    assert competitor(repo, "test-mine", "-p", "no:cacheprovider").returncode == 0


def test_fix_formats_and_corrects_what_is_safe(baked: Path, tmp_path: Path) -> None:
    repo = Path(shutil.copytree(baked, tmp_path / "repo"))
    before = (repo / AGENT).read_text(encoding="utf-8")
    (repo / AGENT).write_text(
        "import os\n" + before.replace("    messages = chat.messages\n", "    messages=chat.messages\n"),
        encoding="utf-8",
    )
    done = competitor(repo, "fix")
    assert done.returncode == 0, done.stdout + done.stderr
    after = (repo / AGENT).read_text(encoding="utf-8")
    assert "import os" not in after
    assert "messages = chat.messages" in after
