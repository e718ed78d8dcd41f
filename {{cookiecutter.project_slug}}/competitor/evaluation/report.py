"""The report of an evaluation, as text for a terminal and as an HTML page.
Contract file: replaced by updates.
"""

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from ..checks.report import html
from .compare import Difference
from .kinds import KINDS, STREAM
from .record import Record, kind_of
from .score import WEIGHTS, Result, composite, kind_mean, lost, of_kind, parts, spread

WORST = 10
MAX_LOSSES = 6
MAX_SHOWN_CHARACTERS = 1_500
_BAR = 20
_STYLE = ".verdict { grid-template-columns: 6.5rem 1fr auto } svg rect { fill: var(--text) }\n"


def as_text(record: Record) -> str:
    """The scores as a table, where points are lost, and what was not measured."""
    found = parts(record.results)
    if not found:
        return "Nothing was measured.\n" + _notes(record)
    half = spread(record.results, kind_of, composite)
    measured = [each for each in record.results if each.measured]
    lines = [f"Score {composite(record.results):.1f} (95 % +-{half:.1f}) of 100, from {len(measured)} tasks", ""]
    lines += [f"  {part:<10} {value:5.1f} {_bar(value)}  weight {WEIGHTS[part]}" for part, value in found.items()]
    lines.append("")
    for kind in record.kinds:
        of = of_kind(record.results, kind)
        value, kind_half = kind_mean(of), spread(of, kind_of, kind_mean)
        what = "evenness" if kind == STREAM else "points"
        lines.append(f"  {kind:<10} {value:5.1f} +-{kind_half:4.1f} {what} of {len(of)}: {KINDS[kind].about}")
    if losses := lost(record.results):
        lines += ["", "Points lost, of 100:"]
        lines += [f"  {points:5.1f}  {what}" for points, what in losses[:MAX_LOSSES]]
    tokens, baseline = sum(each.tokens for each in measured), sum(each.baseline for each in measured)
    lines += ["", f"{tokens} tokens; perfect answers without any addition need {baseline}. {record.seconds:.0f} s."]
    return "".join(f"{line}\n" for line in lines) + _notes(record)


def _notes(record: Record) -> str:
    return "".join(f"{note}.\n" for note in record.notes)


def _bar(value: float) -> str:
    full = round(_BAR * max(0.0, min(100.0, value)) / 100)
    return "#" * full + "." * (_BAR - full)


def compared(found: Sequence[Difference], count: int) -> str:
    """The differences as a table, the whole score first."""
    lines = [
        f"{found[0].words.capitalize()} ({found[0].before:.1f} to {found[0].after:.1f}, {count} tasks in both)",
        "",
    ]
    lines += [f"  {each.name:<10} {each.before:5.1f} {each.after:5.1f}  {each.words}" for each in found[1:]]
    return "".join(f"{line}\n" for line in lines)


def as_html(record: Record) -> str:
    """The report as an HTML page, which loads nothing and runs no script."""
    found = parts(record.results)
    title = f"{record.about.get('name') or record.plan.server}: {composite(record.results):.1f} of 100"
    style = files(html.__package__).joinpath("report.css").read_text(encoding="utf-8")
    body = "".join(
        (
            f'<h1>{_safe(title)}</h1>\n<p class="soft">{_safe(_about(record))}</p>\n',
            _section("Score", [_meter(part, value, f"weight {WEIGHTS[part]} %") for part, value in found.items()]),
            _section("Where points are lost", [_loss(points, what) for points, what in lost(record.results)]),
            _section("Kinds of tasks", [_kind(record, kind) for kind in record.kinds]),
            _section("The worst answers", [_answer(each) for each in worst(record.results)]),
            _section("Not measured", [f"<p>{_safe(note)}.</p>\n" for note in record.notes]),
        )
    )
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(html.POLICY)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_safe(title)}</title>\n<style>\n{style}{_STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )


def worst(results: Sequence[Result]) -> list[Result]:
    """The answers that lost most: by their points, and long texts by their evenness."""
    losses = [
        (each.points if each.kind != STREAM else each.points * each.even / 100, each.id, each) for each in results
    ]
    return [each for points, _, each in sorted(losses, key=lambda one: one[:2]) if each.measured and points < 1][:WORST]


def _about(record: Record) -> str:
    of = record.about
    named = ", ".join(f"{name} {of[name]}" for name in ("name", "version", "backend", "model") if of.get(name))
    mind = f"; behind the scripted mind {record.plan.mind}" if record.plan.mind else ""
    half = spread(record.results, kind_of, composite)
    return (
        f"95 % interval +-{half:.1f}. {len(record.results)} tasks, seed {record.plan.seed}, {record.seconds:.0f} s, "
        f"{record.when}, template {record.version}{'; ' + named if named else ''}{mind}. This machine was late by "
        f"{record.late * 1000:.0f} ms at most."
    )


def _section(title: str, shown: Sequence[str]) -> str:
    return f'<h2>{title}</h2>\n<div class="card">\n{"".join(shown)}</div>\n' if shown else ""


def _meter(name: str, value: float, about: str) -> str:
    return (
        f'<div class="figure"><div><div class="score">{value:.0f}</div><div class="soft">{_safe(name)}</div></div>'
        f'<div><div class="meter"><i style="width:{max(0.0, min(100.0, value)):.0f}%"></i></div>'
        f"{_safe(about)}</div></div>\n"
    )


def _loss(points: float, what: str) -> str:
    return (
        f'<div class="figure"><div><div class="score">{points:.1f}</div><div class="soft">points</div></div>'
        f"<div>{_safe(what)}</div></div>\n"
    )


def _kind(record: Record, kind: str) -> str:
    of = of_kind(record.results, kind)
    half = spread(of, kind_of, kind_mean)
    return _meter(kind, kind_mean(of), f"{KINDS[kind].about}; +-{half:.1f}, {len(of)} tasks")


def _answer(each: Result) -> str:
    """One answer, with the arrival of its pieces and its text in a part that can be opened."""
    calls = "".join(f"\n{call['name']}({call['arguments']})" for call in each.calls)
    shown = f"{each.text[:MAX_SHOWN_CHARACTERS]}{calls}" or "(nothing)"
    first = "no first token" if each.first is None else f"first token after {each.first * 1000:.0f} ms"
    return (
        f'<div class="verdict"><b>{_safe(each.id)}</b><span>{_safe(each.why or "no reason is known")}</span>'
        f'<span class="mark {"should" if each.points else "fail"}">{100 * each.points:.0f}</span>'
        f'<p class="soft">{first}, {each.deltas} deltas in {each.seconds:.1f} s, {each.tokens} tokens (baseline '
        f"{each.baseline})</p>{_arrivals(each)}<details><summary>answer</summary><pre>{_safe(shown)}</pre></details></div>\n"
    )


def _arrivals(each: Result) -> str:
    """A tick for each piece of text on a line, to scale."""
    if not each.times:
        return ""
    end = max(each.times[-1], each.seconds, 0.1)
    ticks = "".join(
        f'<rect x="{place:.1f}" y="4" width="1.2" height="14"/>'
        for place in sorted({round(830 * at / end, 1) for at in each.times})
    )
    return f'<svg viewBox="0 0 860 24" role="img" aria-label="arrival of {each.deltas} pieces of text">{ticks}</svg>'


def _safe(text: str) -> str:
    return escape(text.encode("utf-8", "replace").decode())
