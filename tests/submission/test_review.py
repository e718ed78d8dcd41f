"""Tests the reviewers' checklist on a repo that is ready to submit, and on copies with one mistake each."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from competitor.checks import CASES
from competitor.checks.judging import Verdict
from competitor.cli.verify import contract_digest, contract_files
from competitor.submission import running

from ..baking.baking import run
from ..template_path import contract_tests
from .forms import HOTKEY

measured_on_time = contract_tests("lateness").measured_on_time
AGENT = "competitor/backend/agent.py"


def submission(project: Path, *arguments: str, path: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "competitor", "submission", *arguments]
    environment = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}" if path else os.environ["PATH"]}
    return subprocess.run(
        command,
        cwd=project,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=environment,
        timeout=900,
        check=False,
    )


def review(project: Path) -> dict[str, dict[str, str]]:
    """Runs the quick check. Maps each item of the checklist to its finding."""
    told = json.loads(submission(project, "--quick", "--json").stdout)
    return {finding["about"]: finding for finding in told["review"]}


def replace(project: Path, path: str, old: str, new: str) -> None:
    text = (project / path).read_text(encoding="utf-8")
    assert old in text
    (project / path).write_text(text.replace(old, new, 1), encoding="utf-8")


def append(project: Path, path: str, text: str) -> None:
    with (project / path).open("a", encoding="utf-8") as file:
        file.write(text)


def test_for_a_ready_repo_the_command_says_so_and_writes_the_form(ready: Path) -> None:
    done = submission(ready, "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "BROKEN" not in done.stdout
    assert "Ready to submit." in done.stdout
    pasted = (ready / "submission-form.txt").read_text(encoding="utf-8")
    digest = contract_digest(contract_files(ready))
    contract = f"variant proxy, sha256:{digest}\nThe reviewer compares this digest with the release's"
    assert contract in done.stdout
    assert contract in pasted
    assert f"sha256:{digest}" in json.loads(submission(ready, "--quick", "--json").stdout)["contract"]
    for text in ("my-competitor", "ghcr.io/octo-org/my-competitor:0.1.0", HOTKEY, "MIT"):
        assert f"\n{text}\n" in pasted
    assert review(ready)["source"]["status"] == "ok"  # git ignores the file that the command writes


@pytest.mark.slow  # `make test-variants` runs it: it checks every clause, as tests/baking/test_check.py does
def test_a_complying_server_is_ok_and_the_image_is_ok_or_not_shown(ready: Path, tmp_path: Path) -> None:
    def reviewed() -> dict[str, Any]:
        done = submission(ready, "--json", "--form", str(tmp_path / "form.txt"))
        assert done.returncode == 0, done.stdout
        return dict(json.loads(done.stdout))

    told = measured_on_time(reviewed)
    by_name = {finding["about"]: finding for finding in told["review"]}
    assert told["ready"] is True
    assert told["text"] == (tmp_path / "form.txt").read_text(encoding="utf-8")
    assert by_name["endpoints"]["status"] == "ok"
    assert by_name["image"]["status"] in ("ok", "not shown")


def test_everything_that_a_new_generated_repo_lacks_is_reported_at_once(tmp_path: Path, home: Path) -> None:
    run("cookiecutter", str(Path(__file__).parents[2]), "--no-input", cwd=tmp_path, home=home)
    done = submission(tmp_path / "my-competitor", "--quick")
    assert done.returncode == 1
    for sentence in (
        "hotkey is missing;",
        "image still contains",
        "source still contains",
        "CHANGELOG.md has no section for 0.1.0",
    ):
        assert sentence in done.stdout
    assert not (tmp_path / "my-competitor" / "submission-form.txt").exists()


Change = Callable[[Path], object]
MISTAKES: dict[str, tuple[str, str, Change]] = {
    "an edited contract file": (
        "contract files",
        "competitor/core/chat.py is edited",
        lambda project: append(project, "competitor/core/chat.py", "\n"),
    ),
    "a missing contract file": (
        "contract files",
        "CONTRACT.md is missing",
        lambda project: (project / "CONTRACT.md").unlink(),
    ),
    "another licence": (
        "licence file",
        "LICENSE is MIT, but the form says Apache-2.0",
        lambda project: replace(project, "submission.yaml", 'license: "MIT"', 'license: "Apache-2.0"'),
    ),
    "no licence": ("licence file", "it is missing", lambda project: (project / "LICENSE").unlink()),
    "a text that is not a known licence": (
        "licence file",
        "not the text of a licence in the SPDX list",
        lambda project: (project / "LICENSE").write_text("All rights reserved.\n", encoding="utf-8"),
    ),
    "a dependency that is not locked": (
        "dependencies",
        "does not match the requirements",
        lambda project: append(project, "competitor/backend/requirements.in", "numpy>=2\n"),
    ),
    "a pin without a hash": (
        "dependencies",
        "six has no hash",
        lambda project: append(project, "requirements.txt", "six==1.17.0\n"),
    ),
    "two different versions": (
        "version",
        "tagged 0.1.0, but pyproject.toml says 0.2.0",
        lambda project: replace(project, "pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"'),
    ),
    "an image that is not pinned": (
        "version",
        "neither a tag nor a digest",
        lambda project: replace(project, "submission.yaml", "my-competitor:0.1.0", "my-competitor"),
    ),
    "a version that the changelog lacks": (
        "version",
        "CHANGELOG.md has no section for 0.1.0",
        lambda project: replace(project, "CHANGELOG.md", "[0.1.0]", "[Unreleased]"),
    ),
    "a README that does not say how to run it": (
        "README",
        "does not say how to run the competitor",
        lambda project: (project / "README.md").write_text("# Chemist\n", encoding="utf-8"),
    ),
    "no Dockerfile": ("Dockerfile", "there is no Dockerfile", lambda project: (project / "Dockerfile").unlink()),
    "a base image without a fixed version": (
        "Dockerfile",
        "is not pinned",
        lambda project: replace(project, "Dockerfile", "python:3.13.9-slim-trixie AS", "python:latest AS"),
    ),
    "a key in the image": (
        "Dockerfile",
        "JANUS_LLM_API_KEY",
        lambda project: replace(project, "Dockerfile", "WORKDIR", "ENV JANUS_LLM_API_KEY=abc\nWORKDIR"),
    ),
    "a host that is not listed, in the code": (
        "egress",
        "api.octo.org in competitor/backend/agent.py",
        lambda project: append(project, AGENT, '\nTEACHER = "https://api.octo.org/v1"\n'),
    ),
    "a host that is not listed, in the image": (
        "egress",
        "llm.octo.org in Dockerfile",
        lambda project: replace(project, "Dockerfile", "https://llm.chutes.ai", "https://llm.octo.org"),
    ),
    "a file that is not committed": (
        "source",
        "notes.txt is not committed",
        lambda project: append(project, "notes.txt", "x"),
    ),
}


@pytest.mark.parametrize(("about", "said", "change"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_makes_its_item_of_the_checklist_broken(ready: Path, about: str, said: str, change: Change) -> None:
    change(ready)
    finding = review(ready)[about]
    assert finding["status"] == "broken"
    assert said in finding["said"]
    assert finding["remedy"]


def test_a_hotkey_whose_secret_everybody_knows_gets_the_status_look(ready: Path) -> None:
    done = submission(ready, "--quick")
    assert "look    hotkey         everybody knows the secret of this one" in done.stdout
    assert "-> submit with a hotkey of yours" in done.stdout


def test_a_library_that_opens_connections_itself_gets_the_status_look(ready: Path) -> None:
    append(
        ready, AGENT, '\n\ndef more() -> None:\n    """See https://docs.octo.org/api."""\n    import httpx  # noqa\n'
    )
    finding = review(ready)["egress"]
    assert finding["status"] == "look"
    assert "agent.py imports httpx" in finding["said"]


