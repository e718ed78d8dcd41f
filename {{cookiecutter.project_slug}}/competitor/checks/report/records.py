"""Formats the results of a run as JSON, and as JUnit XML for CI systems: one entry for each case."""
# Contract file: replaced by updates.

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from xml.sax.saxutils import escape, quoteattr

from ..figures import Figure
from ..judging import Heading, Status, Verdict, by_clause
from ..responses import Stream
from .evidence import request_text, response_text

# Characters that XML 1.0 does not allow, even escaped. A server may send any of them.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Record:
    """The results of a run of the checks.

    `streams` are the streams that the report draws, with captions. `seconds` is how long the run took.
    """

    url: str
    verdicts: Sequence[Verdict]
    figures: Sequence[Figure]
    streams: Sequence[tuple[str, Stream]]
    seconds: float
    contract: str

    @cached_property
    def clauses(self) -> list[Heading]:
        """The clauses, each with the verdicts on its cases."""
        return by_clause(self.verdicts)

    @property
    def broken(self) -> list[Verdict]:
        """The verdicts on cases that are a `must` and are broken."""
        return [verdict for verdict in self.verdicts if verdict.breaks]

    @property
    def complies(self) -> bool:
        """Whether every `must` that could be checked holds, at least one case holds, and no check has a fault."""
        return bool(self.having("holds")) and not self.broken and not self.having("fault")

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
            "severity": each.clause.severity,
            "status": each.status,
        }
        for each in record.clauses
    ]
    figures = [
        {"name": figure.name, "score": round(figure.score, 1), "weight": figure.weight, "reason": figure.reason}
        for figure in record.figures
    ]
    about = {"contract_version": record.contract, "url": record.url, "complies": record.complies}
    cases = list(map(_case, record.verdicts))
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
        "seconds": round(verdict.seconds, 3),
        "evidence": [{"request": request_text(each), "response": response_text(each)} for each in verdict.evidence],
    }


def as_junit(record: Record) -> str:
    """The verdicts as JUnit XML.

    A broken `must` is a failure, and a check that has a fault is an error. A broken `should` counts as skipped, so that
    CI passes.
    """
    cases = []
    for verdict in record.verdicts:
        case = verdict.case
        name, kind = _quoted(f"{case.id} {case.title}"), _quoted(f"contract.{case.clause.id}.{case.severity}")
        head = f'<testcase classname={kind} name={name} time="{verdict.seconds:.3f}">'
        if verdict.breaks:
            shown = "\n\n".join(f"{request_text(each)}\n{response_text(each)}" for each in verdict.evidence)
            body = f"<failure message={_quoted(verdict.reason)}>{_text(case.remedy)}\n\n{_text(shown)}</failure>"
        elif verdict.status == "fault":
            body = f"<error message={_quoted(verdict.reason)}/>"
        elif verdict.status != "holds":
            body = f"<skipped message={_quoted(f'{verdict.status}: {verdict.reason}')}/>"
        else:
            body = ""
        cases.append(f"  {head}{body}</testcase>\n")
    failures, errors = len(record.broken), len(record.having("fault"))
    skipped = len(record.verdicts) - len(record.having("holds")) - failures - errors
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<testsuite name="janus contract {record.contract}" tests="{len(record.verdicts)}" failures="{failures}"'
        f' errors="{errors}" skipped="{skipped}" time="{record.seconds:.3f}">\n{"".join(cases)}</testsuite>\n'
    )


def _quoted(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))
