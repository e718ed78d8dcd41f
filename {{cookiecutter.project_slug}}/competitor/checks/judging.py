"""Runs the checks. The verdict on each clause is `pass`, `fail` with a reason, or `not shown` with a reason.
Contract file: replaced by updates.

Whatever a server sends, the result is a verdict, never an exception.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Literal

from .registry import CLAUSES, Clause
from .target import Failed, NotShown, Reply, Stream, Target

Status = Literal["pass", "fail", "not shown"]
# The only clauses that are checked if the server does not answer a simple question.
BASIC = ("E1", "E2")
CONCURRENT_CHECKS = 16  # checks mostly wait for the server


@dataclass(frozen=True)
class Verdict:
    """The result of one check.

    `reason` is empty if the clause holds. `seconds` is how long the check took. `servers` names the servers on
    which the clause could be checked.
    """

    clause: Clause
    status: Status
    reason: str = ""
    seconds: float = 0.0
    servers: tuple[str, ...] = ()

    @property
    def breaks(self) -> bool:
        """Whether this verdict means that the competitor does not comply with the contract."""
        return self.status == "fail" and self.clause.severity == "must"


def judge(clause: Clause, target: Target) -> Verdict:
    """Checks one clause on one server and returns the verdict."""
    began = time.monotonic()
    status: Status = "pass"
    reason = ""
    try:
        clause.check(target)
    except NotShown as not_shown:
        status, reason = "not shown", str(not_shown)
    except Failed as failure:
        status, reason = "fail", str(failure)
    except Exception as error:  # noqa: BLE001 - a server may send anything
        status, reason = "fail", f"the response has an unexpected format ({type(error).__name__}: {error})"[:300]
    shown = () if status == "not shown" else (target.name,)
    return Verdict(clause, status, reason, time.monotonic() - began, shown)


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """Combines the verdicts of several servers: `fail` if one failed, or else `pass` if one passed."""
    seconds = sum(verdict.seconds for verdict in verdicts)
    for status in ("fail", "pass", "not shown"):
        same = [verdict for verdict in verdicts if verdict.status == status]
        if same:
            reasons = dict.fromkeys(f"{_where(verdict)}{verdict.reason}" for verdict in same if verdict.reason)
            servers = tuple(name for verdict in same for name in verdict.servers)
            return Verdict(same[0].clause, same[0].status, "; ".join(reasons), seconds, servers)
    raise ValueError("there is no verdict to combine")


def _where(verdict: Verdict) -> str:
    return f"{verdict.servers[0]}: " if verdict.servers and verdict.servers[0] else ""


def judge_all(
    targets: Sequence[Target],
    clauses: Iterable[str] = CLAUSES,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """Checks the clauses on all servers. Returns the combined verdicts in the order of the clauses.

    Checks run concurrently, except those that need a server for themselves. `on_verdict` is called with the verdict
    on a clause when all servers have been checked for it.
    """
    wanted = [CLAUSES[each] for each in clauses]
    found: dict[str, list[Verdict]] = {clause.id: [] for clause in wanted}

    def settle(verdict: Verdict) -> None:
        found[verdict.clause.id].append(verdict)
        if len(found[verdict.clause.id]) == len(targets):
            on_verdict(combined(found[verdict.clause.id]))

    with ThreadPoolExecutor(CONCURRENT_CHECKS) as pool:
        pairs = [(clause, target) for clause in wanted for target in targets]
        running = [pool.submit(judge, *pair) for pair in pairs if not _needs_server_for_itself(*pair)]
        for done in as_completed(running):
            settle(done.result())
        others = [pool.submit(_judge_in_turn, wanted, target) for target in targets]
        for finished in as_completed(others):
            for verdict in finished.result():
                settle(verdict)
    return [combined(found[clause.id]) for clause in wanted]


def _needs_server_for_itself(clause: Clause, target: Target) -> bool:
    return clause.exclusive and target.upstream is not None


def _judge_in_turn(clauses: Sequence[Clause], target: Target) -> list[Verdict]:
    return [judge(clause, target) for clause in clauses if _needs_server_for_itself(clause, target)]


def judge_if_answering(
    targets: Sequence[Target],
    clauses: Sequence[str] = tuple(CLAUSES),
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
) -> list[Verdict]:
    """Like `judge_all`, but checks only E1 and E2 if the first server does not answer a simple question.

    E1 and E2 then say what is wrong with the server; all other verdicts are `not shown`.
    """
    if not (reason := why_unanswered(targets[0])):
        return judge_all(targets, clauses, on_verdict)
    basic = judge_all(targets[:1], [each for each in clauses if each in BASIC])
    verdicts = {verdict.clause.id: verdict for verdict in basic}
    why = f"the server does not answer a simple question: {reason}"
    return [verdicts.get(each) or Verdict(CLAUSES[each], "not shown", why) for each in clauses]


def why_unanswered(target: Target) -> str:
    """Returns why this server does not answer a simple question; an empty string if it does, streamed or not."""
    with ThreadPoolExecutor(2) as pool:
        reasons = list(pool.map(_unanswered, (target.ask, target.stream)))
    return "" if "" in reasons else "; ".join(dict.fromkeys(reasons))


def _unanswered(ask: Callable[[], Reply | Stream]) -> str:
    try:
        reply = ask()
    except (Failed, NotShown) as reason:
        return str(reason)
    if reply.status != 200:
        return f"a simple question got the status {reply.status}"
    kind = reply.headers.get("content-type", "")
    expected = "json" in kind or "event-stream" in kind
    return "" if expected else f"a simple question got the content type {kind[:60] or '(none)'}"
