"""The steps of the workshop, and the check of each.
Contract file: replaced by updates.

No state is stored: each check looks at the repo and its server.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..checks import CLAUSES, Failed, Target
from ..checks.clauses.artifacts import artifacts
from ..checks.judging import judge
from ..checks.starting import NotStarted, Starter
from ..cli.tasks import DEV_LOCK, LOCK, is_installed
from ..cli.verify import changed_files
from .recording import Recording, recorded

STREAM_FILE, VERDICTS_FILE = "stream.txt", "check.json"
HELLO = "Hello!"
TOOL = "glossary"
TOOL_PROMPT = f"{TOOL} gap"
_ANSWERED = re.compile(r'^janus_requests_total\{[^}]*outcome="ok"[^}]*\} ([0-9.e+]+)$', re.MULTILINE)


class NotDone(Exception):
    """A step is not done. The message says what is missing and what to do."""


@dataclass
class Workspace:
    """The things that the checks look at.

    `root` is the repo, `url` is the server that the participant runs, and `serve` is the command to start another one.
    """

    root: Path
    url: str
    serve: str

    def fresh_target(self, prompt: str) -> Target:
        """Starts a new server. Clauses about tools and artifacts use `prompt`. Raises `NotDone` if the start fails."""
        if not is_installed(LOCK):
            raise NotDone("the server's packages are not installed; start it once with `python -m competitor run`")
        if not hasattr(self, "_fresh_url"):
            self._starter = Starter(self.serve, None)
            try:
                self._fresh_url = self._starter.start({"JANUS_OFFLINE_WORDS_PER_SECOND": "1000"})
            except NotStarted as reason:
                raise NotDone(f"your server does not start: {reason}") from None
        return Target(self._fresh_url, {"events": prompt, "artifact": prompt})

    def close(self) -> None:
        if hasattr(self, "_starter"):
            self._starter.close()


@dataclass(frozen=True)
class Step:
    """A step. `check` returns a sentence about what is done, or raises `NotDone`."""

    number: int
    title: str
    check: Callable[[Workspace], str]
    optional: bool = False


def _bake(workspace: Workspace) -> str:
    try:
        changed = changed_files(workspace.root)
    except (OSError, ValueError, KeyError):
        raise NotDone("this folder was not generated from the template: it has no .janus/contract.json") from None
    if changed:
        path, what = next(iter(changed.items()))
        raise NotDone(f"{path} is {what}; your code belongs in competitor/backend/")
    return "no contract file is missing or edited"


def _talk(workspace: Workspace) -> str:
    try:
        metrics = Target(workspace.url, timeout=5).get("/metrics").body.decode("utf-8", "replace")
    except Failed:
        if (workspace.root / STREAM_FILE).is_file():  # the server has run, but may be stopped by now
            return f"it has answered: the file {STREAM_FILE} exists"
        missing = f"no server runs at {workspace.url}; start it with `python -m competitor run` in another terminal"
        raise NotDone(missing) from None
    count = sum(float(found) for found in _ANSWERED.findall(metrics))
    if not count:
        raise NotDone('the server runs, but has not been asked; run `python -m competitor ask "What is 17 * 23?"`')
    return f"it has answered {count:.0f} {'request' if count == 1 else 'requests'}"


def _read(workspace: Workspace) -> str:
    file = workspace.root / STREAM_FILE
    if not file.is_file():
        raise NotDone(f'no {STREAM_FILE} yet; run `python -m competitor ask "What is 17 * 23?" --save {STREAM_FILE}`')
    recording = recorded(file.read_bytes())
    if recording.wrong:
        raise NotDone(f"{STREAM_FILE} {recording.wrong}; save it again")
    return _summary(recording)


def _summary(recording: Recording) -> str:
    return f"{recording.chunks} chunks, {recording.tokens} tokens, {recording.finish_reason}, [DONE]"


def _change(workspace: Workspace) -> str:
    text = workspace.fresh_target(HELLO).stream(HELLO).text
    from ..core.offline.replies import reply  # now its packages are there

    unchanged = "".join(reply({"model": "any", "messages": [{"role": "user", "content": HELLO}]}).content)
    if text.strip() == unchanged.strip():
        raise NotDone("your competitor still sends only the model's text; add your own in competitor/backend/agent.py")
    return f"it says {text[:40].strip()!r} ..."


def _tool(workspace: Workspace) -> str:
    target = workspace.fresh_target(TOOL_PROMPT)
    calls = [event for event, _ in target.stream(TOOL_PROMPT).events]
    ours = [call.get("payload", {}) for call in calls if call.get("event") == "tool_start"]
    ended = {call["payload"].get("id"): call["payload"] for call in calls if call.get("event") == "tool_end"}
    if not (ids := [call.get("id") for call in ours if call.get("name") == TOOL]):
        raise NotDone(
            f"for the prompt `{TOOL_PROMPT}` it calls no tool named {TOOL}; write one in competitor/backend/tools.py"
        )
    if ended.get(ids[0], {}).get("status") != "ok":
        raise NotDone(f"{TOOL} failed: {str(ended.get(ids[0], {}).get('result'))[:120]}")
    _require_clauses(target, "S17")
    return f"the model calls {TOOL}, which returns {str(ended[ids[0]].get('result'))[:50]!r}"


def _artifact(workspace: Workspace) -> str:
    target = workspace.fresh_target(TOOL_PROMPT)
    items = artifacts(target.stream(TOOL_PROMPT))
    if not items:
        raise NotDone(
            f"your competitor makes no artifact for the prompt `{TOOL_PROMPT}`; "
            "let the tool save one with `artifacts.save`"
        )
    _require_clauses(target, "S18", "A1", "A2", "A3")
    return f"{items[0]['display_name']}, {items[0]['size_bytes']} bytes, and its hash is correct"


def _require_clauses(target: Target, *clauses: str) -> None:
    for verdict in (judge(case, target) for each in clauses for case in CLAUSES[each].cases):
        if verdict.status == "broken":
            raise NotDone(f"{verdict.case.id} does not hold: {verdict.reason}. {verdict.case.remedy}")


def _pass(workspace: Workspace) -> str:
    file = workspace.root / VERDICTS_FILE
    how = f'`python -m competitor check --here --json {VERDICTS_FILE} --prompt "artifact={TOOL_PROMPT}"`'
    if not file.is_file():
        raise NotDone(f"there is no {VERDICTS_FILE}; run {how}")
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        broken = [each["id"] for each in record["cases"] if each["status"] == "broken" and each["severity"] == "must"]
        held = [each["id"] for each in record["clauses"] if each["status"] == "holds"]
    except (ValueError, KeyError, TypeError):
        raise NotDone(f"{VERDICTS_FILE} is not the result of a check; run {how}") from None
    if broken or not held:
        problem = f"broken: {', '.join(broken)}" if broken else "no clause holds"
        raise NotDone(f"{problem}; fix your backend, then run {how}")
    newest = max(each.stat().st_mtime for each in (workspace.root / "competitor" / "backend").rglob("*.py"))
    if newest > file.stat().st_mtime:
        raise NotDone(f"your backend is newer than {VERDICTS_FILE}; run {how}")
    return f"{len(held)} clauses hold, none is broken"


def _package(workspace: Workspace) -> str:
    if not is_installed(DEV_LOCK):
        how = "`python -m competitor submission --quick` installs them"
        raise NotDone(f"the packages that read the form are not installed; {how}, and lists what is missing")
    from ..submission import files, hosts
    from ..submission.form import read

    form, problems = read(workspace.root)
    if problems:
        more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
        raise NotDone(f"{problems[0]}{more} `python -m competitor submission --quick` lists all problems")
    for finding in (*files.reviewed(workspace.root, form), hosts.reviewed(workspace.root)):
        if finding.status == "broken":
            raise NotDone(f"{finding.about}: {finding.said}; {finding.remedy}")
    return f"{form['name']} is ready to submit"


def _framework(workspace: Workspace) -> str:
    own = _backend_of(workspace.root)
    others = {
        folder.name: _backend_of(folder) for folder in workspace.root.resolve().parent.iterdir() if folder.is_dir()
    }
    for name, backend in sorted(others.items()):
        if backend not in ("", own):
            return f"{name} does with {backend} what this folder does with {own}"
    raise NotDone("beside this folder there is no competitor with another backend; bake one with another project_slug")


def _backend_of(folder: Path) -> str:
    """The backend of a generated repo; empty if this is none."""
    try:
        answers = json.loads((folder / ".janus" / "answers.json").read_text(encoding="utf-8"))
        return str(answers["default_context"]["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


_CHECKS = {
    "Bake": _bake,
    "Talk to it": _talk,
    "Read the stream": _read,
    "Change the agent": _change,
    "Add a tool": _tool,
    "Make an artifact": _artifact,
    "Pass the check": _pass,
    "Package it": _package,
}
STEPS = (
    *(Step(number, title, check) for number, (title, check) in enumerate(_CHECKS.items(), 1)),
    Step(len(_CHECKS) + 1, "Another framework", _framework, optional=True),
)
