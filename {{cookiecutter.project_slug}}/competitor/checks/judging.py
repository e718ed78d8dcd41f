"""Runs checks and says of each clause: it holds, it does not and why, or it cannot be shown here and why.
Contract file: replaced by updates.

Whatever a server sends, a verdict comes of it, never an exception.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Literal

from .registry import CLAUSES, Clause
from .target import Failed, NotShown, Reply, Stream, Target

Status = Literal["pass", "fail", "not shown"]
# Where no plain question is answered, these say why, and the others have nothing to look at.
FIRST = ("E1", "E2")
SIDE_BY_SIDE = 16  # checks wait for the server nearly all of their time


@dataclass(frozen=True)
class Verdict:
    """What came of a clause. `said` is the reason, empty for a clause that holds; `shown_by` names the servers."""

    clause: Clause
    status: Status
    said: str = ""
    seconds: float = 0.0
    shown_by: tuple[str, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether a competitor with this verdict is not compliant."""
        return self.status == "fail" and self.clause.severity == "must"


def judge(clause: Clause, target: Target) -> Verdict:
    """One clause on one server."""
    began = time.monotonic()
    status: Status = "pass"
    said = ""
    try:
        clause.check(target)
    except NotShown as reason:
        status, said = "not shown", str(reason)
    except Failed as failure:
        status, said = "fail", str(failure)
    except Exception as error:  # noqa: BLE001 - a server may send any shape, and no check foresees them all
        status, said = "fail", f"what came has a shape that could not be read ({type(error).__name__}: {error})"[:300]
    shown = () if status == "not shown" else (target.name,)
    return Verdict(clause, status, said, time.monotonic() - began, shown)


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict of several servers': a failure anywhere counts; else that it was shown to hold anywhere."""
    seconds = sum(verdict.seconds for verdict in verdicts)
    for status in ("fail", "pass", "not shown"):
        of_it = [verdict for verdict in verdicts if verdict.status == status]
        if of_it:
            said = "; ".join(dict.fromkeys(f"{_where(verdict)}{verdict.said}" for verdict in of_it if verdict.said))
            shown = tuple(name for verdict in of_it for name in verdict.shown_by)
            return Verdict(of_it[0].clause, of_it[0].status, said, seconds, shown)
    raise ValueError("no verdict at all")


def _where(verdict: Verdict) -> str:
    return f"{verdict.shown_by[0]}: " if verdict.shown_by and verdict.shown_by[0] else ""


def judge_all(
    targets: Sequence[Target],
    clauses: Iterable[str] = CLAUSES,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """Every clause on every server, side by side where they do not disturb each other; in the catalogue's order."""
    wanted = [CLAUSES[each] for each in clauses]
    found: dict[str, list[Verdict]] = {clause.id: [] for clause in wanted}

    def settle(verdict: Verdict) -> None:
        found[verdict.clause.id].append(verdict)
        if len(found[verdict.clause.id]) == len(targets):
            on_verdict(together(found[verdict.clause.id]))

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        pairs = [(clause, target) for clause in wanted for target in targets]
        running = [pool.submit(judge, *pair) for pair in pairs if not _counts(*pair)]
        for done in as_completed(running):
            settle(done.result())
        lanes = [
            pool.submit(_in_turn, [each for each in wanted if _counts(each, target)], target) for target in targets
        ]
        for lane in as_completed(lanes):
            for verdict in lane.result():
                settle(verdict)
    return [together(found[clause.id]) for clause in wanted]


def _counts(clause: Clause, target: Target) -> bool:
    return clause.exclusive and target.upstream is not None


def _in_turn(clauses: Sequence[Clause], target: Target) -> list[Verdict]:
    return [judge(clause, target) for clause in clauses]


def judge_any(
    targets: Sequence[Target],
    clauses: Sequence[str] = tuple(CLAUSES),
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """As `judge_all`; but where no plain question is answered, only E1 and E2 are judged, for they say why."""
    if not (reason := gate(targets[0])):
        return judge_all(targets, clauses, on_verdict)
    verdicts = {
        verdict.clause.id: verdict for verdict in judge_all(targets[:1], [each for each in clauses if each in FIRST])
    }
    why = f"it answers no plain question: {reason}"
    return [verdicts.get(each) or Verdict(CLAUSES[each], "not shown", why) for each in clauses]


def gate(target: Target) -> str:
    """Why there is no sense in asking this server more; empty when it answers a plain question in either mode."""
    with ThreadPoolExecutor(2) as pool:
        reasons = list(pool.map(_unanswered, (target.ask, target.stream)))
    return "" if "" in reasons else "; ".join(dict.fromkeys(reasons))


def _unanswered(ask: Callable[[], Reply | Stream]) -> str:
    try:
        reply = ask()
    except (Failed, NotShown) as reason:
        return str(reason)
    if reply.status != 200:
        return f"a plain question got the status {reply.status}"
    text = reply.headers.get("content-type", "")
    return "" if "json" in text or "event-stream" in text else f"a plain question got {text[:60] or 'no content type'}"
