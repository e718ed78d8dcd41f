"""Runs the cases. The verdict on each is `holds`, `broken`, `not shown` or `fault`, with a reason and the evidence.
Contract file: replaced by updates.

Whatever a server sends, the result is a verdict, never an exception. `fault` is a defect of the case itself.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, is_dataclass, replace
from typing import Literal

from .lateness import Lateness
from .recording import Response, recording
from .registry import CASES, Case, Clause
from .responses import Elsewhere, Failed, Late, NotShown, Reply, Stream, Unanswered, Untimed
from .target import Target

Status = Literal["holds", "broken", "not shown", "fault"]
# The only clauses that are judged if the server does not answer a simple question.
BASIC = ("E1", "E2")
CONCURRENT_CASES = 16  # cases mostly wait for the server
MAX_EVIDENCE = 2  # responses that a verdict keeps
# After a first failure, a case looks for others, but not for long.
MAX_FAILURES, MAX_SECONDS_PER_FAILURE = 6, 1.0
MAX_LOOKED_AT = 2_000  # characters
# A `timed` case may be broken because this machine was late for longer than this.
WAIT_SECONDS = 0.2
LATE = "this machine was late"  # how the reason of a verdict begins that is withheld
NOTHING_SEEN = "there was nothing to look at"


@dataclass(frozen=True)
class Verdict:
    """The result of one case.

    `reason` is empty if the case holds. `seen` is how many things the case looked at. `evidence` are responses that it
    looked at: those that break the rule, or else the first ones. `looked_at` is what breaks the rule, as text, if that
    is no response, such as what an upstream has received. `began` and `ended` are times of `time.monotonic`.
    `servers` names the servers on which the case could be judged. `over` is set if the case is broken by a time: if
    this machine was late for longer than so many seconds, its lateness may be the reason.
    """

    case: Case
    status: Status
    reason: str = ""
    began: float = 0.0
    ended: float = 0.0
    servers: tuple[str, ...] = ()
    seen: int = 0
    evidence: tuple[Response, ...] = ()
    looked_at: str = ""
    over: float | None = None

    @property
    def seconds(self) -> float:
        """How long the case took."""
        return self.ended - self.began

    @property
    def breaks(self) -> bool:
        """Whether this verdict means that the competitor does not comply with the contract."""
        return self.status == "broken" and self.case.severity == "must"


@dataclass(frozen=True)
class Heading:
    """A clause with the verdicts on its cases.

    It is `broken` if a case is, or else a `fault` if a case has one, or else `holds` if a case holds.
    """

    clause: Clause
    verdicts: tuple[Verdict, ...]

    @property
    def status(self) -> Status:
        found = {verdict.status for verdict in self.verdicts}
        order: tuple[Status, ...] = ("broken", "fault", "holds", "not shown")
        return next((status for status in order if status in found), "not shown")

    @property
    def breaks(self) -> bool:
        return any(verdict.breaks for verdict in self.verdicts)

    def having(self, status: Status) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.status == status]


def by_clause(verdicts: Iterable[Verdict]) -> list[Heading]:
    """Groups verdicts by their clauses, in the order in which the clauses occur."""
    groups: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        groups.setdefault(verdict.case.clause.id, []).append(verdict)
    return [Heading(group[0].case.clause, tuple(group)) for group in groups.values()]


@dataclass(frozen=True)
class _Failure:
    """One thing that breaks a rule: a few words about it, what was observed, and the responses that show it.

    It does not keep the exception, which would keep connections open.
    """

    what: str
    said: str
    over: float | None
    evidence: Sequence[Response]
    looked_at: str = ""

    @property
    def sentence(self) -> str:
        return f"{self.what}: {self.said}" if self.what else self.said


def judge(case: Case, target: Target) -> Verdict:
    """Judges one case on one server."""
    began = time.monotonic()
    status: Status = "holds"
    reason, elsewhere = "", NOTHING_SEEN
    seen = mark = 0
    broken: list[_Failure] = []
    with recording() as record:
        try:
            last = began
            for what, each in case.source(target):
                try:
                    case.check(each)
                    seen += 1
                except Elsewhere as other:
                    elsewhere = str(other)
                except Failed as failure:
                    shown = _responses_in(each)
                    over, text = _time_that_broke(case, failure), "" if shown else _as_text(each)
                    broken.append(_Failure(what, str(failure), over, shown or record[mark:], text))
                    slow = time.monotonic() - last > MAX_SECONDS_PER_FAILURE
                    if not what or slow or len(broken) == MAX_FAILURES:
                        break
                mark, last = len(record), time.monotonic()
            if not seen:
                status, reason = "not shown", elsewhere
        except NotShown as not_shown:
            status, reason = "not shown", str(not_shown)
        except Failed as failure:
            broken.append(_Failure("", str(failure), _time_that_broke(case, failure), record[mark:]))
        except Exception as error:  # noqa: BLE001 - one case must not end the run
            status, reason = "fault", f"this check has a fault ({type(error).__name__}: {error})"[:300]
            broken = []
    ended = time.monotonic()
    if not broken:
        servers = () if status == "not shown" else (target.name,)
        return Verdict(case, status, reason, began, ended, servers, seen, tuple(record[:MAX_EVIDENCE]))
    first = min(broken, key=lambda each: each.over is not None)  # one that no lateness explains, if there is one
    others = ", ".join(each.what for each in broken if each is not first and each.what)
    reason = f"{first.sentence}; also broken: {others}" if others else first.sentence
    evidence = tuple(first.evidence[-MAX_EVIDENCE:])
    verdict = Verdict(case, "broken", reason, began, ended, (target.name,), seen, evidence)
    return replace(verdict, looked_at=first.looked_at, over=first.over)


def _time_that_broke(case: Case, failure: Failed) -> float | None:
    """For how long this machine may have been late without being the reason; None if it cannot be the reason."""
    if isinstance(failure, Late):
        return failure.over
    return WAIT_SECONDS if case.timed and not isinstance(failure, Untimed) else None


def _responses_in(looked_at: object) -> list[Response]:
    """The responses that a case has looked at: the object itself, or those in its fields."""
    if isinstance(looked_at, Stream | Reply | Unanswered):
        return [looked_at]
    inner: Iterable[object] = vars(looked_at).values() if is_dataclass(looked_at) else ()
    if isinstance(looked_at, list | tuple):
        inner = looked_at
    return [each for each in inner if isinstance(each, Stream | Reply | Unanswered)]


def _as_text(looked_at: object) -> str:
    """What a case has looked at, as text. Of objects inside it, such as a server, only the type is named."""
    shown = vars(looked_at) if is_dataclass(looked_at) else looked_at
    try:
        text = json.dumps(shown, default=lambda value: type(value).__name__, ensure_ascii=False, indent=1)
    except (TypeError, ValueError, RecursionError):
        return ""
    # Only whole lines are kept: of half a secret, a report would not know that it is one.
    return text if len(text) <= MAX_LOOKED_AT else f"{text[:MAX_LOOKED_AT].rpartition(chr(10))[0]}\n ..."


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """Combines the verdicts of several servers: `broken` if it is so on one, or else `fault`, or else `holds`."""
    began, ended = min(verdict.began for verdict in verdicts), max(verdict.ended for verdict in verdicts)
    seen = sum(verdict.seen for verdict in verdicts)
    for status in ("broken", "fault", "holds", "not shown"):
        same = [verdict for verdict in verdicts if verdict.status == status]
        if same:
            servers = tuple(name for verdict in same for name in verdict.servers)
            return replace(
                same[0], reason=_reasons(same), began=began, ended=ended, servers=servers, seen=seen, over=None
            )
    raise ValueError("there is no verdict to combine")


def _reasons(verdicts: Sequence[Verdict]) -> str:
    """The different reasons of these verdicts, each after the servers for which it was given."""
    found: dict[str, list[str]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.reason, []).extend(filter(None, verdict.servers))
    parts = [f"{' and '.join(names)}: {reason}" if names else reason for reason, names in found.items() if reason]
    return "; ".join(parts)


def judge_all(
    targets: Sequence[Target],
    cases: Sequence[Case] | None = None,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
    lateness: Lateness | None = None,
) -> list[Verdict]:
    """Judges the cases (all of them by default) on all servers. Returns the combined verdicts in the same order.

    Cases run concurrently, except those that need a server for themselves. `on_verdict` is called with the verdict
    on a case when it has been judged on all servers. With `lateness`, a case that a time has broken while this machine
    was late is judged again when no other case runs; if this machine was late again, the case is "not shown".
    """
    wanted = list(CASES.values()) if cases is None else cases
    found: dict[str, list[Verdict]] = {case.id: [] for case in wanted}
    again: list[tuple[Target, Verdict]] = []

    def settle(target: Target, verdict: Verdict, lateness: Lateness | None = lateness) -> None:
        if lateness is not None and _may_be_late(verdict, lateness):
            again.append((target, verdict))
            return
        found[verdict.case.id].append(verdict)
        if len(found[verdict.case.id]) == len(targets):
            on_verdict(combined(found[verdict.case.id]))

    with ThreadPoolExecutor(CONCURRENT_CASES) as pool:
        slow_first = sorted(wanted, key=lambda case: not case.slow)
        pairs = [(case, target) for case in slow_first for target in targets]
        running = {pool.submit(judge, *pair): pair[1] for pair in pairs if not _needs_server_for_itself(*pair)}
        for done in as_completed(running):
            settle(running[done], done.result())
        others = {pool.submit(_judge_in_turn, wanted, target): target for target in targets}
        for finished in as_completed(others):
            for verdict in finished.result():
                settle(others[finished], verdict)
    for target, verdict in again:
        assert lateness is not None
        settle(target, _judged_alone(verdict, target, lateness), None)
    return [combined(found[case.id]) for case in wanted]


def _may_be_late(verdict: Verdict, lateness: Lateness) -> bool:
    """Whether a time has broken the case, and this machine was late for longer than that time was exceeded."""
    return verdict.over is not None and lateness.between(verdict.began, verdict.ended) > verdict.over


def _judged_alone(first: Verdict, target: Target, lateness: Lateness) -> Verdict:
    """Judges a case again that a time has broken. It is "not shown" if this machine was late for longer than `over`."""
    verdict = judge(first.case, target.afresh())
    if verdict.status == "not shown":  # such as after the time limit of the whole run
        verdict = first
    if not _may_be_late(verdict, lateness):
        return verdict
    late = lateness.between(verdict.began, verdict.ended)
    reason = f"{LATE} by {late:.1f} s, so its times show nothing ({verdict.reason})"
    return replace(verdict, status="not shown", reason=reason, servers=(), over=None)


def _needs_server_for_itself(case: Case, target: Target) -> bool:
    return case.exclusive and target.upstream is not None


def _judge_in_turn(cases: Sequence[Case], target: Target) -> list[Verdict]:
    return [judge(case, target) for case in cases if _needs_server_for_itself(case, target)]


def judge_if_answering(
    targets: Sequence[Target],
    cases: Sequence[Case] | None = None,
    on_verdict: Callable[[Verdict], None] = lambda verdict: None,
    lateness: Lateness | None = None,
) -> list[Verdict]:
    """Like `judge_all`, but judges only E1 and E2 if the first server does not answer a simple question.

    E1 and E2 then say what is wrong with the server; all other verdicts are `not shown`.
    """
    wanted = list(CASES.values()) if cases is None else cases
    if not (reason := why_unanswered(targets[0])):
        return judge_all(targets, wanted, on_verdict, lateness)
    basic = judge_all(targets[:1], [case for case in wanted if case.clause.id in BASIC])
    verdicts = {verdict.case.id: verdict for verdict in basic}
    why = f"the server does not answer a simple question: {reason}"
    return [verdicts.get(case.id) or Verdict(case, "not shown", why) for case in wanted]


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
        hint = "; --key or --header sends a key" if reply.status in (401, 403) else ""
        return f"a simple question got the status {reply.status}{hint}"
    kind = reply.headers.get("content-type", "")
    expected = "json" in kind or "event-stream" in kind
    return "" if expected else f"a simple question got the content type {kind[:60] or '(none)'}"