def test_a_breach_of_the_contract_names_the_clause_and_the_remedy() -> None:
    verdicts: list[Verdict] = [Verdict(case, "holds") for case in CASES.values()]
    assert running.endpoints_finding(verdicts).status == "ok"
    verdicts[0] = Verdict(CASES["E1/1"], "broken", "it answered 404")
    finding = running.endpoints_finding(verdicts)
    assert finding.status == "broken"
    assert finding.said == "E1/1 (it answered 404)"
    assert CASES["E1/1"].remedy in finding.remedy


def test_for_a_server_that_does_not_start_the_finding_has_its_last_output() -> None:
    failing = f"{sys.executable} -c \"raise SystemExit('no brain today')\""
    finding = running.endpoints(failing, lambda verdict: None)
    assert finding.status == "broken"
    assert "no brain today" in finding.said


BUILDS = [
    ("Successfully built", 0, "ok", "builds it"),
    ("step 3 of 9 went wrong", 1, "broken", "step 3 of 9 went wrong"),
    ("failed to resolve: dial tcp: lookup of the registry", 1, "not shown", "could not fetch the base image"),
]


@pytest.mark.parametrize(("last_line", "code", "status", "said"), BUILDS, ids=[build[2] for build in BUILDS])
def test_the_builder_s_result_decides_the_finding_on_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_line: str, code: int, status: str, said: str
) -> None:
    builder = tmp_path / "docker"
    builder.write_text(f'#!/bin/sh\n[ "$1" = ps ] && exit 0\necho "{last_line}" >&2\nexit {code}\n')
    builder.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    finding = running.image(tmp_path)
    assert finding.status == status
    assert said in finding.said


def test_without_a_working_builder_the_image_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert running.image(tmp_path).status == "not shown"
