"""Formats the results of a run as JSON, and as JUnit XML for CI systems: one entry for each case."""
# Contract file: replaced by updates.

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from xml.sax.saxutils import escape, quoteattr

from ..figures import Figure
from ..judging import Heading, Status, Verdict, by_clause
from ..requirements import required
from ..responses import Stream
from .evidence import curl, looked_at_text, request_text, response_text

# Characters that XML 1.0 does not allow, even escaped. A server may send any of them.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class About:
    """What a report says about a run besides its results.

    `server` is what the server says about itself, such as its name, version and commit. `late` are the seconds for
    which the processes of this run have waited for a CPU.
    """

    server: Mapping[str, str]
    date: str  # UTC, as in RFC 3339
    checks_version: str
    machine: str
    late: float

    @property
    def sentence(self) -> str:
        """All of it as one sentence, without a full stop."""
        said = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.server.items())
        server = f"GET /health says: {said}" if said else "GET /health says nothing about the server"
        return (
            f"Checked on {self.date} by janus-check {self.checks_version} on {self.machine}, which was late by "
            f"{self.late:.1f} s in all; {server}"
        )


NO_RUN = About({}, "", "", "", 0.0)


@dataclass(frozen=True)
class Record:
    """The results of a run of the checks.

    `streams` are the streams that the report draws, with captions. `seconds` is how long the run took. `known` are the
    cases that a baseline lists. `stopped` says that the run was stopped before its end.
    """

    url: str
    verdicts: Sequence[Verdict]
    figures: Sequence[Figure]
    streams: Sequence[tuple[str, Stream]]
    seconds: float
    contract: str
    about: About = NO_RUN
    known: frozenset[str] = frozenset()
    stopped: bool = False

    @cached_property
    def clauses(self) -> list[Heading]:
        """The clauses, each with the verdicts on its cases."""
        return by_clause(self.verdicts)

    @property
    def broken(self) -> list[Verdict]:
        """The verdicts on cases that are a `must` and are broken."""
        return [verdict for verdict in self.verdicts if verdict.breaks]

    @property
    def unknown_broken(self) -> list[Verdict]:
        """The broken `must`s that no baseline lists."""
        return [verdict for verdict in self.broken if verdict.case.id not in self.known]

    @property
    def stale(self) -> list[str]:
        """The cases that the baseline lists although they hold."""
        return [verdict.case.id for verdict in self.having("holds") if verdict.case.id in self.known]

    @property
    def is_whole(self) -> bool:
        """Whether all cases of the contract were wanted."""
        return len(self.verdicts) == len(required(self.contract))

    @property
    def complies(self) -> bool:
        """Whether every `must` that could be checked holds, at least one case holds, and no check has a fault."""
        return bool(self.having("holds")) and not (self.broken or self.having("fault") or self.stopped)

    def having(self, status: Status) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if verdict.status == status]

    def count(self, status: Status) -> int:
        """The number of clauses with this status."""
        return sum(clause.status == status for clause in self.clauses)


def as_json(record: Record) -> str:
    """All verdicts, with their evidence, and all figures as JSON."""
    clauses = [
        {
            "id": each.clause.id,
            "title": each.clause.title,
            "cites": each.clause.cites,
            "page": each.clause.page,
            "severity": each.clause.severity,
            "status": each.status,
        }
        for each in record.clauses
    ]
    figures = [
        {"name": figure.name, "score": round(figure.score, 1), "weight": figure.weight, "reason": figure.reason}
        for figure in record.figures
    ]
    about = {
        "contract_version": record.contract,
        "url": record.url,
        "complies": record.complies,
        "stopped": record.stopped,
        "server": dict(record.about.server),
        "date": record.about.date,
        "checks_version": record.about.checks_version,
        "machine": record.about.machine,
        "late_seconds": round(record.about.late, 3),
    }
    cases = [_case(verdict) | {"known": verdict.case.id in record.known} for verdict in record.verdicts]
    found = {"seconds": round(record.seconds, 1), "clauses": clauses, "cases": cases, "figures": figures}
    return json.dumps(about | found, indent=2)


def _case(verdict: Verdict) -> dict[str, object]:
    case = verdict.case
    return {
        "id": case.id,
        "clause": case.clause.id,
        "title": case.title,
        "severity": case.severity,
        "status": verdict.status,
        "reason": verdict.reason,
        "remedy": case.remedy if verdict.status == "broken" else None,
        "seen": verdict.seen,
        "looked_at": looked_at_text(verdict.looked_at),
        "seconds": round(verdict.seconds, 3),
        "evidence": [
            {"request": request_text(each), "response": response_text(each), "curl": curl(each.request)}
            for each in verdict.evidence
        ],
    }


def as_junit(record: Record) -> str:
    """The verdicts as JUnit XML.

    A broken `must` is a failure, and a check that has a fault is an error. A broken `should`, and a `must` that the
    baseline lists, count as skipped, so that CI passes. A line of the baseline that is not true is a failure.
    """
    cases = []
    for verdict in record.verdicts:
        case = verdict.case
        name, kind = _quoted(f"{case.id} {case.title}"), _quoted(f"contract.{case.clause.id}.{case.severity}")
        head = f'<testcase classname={kind} name={name} time="{verdict.seconds:.3f}">'
        known = case.id in record.known
        if known and verdict.status == "holds":
            body = '<failure message="it holds, but the baseline lists it: remove its line"/>'
        elif verdict.breaks and not known:
            shown = "\n\n".join(f"{request_text(each)}\n{response_text(each)}" for each in verdict.evidence)
            more = _text(f"{case.remedy}\n{case.clause.page}\n\n{shown}")
            body = f"<failure message={_quoted(verdict.reason)}>{more}</failure>"
        elif verdict.status == "fault":
            body = f"<error message={_quoted(verdict.reason)}/>"
        elif verdict.status != "holds":
            status = f"{verdict.status}, as the baseline says" if verdict.breaks else verdict.status
            body = f"<skipped message={_quoted(f'{status}: {verdict.reason}')}/>"
        else:
            body = ""
        cases.append(f"  {head}{body}</testcase>\n")
    failures, errors = len(record.unknown_broken) + len(record.stale), len(record.having("fault"))
    skipped = len(record.verdicts) - len(record.having("holds")) - len(record.unknown_broken) - errors
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<testsuite name="janus contract {record.contract}" tests="{len(record.verdicts)}" failures="{failures}"'
        f' errors="{errors}" skipped="{skipped}" time="{record.seconds:.3f}" timestamp={_quoted(record.about.date)}>\n'
        f'<properties><property name="about" value={_quoted(record.about.sentence)}/></properties>\n'
        f"{''.join(cases)}</testsuite>\n"
    )


def _quoted(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))
