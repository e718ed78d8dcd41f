"""`competitor submission`: checks whether the repo is ready to submit, and shows what a reviewer will see.
Contract file: replaced by updates.

Exit code 0: nothing is wrong. 1: something is wrong; the output lists all problems, and how to fix each.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..checks.report.terminal import progress, say
from ..checks.requirements import default_version, required
from . import files, hosts, running
from .addresses import PUBLIC_HOTKEYS
from .fields import RULES, Problem
from .finding import Finding
from .form import COMPARED, FILE, paste, read

_MARKS = {"ok": "ok", "broken": "BROKEN", "look": "look", "not shown": "-"}
# Items that cannot be checked automatically.
BY_HAND = (
    Finding("name", "look", "only the arena knows whether another competitor already has this name"),
    Finding("pull", "look", "the image must be public: try `docker pull` on a machine that is not logged in"),
    Finding("intent", "look", "a person looks for malicious code and for cheating"),
)


def submission(given: argparse.Namespace, root: Path, serve: str) -> int:
    """Runs the command with its parsed arguments; `serve` starts the server. Returns the exit code."""
    form, problems = read(root)
    findings = [*files.reviewed(root, form), hosts.reviewed(root)]
    if not given.quick:
        with progress(len(required(default_version()))) as advance:
            findings.append(running.endpoints(serve, advance))
        findings.append(running.image(root))
    if form.get("hotkey") in PUBLIC_HOTKEYS:
        findings.append(
            Finding("hotkey", "look", "everybody knows the secret of this one", "submit with a hotkey of yours")
        )
    findings += BY_HAND
    ready = not problems and not any(finding.status == "broken" for finding in findings)
    contract = files.contract(root)
    text = paste(form, contract) if not problems else ""
    if given.json:
        say(as_json(form, problems, findings, text, contract, ready=ready) + "\n")
    else:
        say(shown(form, problems, findings, contract))
        say(_ending(problems, findings, given.form if text else None, quick=given.quick))
    if text:
        given.form.write_text(text, encoding="utf-8")
    return 0 if ready else 1


def shown(form: Mapping[str, object], problems: Sequence[Problem], findings: Sequence[Finding], contract: str) -> str:
    """The output for a reviewer: the form, the checklist, and the digest of the contract files."""
    wrong: dict[str, str] = {problem.field: str(problem) for problem in problems}
    lines = [f"What a reviewer sees of {FILE}:"]
    if FILE in wrong:
        lines.append(f"  BROKEN  {wrong[FILE]}")
    else:
        for name in [*RULES, *(name for name in wrong if name not in RULES)]:
            mark = "BROKEN" if name in wrong else "ok" if form.get(name) else "-"
            lines.append(f"  {mark:<7} {name:<12} {_cut(form.get(name))}".rstrip())
            lines += [f"{' ' * 23}-> {wrong[name]}"] if name in wrong else []
    lines += ["", "What a reviewer looks at:"]
    for finding in findings:
        lines.append(f"  {_MARKS[finding.status]:<7} {finding.about:<14} {finding.said}")
        lines += [f"{' ' * 25}-> {finding.remedy}"] if finding.remedy and finding.status != "ok" else []
    if contract:
        lines += ["", f"Contract files: {contract}", COMPARED]
    return "\n".join(lines) + "\n"


def _ending(problems: Sequence[Problem], findings: Sequence[Finding], text: Path | None, *, quick: bool) -> str:
    count = len(problems) + sum(finding.status == "broken" for finding in findings)
    left = " The server and the image were not checked (--quick)." if quick else ""
    pasted = f" The form's text is in {text.name}, ready to paste." if text else ""
    if count:
        return f"\nFix {count} {'problem' if count == 1 else 'problems'} before you submit.{left}{pasted}\n"
    return f"\nReady to submit.{left}{pasted}\n"


def as_json(
    form: Mapping[str, object],
    problems: Sequence[Problem],
    findings: Sequence[Finding],
    text: str,
    contract: str,
    *,
    ready: bool,
) -> str:
    return json.dumps(
        {
            "ready": ready,
            "form": {str(name): value if isinstance(value, str) else str(value) for name, value in form.items()},
            "problems": [{"field": problem.field, "said": str(problem)} for problem in problems],
            "review": [vars(finding) for finding in findings],
            "contract": contract,
            "text": text,
        },
        indent=2,
    )


def _cut(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= 90 else f"{text[:87]}..."
