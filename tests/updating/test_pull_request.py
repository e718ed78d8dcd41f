"""Tests an update by pull request, with a bare repository as the remote and a stand-in for GitHub's API."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from templates_variants.engine.update import pull_request

from ..baking.baking import git, run
from ..once import once
from ..template_path import UNBAKED
from . import newer, owner
from .updating import recorded_template

BRANCH = f"janus-template-{newer.next_version()}"
MAIN = "competitor/__main__.py"
TOKEN = "ghs_a_secret_token"


class Forge:
    """Answers like GitHub's API, and keeps the requests."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.status = 201
        forge = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                forge.asked.append((self.path, self.headers["Authorization"], body))
                self.send_response(forge.status)
                self.end_headers()
                self.wfile.write(b'{"html_url": "https://forge.example/pull/1", "message": "Not allowed"}')

            def log_message(self, *_: object) -> None:
                """Prints nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def forge() -> Iterator[Forge]:
    made = Forge()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def quick(request: pytest.FixtureRequest, home: Path, template: Path) -> Path:
    """A repo whose commands `test`, `check` and `lock` do nothing, also after the update."""

    def make(folder: Path) -> None:
        changed = folder / "template.git"
        git("clone", "-q", str(template), str(changed), cwd=folder, home=home)
        for version in (newer.version(), newer.next_version()):
            git("checkout", "-q", f"v{version}", cwd=changed, home=home)
            replace_commands(changed / UNBAKED.name / MAIN, "    return 0\n")
            git("commit", "-qam", "quick", cwd=changed, home=home)
            git("tag", "-f", f"v{version}", cwd=changed, home=home)
        given = ("--checkout", f"v{newer.version()}", "--no-input", "-o", str(folder))
        run("cookiecutter", changed.as_uri(), *given, cwd=folder, home=home)
        owner.commit(folder / "my-competitor", home)

    return once(request, "quick-commands", make) / "my-competitor"


@pytest.fixture
def repo(quick: Path, home: Path, tmp_path: Path) -> Path:
    """A repo with a remote and a change by the owner. Its commands `test`, `check` and `lock` do nothing."""
    return with_remote(owner.copy(quick, tmp_path / "my-competitor"), home)


def replace_commands(main: Path, code: str) -> None:
    """Inserts `code` at the beginning of the functions for `test`, `lock` and `check` in this `__main__.py`."""
    text = main.read_text(encoding="utf-8")
    for name in ("_task", "_check"):
        head = f"def {name}(given: argparse.Namespace) -> int:\n"
        assert head in text
        text = text.replace(head, f"{head}{code}", 1)
    main.write_text(text, encoding="utf-8")


def with_remote(repo: Path, home: Path) -> Path:
    owner.add_line(repo / "competitor/backend/agent.py", "# An owner's line.")
    owner.commit(repo, home)
    remote = repo.with_name("remote.git")
    git("init", "-q", "--bare", str(remote), cwd=repo, home=home)
    git("remote", "add", "origin", str(remote), cwd=repo, home=home)
    git("push", "-q", "origin", "main", cwd=repo, home=home)
    return repo


def proposed(repo: Path, home: Path, forge: Forge, *options: str) -> "tuple[int, str]":
    named = {"GITHUB_API_URL": forge.url, "GITHUB_REPOSITORY": "octo/my-competitor", "GITHUB_TOKEN": TOKEN}
    given = ("competitor", "update", "--pull-request", *recorded_template(repo), *options)
    done = run(*given, cwd=repo, home=home, check=False, **named)
    return done.returncode, done.stdout + done.stderr


def test_the_update_is_pushed_on_a_branch_and_a_pull_request_says_what_it_does(
    repo: Path, forge: Forge, home: Path, tmp_path: Path
) -> None:
    before = git("rev-parse", "main", cwd=repo, home=home)
    code, said = proposed(repo, home, forge)
    assert code == 0, said
    assert "Opened https://forge.example/pull/1" in said
    assert TOKEN not in said
    ((path, authorization, body),) = forge.asked
    assert (path, authorization) == ("/repos/octo/my-competitor/pulls", f"Bearer {TOKEN}")
    assert (body["head"], body["base"], body["draft"]) == (BRANCH, "main", False)
    assert body["title"] == f"Update janus-template from {newer.version()} to {newer.next_version()}"
    assert newer.CONTRACT_BULLET in body["body"]
    assert "| tests | passed | passed |" in body["body"]

    assert git("rev-parse", "--abbrev-ref", "HEAD", cwd=repo, home=home).strip() == "main"
    assert git("rev-parse", "main", cwd=repo, home=home) == before
    assert git("status", "--porcelain", cwd=repo, home=home) == ""
    pushed = git("show", f"{BRANCH}:competitor/core/waves.py", cwd=tmp_path / "remote.git", home=home)
    assert pushed.startswith('"""Waves."""')
    agent = git("show", f"{BRANCH}:competitor/backend/agent.py", cwd=tmp_path / "remote.git", home=home)
    assert "# An owner's line." in agent

    git("branch", "-D", BRANCH, cwd=repo, home=home)
    code, said = proposed(repo, home, forge)
    assert (code, len(forge.asked)) == (0, 1), said
    assert "was already pushed" in said


@pytest.mark.slow
def test_conflicts_make_a_draft_that_names_them(repo: Path, forge: Forge, home: Path) -> None:
    makefile = repo / "Makefile"
    text = makefile.read_text(encoding="utf-8").replace("## build the container", "## build it my way")
    makefile.write_text(text, encoding="utf-8")
    owner.commit(repo, home)
    code, said = proposed(repo, home, forge)
    assert code == 0, said
    ((_, _, body),) = forge.asked
    assert body["draft"]
    assert "## Conflicts" in body["body"]
    assert "- `Makefile`" in body["body"]


@pytest.mark.slow
def test_a_refused_pull_request_leaves_the_branch_and_says_why(repo: Path, forge: Forge, home: Path) -> None:
    forge.status = 403
    code, said = proposed(repo, home, forge)
    assert code == 2
    assert f"The branch {BRANCH} was pushed, but the pull request could not be opened" in said
    assert "Not allowed" in said


@pytest.mark.slow
def test_without_a_token_the_text_is_printed(repo: Path, home: Path) -> None:
    done = run("competitor", "update", "--pull-request", *recorded_template(repo), cwd=repo, home=home, check=False)
    assert done.returncode == 0, done.stderr
    assert f"The update is on the branch {BRANCH}." in done.stdout
    assert newer.CONTRACT_BULLET in done.stdout


@pytest.mark.slow
def test_uncommitted_changes_are_refused(repo: Path, forge: Forge, home: Path) -> None:
    owner.add_line(repo / "README.md", "Not committed.")
    code, said = proposed(repo, home, forge)
    assert code == 2
    assert "there are uncommitted changes (README.md)" in said
    assert forge.asked == []


def test_the_text_names_what_failed_and_what_is_to_do() -> None:
    found = {
        "template": {"yours": "0.2.0", "newest": "0.3.0"},
        "contract_changes": "",
        "conflicts": [],
        "by_hand": ["competitor/backend/agent.py:3: x -> y"],
        "files": {"replaced": ["a"], "migrated": ["competitor/backend/agent.py"]},
    }
    before, after = {"tests": "passed", "check": "passed"}, {"tests": "failed: 1 failed", "check": "passed"}
    text = pull_request.body(found, before, after, "failed: no network")
    for line in (
        "| tests | passed | failed: 1 failed |",
        "- `competitor/backend/agent.py:3: x -> y`",
        "- `competitor/backend/agent.py`",
        "`competitor lock` failed: failed: no network. Run it, then commit the locks.",
        "1 replaced, 1 migrated. `git diff` shows each.",
    ):
        assert line in text


@pytest.mark.slow
def test_what_the_owner_saves_meanwhile_is_kept(repo: Path, forge: Forge, home: Path) -> None:
    """If a file is saved during the checks that precede the update, the update is refused, and the file stays."""
    replace_commands(repo / MAIN, "    (ROOT / 'Makefile').write_text('mine')\n    return 0\n")
    owner.commit(repo, home)
    code, said = proposed(repo, home, forge, "--replace-edited")
    assert (repo / "Makefile").read_text(encoding="utf-8") == "mine", said
    assert code == 2


@pytest.mark.slow
def test_the_tests_and_the_check_of_both_versions_are_run(
    untouched: Path, forge: Forge, home: Path, tmp_path: Path
) -> None:
    """Runs the real commands `test`, `check` and `lock`. One of the owner's tests fails before and after the update."""
    repo = with_remote(owner.copy(untouched, tmp_path / "my-competitor"), home)
    (repo / "tests/test_mine.py").write_text("def test_mine() -> None:\n    assert 1 == 2\n", encoding="utf-8")
    owner.commit(repo, home)
    code, said = proposed(repo, home, forge)
    assert code == 0, said
    ((_, _, body),) = forge.asked
    rows = [line for line in body["body"].splitlines() if line.startswith(("| tests |", "| check |"))]
    assert rows[0].count("1 failed") == 2, rows
    assert rows[1] == "| check | passed | passed |"
