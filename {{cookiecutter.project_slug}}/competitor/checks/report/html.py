"""Makes the HTML report: one file, which loads nothing and runs no script.
Contract file: replaced by updates.

Everything that comes from a server is escaped, and the page's Content-Security-Policy forbids scripts and external
resources.
"""

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from ..figures import Figure
from ..judging import Heading, Status, Verdict
from ..registry import Case
from ..responses import Stream
from .evidence import curl, looked_at_text, request_text, response_text
from .examples import example
from .records import Record
from .timeline import gap_histogram, timeline

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_MAX_CAPTION_CHARACTERS = 100


def as_html(record: Record) -> str:
    """The report of a run as an HTML page."""
    style = files(__package__).joinpath("report.css").read_text(encoding="utf-8")
    word = "complies with" if record.complies else "does not comply with"
    word = "was being checked against" if record.stopped else word
    title = f"{record.url} {word} the Janus contract {record.contract}"
    faults = [_verdict(each) for each in record.having("fault")]
    body = "".join(
        (
            _head(record, title),
            _section("What to fix", [_verdict(each) for each in record.having("broken")]),
            _section("Checks that have a fault", faults),
            _section("Estimated benchmark scores", [_figure(figure) for figure in record.figures]),
            _streams(record.streams),
            _section("Clauses that hold", [_clause(each) for each in record.clauses if each.status == "holds"]),
            _section("Clauses that could not be checked here", [_clause(each) for each in _unseen(record)]),
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_safe(title)}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def _safe(text: str) -> str:
    """Escapes a text for HTML. Replaces lone surrogates, which UTF-8 cannot encode, by question marks."""
    return escape(text.encode("utf-8", "replace").decode())


def _unseen(record: Record) -> list[Heading]:
    return [clause for clause in record.clauses if clause.status == "not shown"]


def _head(record: Record, title: str) -> str:
    broken = sum(each.breaks for each in record.clauses)
    counts = [
        ("pass", f"{record.count('holds')} hold"),
        ("fail", f"{broken} broken"),
        ("should", f"{record.count('broken') - broken} recommendations missed"),
        ("unseen", f"{record.count('not shown')} not checked"),
    ]
    listed = "".join(f'<li class="{kind}">{words}</li>' for kind, words in counts)
    return (
        f"<h1>{_safe(title)}</h1>\n"
        f'<p class="soft">{len(record.clauses)} clauses with {len(record.verdicts)} cases in {record.seconds:.0f} s. A '
        "broken <em>must</em> means that the server does not comply; a missed <em>should</em> costs points or makes "
        "the server less convenient.</p>\n"
        f'<p class="soft">{_safe(record.about.sentence)}.</p>\n'
        f'<ul class="counts">{listed}</ul>\n'
    )


def _section(title: str, parts: Sequence[str]) -> str:
    return f'<h2>{title}</h2>\n<div class="card">\n{"".join(parts)}</div>\n' if parts else ""


_KINDS: dict[Status, str] = {"holds": "pass", "broken": "should", "not shown": "unseen", "fault": "fail"}
_WORDS: dict[Status, str] = {"holds": "holds", "broken": "should: missed", "not shown": "not checked", "fault": "fault"}


def _clause(heading: Heading) -> str:
    """A clause, with its cases in a part that can be opened."""
    clause, held = heading.clause, len(heading.having("holds"))
    words = f"{held} of {len(heading.verdicts)} hold" if held else "not checked"
    return (
        f'<details class="clause"><summary class="verdict"><b title="{_safe(clause.cites)}">{clause.id}</b>'
        f'<span>{_safe(clause.title)}</span><span class="mark {_KINDS[heading.status]}">{words}</span></summary>\n'
        f"{''.join(map(_verdict, heading.verdicts))}</details>\n"
    )


def _verdict(verdict: Verdict) -> str:
    """A case, with its evidence in a part that can be opened."""
    case = verdict.case
    kind, words = ("fail", "broken") if verdict.breaks else (_KINDS[verdict.status], _WORDS[verdict.status])
    reason = f'<p class="{kind}">{_safe(verdict.reason)}</p>' if verdict.reason else ""
    remedy = f'<p class="soft">{_safe(case.remedy)}</p>{_example(case)}' if verdict.status == "broken" else ""
    shown = "".join(
        f"<pre>{_safe(request_text(each))}</pre><pre>{_safe(response_text(each))}</pre>"
        f"<p>To repeat it:</p><pre>{_safe(curl(each.request))}</pre>"
        for each in verdict.evidence
    )
    if verdict.looked_at:
        shown = f"<p>What the check looked at:</p><pre>{_safe(looked_at_text(verdict.looked_at))}</pre>{shown}"
    evidence = f"<details><summary>request and response</summary>{shown}</details>" if shown else ""
    return (
        f'<div class="verdict"><b title="{_safe(case.clause.cites)}">{case.id}</b><span>{_safe(case.title)}</span>'
        f'<span class="mark {kind}">{words}</span>{reason}{remedy}{evidence}</div>\n'
    )


def _example(case: Case) -> str:
    """What the clause looks like on the wire, in a part that can be opened."""
    right, wrong = example(case.clause.id)
    page = f'<p><a href="{case.clause.page}" rel="noreferrer">All about {case.clause.id}</a></p>'
    return (
        f"<details><summary>a right and a wrong example</summary>{page}<p>Right:</p><pre>{_safe(right)}</pre>"
        f"<p>Wrong:</p><pre>{_safe(wrong)}</pre></details>"
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
