"""Updates a repo on a new branch, and opens a pull request with the changes and the results of tests and check.

`competitor update --pull-request` runs this, by hand or in the weekly workflow `update.yml`. If the token of a workflow
opens a pull request, GitHub starts no CI for it. Therefore the tests and the check run here, before and after the
update, and the text of the pull request has their results.
"""

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from templates_variants.engine.update.git import environment, git, said
from templates_variants.engine.update.preconditions import Refused

COMMANDS = {"tests": ("test",), "check": ("check", "--here", "--quick")}
SECONDS = 1800  # for one of these
MAX_REASON = 300  # bytes of a refusal that are shown
MAX_BODY = 60_000  # characters; GitHub takes 65,536


def propose(project: Path, found: Mapping[str, Any], update: Callable[[], int]) -> int:
    """Runs `update` on a new branch, pushes it, and opens a pull request. `found` is the result of `outdated`.

    As in a workflow, GITHUB_API_URL has the address of the API, GITHUB_REPOSITORY the repository, and GITHUB_TOKEN the
    token. Without a token, the branch is not pushed, and the text is printed. Returns the exit code.
    """
    if not found["outdated"]:
        print(f"Up to date: janus-template {found['template']['newest']}.")
        return 0
    branch = f"janus-template-{found['template']['newest']}"
    base = _git(project, "rev-parse", "--abbrev-ref", "HEAD")
    if git(project, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}").returncode == 0:
        raise Refused(f"the branch {branch} already exists; merge it, or delete it (`git branch -D {branch}`)")
    if _git(project, "ls-remote", "--heads", "origin", branch):
        print(f"There is nothing to do: the branch {branch} was already pushed.")
        return 0
    before = results(project)
    _git(project, "switch", "--quiet", "--create", branch)
    try:
        code = update()
        if code not in (0, 1):
            return code
        locked = _competitor(project, "lock")
        _git(project, "add", "--all")
        _git(project, "commit", "--quiet", "--no-verify", "-m", title(found))
        text = body(found, before, results(project), locked)
        return _publish(project, base, branch, title(found), text, draft=bool(found["conflicts"]))
    finally:
        # Not by force: that would discard what the owner saved while the tests ran.
        if git(project, "switch", "--quiet", base).returncode:
            print(f"This repo is still on the branch {branch}: commit its changes, then switch back.", file=sys.stderr)


def title(found: Mapping[str, Any]) -> str:
    return f"Update janus-template from {found['template']['yours']} to {found['template']['newest']}"


def results(project: Path) -> dict[str, str]:
    """Runs `competitor test` and `competitor check`. Maps each name in COMMANDS to `passed` or to what failed."""
    return {name: _competitor(project, *command) for name, command in COMMANDS.items()}


def body(found: Mapping[str, Any], before: Mapping[str, str], after: Mapping[str, str], locked: str) -> str:
    """Returns the text of the pull request, in Markdown."""
    parts = []
    if found["contract_changes"]:
        parts += ["## What changes in the contract", found["contract_changes"]]
    if found["conflicts"]:
        listed = "\n".join(f"- `{path}`" for path in found["conflicts"])
        parts += ["## Conflicts", f"Resolve them between `<<<<<<<` and `>>>>>>>`:\n\n{listed}"]
    if found["by_hand"]:
        listed = "\n".join(f"- `{line}`" for line in found["by_hand"])
        parts += ["## Lines of yours to change", listed]
    if migrated := found["files"].get("migrated"):
        parts += ["## Your files that were adapted to the new API", "\n".join(f"- `{path}`" for path in migrated)]
    rows = "\n".join(f"| {name} | {before[name]} | {after[name]} |" for name in COMMANDS)
    parts += ["## Before and after", f"| | before | after |\n| --- | --- | --- |\n{rows}"]
    if locked != "passed":
        parts.append(f"`competitor lock` failed: {locked}. Run it, then commit the locks.")
    counts = ", ".join(f"{len(paths)} {deed}" for deed, paths in found["files"].items())
    parts += ["## Files", f"{counts}. `git diff` shows each."]
    return "\n\n".join(parts)[:MAX_BODY] + "\n"


def _competitor(project: Path, *command: str) -> str:
    """Runs a `competitor` command in the repo. Returns `passed`, or the last line that the command printed."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "competitor", *command],
            cwd=project,
            env=environment(),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not finished after {SECONDS} s"
    if done.returncode == 0:
        return "passed"
    last = (done.stdout.strip() or done.stderr.strip() or f"exit code {done.returncode}").splitlines()[-1]
    return f"failed: {re.sub(r'[|`<>]', ' ', last)[:200]}"


def _publish(project: Path, base: str, branch: str, name: str, text: str, *, draft: bool) -> int:
    token, repository = (os.environ.get(variable, "") for variable in ("GITHUB_TOKEN", "GITHUB_REPOSITORY"))
    if not (token and repository):
        print(f"{text}\nThe update is on the branch {branch}. Push it and open a pull request with this text.")
        return 0
    with tempfile.NamedTemporaryFile("w", suffix=".gitconfig", encoding="utf-8") as config:
        # In a file that only this user can read: arguments of a process can be read by others.
        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
        config.write(f'[http "{server}/"]\n\textraheader = AUTHORIZATION: basic {basic}\n')
        config.flush()
        _git(project, "-c", f"include.path={config.name}", "push", "--quiet", "origin", f"{branch}:{branch}")
    address = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    request = urllib.request.Request(  # noqa: S310 - the forge's address
        f"{address}/repos/{repository}/pulls",
        data=json.dumps({"title": name, "head": branch, "base": base, "body": text, "draft": draft}).encode(),
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
        },
        method="POST",
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310 # nosec B310 - as above
            opened = json.loads(response.read())
    except (OSError, ValueError) as error:
        reason = str(error)
        if isinstance(error, urllib.error.HTTPError):
            reason += f": {error.read(MAX_REASON).decode(errors='replace')}"
        print(f"The branch {branch} was pushed, but the pull request could not be opened: {reason}", file=sys.stderr)
        return 2
    print(f"Opened {opened.get('html_url', 'the pull request')}")
    return 0


def _git(project: Path, *arguments: str) -> str:
    done = git(project, *arguments)
    if done.returncode:
        raise Refused(f"`git {next(one for one in arguments if one[0] != '-')}` failed ({said(done)})")
    return done.stdout.decode(errors="replace").strip()
