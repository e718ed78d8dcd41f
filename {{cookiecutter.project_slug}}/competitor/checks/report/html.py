"""Makes the HTML report: one file, which loads nothing and runs no script.
Contract file: replaced by updates.

Everything that comes from a server is escaped, and the page's Content-Security-Policy forbids scripts and external
resources.
"""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from .. import CONTRACT_VERSION
from ..figures import Figure
from ..judging import Verdict
from ..target import Stream
from .records import Record
from .timeline import gap_histogram, timeline

_STYLE = Path(__file__).with_name("report.css")
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_MAX_CAPTION_CHARACTERS = 100


def as_html(record: Record) -> str:
    """The report of a run as an HTML page."""
    word = "complies with" if record.complies else "does not comply with"
    title = f"{record.url} {word} the Janus contract {CONTRACT_VERSION}"
    not_shown = [_verdict(each) for each in record.verdicts if each.status == "not shown"]
    body = "".join(
        (
            _head(record, title),
            _section("What to fix", [_verdict(each) for each in record.verdicts if each.status == "fail"]),
            _section("Estimated benchmark scores", [_figure(figure) for figure in record.figures]),
            _streams(record.streams),
            _section("Clauses that hold", [_verdict(each) for each in record.verdicts if each.status == "pass"]),
            _section("Clauses that could not be checked here", not_shown),
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_safe(title)}</title>\n<style>\n{_STYLE.read_text(encoding='utf-8')}</style>\n</head>\n"
        f"<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _safe(text: str) -> str:
    """Escapes a text for HTML. Replaces lone surrogates, which UTF-8 cannot encode, by question marks."""
    return escape(text.encode("utf-8", "replace").decode())


def _head(record: Record, title: str) -> str:
    should = sum(each.status == "fail" and each.clause.severity == "should" for each in record.verdicts)
    counts = [
        ("pass", f"{record.count('pass')} hold"),
        ("fail", f"{sum(each.breaks for each in record.verdicts)} broken"),
        ("should", f"{should} recommendations missed"),
        ("unseen", f"{record.count('not shown')} not checked"),
    ]
    listed = "".join(f'<li class="{kind}">{words}</li>' for kind, words in counts)
    return (
        f"<h1>{_safe(title)}</h1>\n"
        f'<p class="soft">{len(record.verdicts)} clauses in {record.seconds:.0f} s. A broken <em>must</em> means that '
        "the server does not comply; a missed <em>should</em> costs points or makes the server less convenient.</p>\n"
        f'<ul class="counts">{listed}</ul>\n'
    )


def _section(title: str, parts: Sequence[str]) -> str:
    return f'<h2>{title}</h2>\n<div class="card">\n{"".join(parts)}</div>\n' if parts else ""


def _verdict(verdict: Verdict) -> str:
    clause = verdict.clause
    kind = {"pass": "pass", "fail": "fail" if verdict.breaks else "should", "not shown": "unseen"}[verdict.status]
    failed = "broken" if verdict.breaks else "should: missed"
    words = {"pass": "holds", "fail": failed, "not shown": "not checked"}[verdict.status]
    reason = f'<p class="{kind}">{_safe(verdict.reason)}</p>' if verdict.reason else ""
    remedy = f'<p class="soft">{_safe(clause.remedy)}</p>' if verdict.status == "fail" else ""
    return (
        f'<div class="verdict"><b title="{_safe(clause.cites)}">{clause.id}</b><span>{_safe(clause.title)}</span>'
        f'<span class="mark {kind}">{words}</span>{reason}{remedy}</div>\n'
    )


def _figure(figure: Figure) -> str:
    return (
        f'<div class="figure"><div><div class="score">{figure.score:.0f}</div>'
        f'<div class="soft">{figure.name}, weight {figure.weight} %</div></div>'
        f'<div><div class="meter"><i style="width:{max(0.0, min(100.0, figure.score)):.0f}%"></i></div>'
        f"{_safe(figure.reason)}</div></div>\n"
    )


def _streams(streams: Sequence[tuple[str, Stream]]) -> str:
    if not streams:
        return ""
    drawn = "".join(
        f"<figure><figcaption><code>{_safe(_short(asked))}</code></figcaption>"
        f'<div class="scroll">{timeline(stream)}</div></figure>\n'
        for asked, stream in streams
    )
    gaps = gap_histogram([stream for _, stream in streams])
    return (
        f'<h2>Streams, drawn to scale</h2>\n<div class="card">\n{drawn}</div>\n'
        f'<h2>Gaps between content deltas</h2>\n<div class="card scroll">{gaps}</div>\n'
    )


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MAX_CAPTION_CHARACTERS else f"{text[:_MAX_CAPTION_CHARACTERS]}..."
