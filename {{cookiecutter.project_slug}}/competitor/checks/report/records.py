"""Formats the results of a run as JSON, and as JUnit XML for CI systems."""
# Contract file: replaced by updates.

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from .. import CONTRACT_VERSION
from ..figures import Figure
from ..judging import Verdict
from ..target import Stream

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

    @property
    def complies(self) -> bool:
        """Whether every `must` that could be checked holds, and at least one clause was checked and holds."""
        shown = any(verdict.status == "pass" for verdict in self.verdicts)
        return shown and not any(verdict.breaks for verdict in self.verdicts)

    def count(self, status: str) -> int:
        return sum(verdict.status == status for verdict in self.verdicts)


def as_json(record: Record) -> str:
    """All verdicts and figures as JSON."""
    verdicts = [
        {
            "id": verdict.clause.id,
            "title": verdict.clause.title,
            "cites": verdict.clause.cites,
            "severity": verdict.clause.severity,
            "status": verdict.status,
            "reason": verdict.reason,
            "remedy": verdict.clause.remedy if verdict.status == "fail" else None,
            "seconds": round(verdict.seconds, 3),
        }
        for verdict in record.verdicts
    ]
    figures = [
        {"name": figure.name, "score": round(figure.score, 1), "weight": figure.weight, "reason": figure.reason}
        for figure in record.figures
    ]
    about = {"contract_version": CONTRACT_VERSION, "url": record.url, "complies": record.complies}
    found = {"seconds": round(record.seconds, 1), "verdicts": verdicts, "figures": figures}
    return json.dumps(about | found, indent=2)


def as_junit(record: Record) -> str:
    """The verdicts as JUnit XML. A failed `must` is a failure; a failed `should` counts as skipped, so CI passes."""
    cases = []
    for verdict in record.verdicts:
        clause = verdict.clause
        name, kind = _quoted(f"{clause.id} {clause.title}"), _quoted(f"contract.{clause.severity}")
        head = f'<testcase classname={kind} name={name} time="{verdict.seconds:.3f}">'
        if verdict.breaks:
            body = f"<failure message={_quoted(verdict.reason)}>{_text(clause.remedy)}</failure>"
        elif verdict.status != "pass":
            body = f"<skipped message={_quoted(f'{verdict.status}: {verdict.reason}')}/>"
        else:
            body = ""
        cases.append(f"  {head}{body}</testcase>\n")
    failures = sum(verdict.breaks for verdict in record.verdicts)
    skipped = sum(verdict.status != "pass" and not verdict.breaks for verdict in record.verdicts)
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<testsuite name="janus contract {CONTRACT_VERSION}" tests="{len(record.verdicts)}" failures="{failures}"'
        f' errors="0" skipped="{skipped}" time="{record.seconds:.3f}">\n{"".join(cases)}</testsuite>\n'
    )


def _quoted(text: str) -> str:
    return quoteattr(_NOT_XML.sub("\ufffd", text))


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("\ufffd", text))
