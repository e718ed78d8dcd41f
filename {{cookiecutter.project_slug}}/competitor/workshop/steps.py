"""The steps of the workshop, and how each is checked.
Contract file: replaced by updates.

Nothing is remembered: each check looks again at what a step made.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..checks import CLAUSES, Failed, Target
from ..checks.judging import judge
from ..checks.starting import NotStarted, Starter
from ..cli.verify import changed_files
from ..core.offline.replies import reply
from ..submission import files, hosts
from ..submission.form import read
from .recording import Recording, recorded

STREAM, VERDICTS = "stream.txt", "check.json"
HELLO = "Hello!"
TOOL = "glossary"
CALL = f'Use {TOOL} for "gap".'
_ANSWERED = re.compile(r'^janus_requests_total\{[^}]*outcome="ok"[^}]*\} ([0-9.e+]+)$', re.MULTILINE)


class NotDone(Exception):
    """Says what is missing, and what to do."""


@dataclass
class Place:
    """Where the workshop is held: the repo, the server that its owner runs, and how a fresh one is started."""

    root: Path
    url: str
    serve: str

    def asked(self, prompt: str) -> Target:
        """A fresh server's target, which is asked by this prompt wherever a clause wants tools or artifacts."""
        if not hasattr(self, "_fresh"):
            self._starter = Starter(self.serve, None)
            try:
                self._fresh = self._starter.start({"JANUS_OFFLINE_WORDS_PER_SECOND": "1000"})
            except NotStarted as reason:
                raise NotDone(f"your server does not start: {reason}") from None
        return Target(self._fresh, {"events": prompt, "artifact": prompt})

    def close(self) -> None:
        if hasattr(self, "_starter"):
            self._starter.close()


@dataclass(frozen=True)
class Step:
    """`check` returns what was seen, or raises `NotDone`."""

    number: int
    title: str
    check: Callable[[Place], str]


def _bake(place: Place) -> str:
    try:
        changed = changed_files(place.root)
    except (OSError, ValueError, KeyError):
        raise NotDone("this folder was not baked from the template: it has no .janus/contract.json") from None
    if changed:
        path, what = next(iter(changed.items()))
        raise NotDone(f"{path} is {what}; what is yours stands in competitor/backend/")
    return "a whole repo, no contract file edited"


def _talk(place: Place) -> str:
    try:
        metrics = Target(place.url, timeout=5).get("/metrics").body.decode("utf-8", "replace")
    except Failed:
        if (place.root / STREAM).is_file():  # it ran, and may be stopped by now
            return f"it has talked: {STREAM} is here"
        raise NotDone(f"nothing runs at {place.url}; `python -m competitor run` in another terminal") from None
    count = sum(float(found) for found in _ANSWERED.findall(metrics))
    if not count:
        raise NotDone('it runs, but nobody has asked it; `python -m competitor ask "What is 17 * 23?"`')
    return f"it has answered {count:.0f} {'request' if count == 1 else 'requests'}"


def _read(place: Place) -> str:
    file = place.root / STREAM
    if not file.is_file():
        raise NotDone(f'there is no {STREAM}; `python -m competitor ask "What is 17 * 23?" --save {STREAM}`')
    recording = recorded(file.read_bytes())
    if recording.wrong:
        raise NotDone(f"{STREAM} {recording.wrong}; save it anew")
    return _told(recording)


def _told(recording: Recording) -> str:
    return f"{recording.chunks} chunks, {recording.tokens} tokens, {recording.finish_reason}, [DONE]"


def _change(place: Place) -> str:
    text = place.asked(HELLO).stream(HELLO).text
    models_own = "".join(reply({"model": "any", "messages": [{"role": "user", "content": HELLO}]}).content)
    if text.strip() == models_own.strip():
        raise NotDone("your competitor still says what the model says; edit competitor/backend/agent.py")
    return f"it says {text[:40].strip()!r} ..."


def _tool(place: Place) -> str:
    target = place.asked(CALL)
    calls = [delta["janus"] for _, delta in target.stream(CALL).deltas if isinstance(delta.get("janus"), dict)]
    ours = [call.get("payload", {}) for call in calls if call.get("event") == "tool_start"]
    ended = {call["payload"].get("id"): call["payload"] for call in calls if call.get("event") == "tool_end"}
    if not (ids := [call.get("id") for call in ours if call.get("name") == TOOL]):
        raise NotDone(f"asked to `{CALL}`, it calls no tool named {TOOL}; write one in competitor/backend/tools.py")
    if ended.get(ids[0], {}).get("status") != "ok":
        raise NotDone(f"{TOOL} failed: {str(ended.get(ids[0], {}).get('result'))[:120]}")
    _holds(target, "S17")
    return f"the model calls {TOOL}, which says {str(ended[ids[0]].get('result'))[:50]!r}"


def _artifact(place: Place) -> str:
    target = place.asked(CALL)
    items = [
        item
        for _, delta in target.stream(CALL).deltas
        if isinstance(delta.get("janus"), dict) and delta["janus"].get("event") == "artifacts"
        for item in delta["janus"]["payload"]["items"]
    ]
    if not items:
        raise NotDone(f"asked to `{CALL}`, it makes no artifact; let the tool save one by `artifacts.save`")
    _holds(target, "S18", "A1", "A2", "A3")
    return f"{items[0]['display_name']}, {items[0]['size_bytes']} bytes, and its hash fits"


def _holds(target: Target, *clauses: str) -> None:
    for each in clauses:
        verdict = judge(CLAUSES[each], target)
        if verdict.status == "fail":
            raise NotDone(f"the clause {each} does not hold: {verdict.reason}. {verdict.clause.remedy}")


def _pass(place: Place) -> str:
    file = place.root / VERDICTS
    how = f"`python -m competitor check --here --json {VERDICTS}`"
    if not file.is_file():
        raise NotDone(f"there is no {VERDICTS}; {how}")
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        broken = [each["id"] for each in told["verdicts"] if each["status"] == "fail" and each["severity"] == "must"]
        held = [each["id"] for each in told["verdicts"] if each["status"] == "pass"]
    except (ValueError, KeyError, TypeError):
        raise NotDone(f"{VERDICTS} is no record of a check; {how}") from None
    if broken or not held:
        raise NotDone(f"{', '.join(broken) or 'nothing'} holds not; mend it, then {how}")
    newest = max(each.stat().st_mtime for each in (place.root / "competitor" / "backend").rglob("*.py"))
    if newest > file.stat().st_mtime:
        raise NotDone(f"your backend is newer than {VERDICTS}; {how}")
    return f"{len(held)} clauses hold, none is broken"


def _package(place: Place) -> str:
    form, problems = read(place.root)
    if problems:
        more = f" (and {len(problems) - 1} more)" if problems[1:] else ""
        raise NotDone(f"{problems[0]}{more} `python -m competitor submission --quick` tells all")
    for finding in (*files.reviewed(place.root, form), hosts.reviewed(place.root)):
        if finding.status == "broken":
            raise NotDone(f"{finding.about}: {finding.said}; {finding.remedy}")
    return f"{form['name']} is ready for the form"


STEPS = tuple(
    Step(number, title, check)
    for number, (title, check) in enumerate(
        (
            ("Bake", _bake),
            ("Talk to it", _talk),
            ("Read the stream", _read),
            ("Change the agent", _change),
            ("Add a tool", _tool),
            ("Make an artifact", _artifact),
            ("Pass the check", _pass),
            ("Package it", _package),
        ),
        1,
    )
)
