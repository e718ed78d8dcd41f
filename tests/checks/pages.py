"""Writes the pages about the checks that come from the code: docs/rules.md, and one for each clause in docs/clauses/.

`make tables` calls `write`.
"""

import re
from collections.abc import Iterator

from competitor.checks import CASES, CLAUSES, NOT_FROM_OUTSIDE
from competitor.checks.registry import Case, Clause
from competitor.checks.report.examples import example

from ..template_path import TEMPLATE, UNBAKED
from .rules import RULES

DOCS = TEMPLATE / "docs"
_TEXT = (UNBAKED / "CONTRACT.md").read_text(encoding="utf-8")
CONTRACT = _TEXT[_TEXT.index("## 1. ") : _TEXT.index("## 10. ")]  # the sections that clauses come from
SENTENCE_END = re.compile(r"(?<=\.)\s+(?=[A-Z*`(])")


def table() -> str:
    """The rules with their cases, as a table in Markdown."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    yield "| Rule, by its words in CONTRACT.md | Cases |\n| --- | --- |\n"
    for rule in RULES:
        words = rule.quotation.strip("| ").replace("|", "\\|")
        yield f"| {words} | {rule.cases or f'none: {rule.why_none}'} |\n"


def rules_page() -> str:
    """The text of docs/rules.md."""
    looked = sum(bool(rule.cases) for rule in RULES)
    return (
        "# From rule to case\n\n"
        f"The contract has {len(RULES)} rules in its sections 1 to 9; cases of `competitor check` look at {looked}.\n"
        "[A page for each clause](clauses/README.md) says what each case looks at. `make tables` writes this page.\n\n"
        f"{table()}"
    )


def clauses_page() -> str:
    """The text of docs/clauses/README.md."""
    rows = [f"| [{clause.id}]({clause.id}.md) | {clause.severity} | {clause.title} |" for clause in CLAUSES.values()]
    others = [f"| {name} | | {why} |" for name, why in NOT_FROM_OUTSIDE.items()]
    listed = "\n".join([*rows, *others])
    return (
        "# The clauses\n\n"
        f"`competitor check` and `janus-check` judge {len(CLAUSES)} clauses by {len(CASES)} cases.\n"
        f"`make tables` writes these pages.\n\n| Clause | | What it asks for |\n| --- | --- | --- |\n{listed}\n"
    )


def clause_page(clause: Clause) -> str:
    """The text of the page of a clause: the contract's words, the cases, a right and a wrong example."""
    right, wrong = example(clause.id)
    return (
        f"# {clause.id}: {clause.title}\n\n"
        f"A *{clause.severity}*; section {clause.cites.rpartition(' ')[2]} of CONTRACT.md. "
        f"`janus-check URL --only {clause.id}` checks only this clause.\n\n"
        f"## In the contract's words\n\n{''.join(_quoted(clause))}\n"
        f"## Cases\n\nTo fix a breach: {clause.remedy}\n\n{''.join(_cases(clause))}\n"
        f"## Right\n\n```text\n{right}\n```\n\n## Wrong\n\n```text\n{wrong}\n```\n"
    )


def _quoted(clause: Clause) -> Iterator[str]:
    cases: dict[str, list[str]] = {}
    for rule in RULES:
        found = [case for case in rule.cases.split() if case.partition("/")[0] == clause.id]
        if found:
            cases.setdefault(_sentence(rule.quotation), []).extend(found)
    for sentence, looking in cases.items():
        yield f"- {sentence} ({', '.join(dict.fromkeys(looking))})\n"


def _sentence(quotation: str) -> str:
    """The sentence of CONTRACT.md, or the row of a table, that has these words."""
    line = next(line for line in CONTRACT.splitlines() if quotation in line)
    if line.startswith("|"):
        first, *others = (cell.strip() for cell in line.strip("| ").split(" | ") if cell.strip())
        return f"{first}: {'; '.join(others)}"
    return next(each for each in re.split(SENTENCE_END, line.removeprefix("- ")) if quotation in each)


def _cases(clause: Clause) -> Iterator[str]:
    yield "| Case | It holds if | To fix this one |\n| --- | --- | --- |\n"
    for case in clause.cases:
        remedy = "" if case.remedy == clause.remedy else _cell(case.remedy)
        yield f"| {case.id}{_severity(case)} | {_cell(case.title)} | {remedy} |\n"


def _severity(case: Case) -> str:
    return "" if case.severity == case.clause.severity else f" ({case.severity})"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def pages() -> Iterator[tuple[str, str]]:
    """The paths of the pages below docs/, and their texts."""
    yield "rules.md", rules_page()
    yield "clauses/README.md", clauses_page()
    for clause in CLAUSES.values():
        yield f"clauses/{clause.id}.md", clause_page(clause)


def write() -> None:
    (DOCS / "clauses").mkdir(exist_ok=True)
    for path, text in pages():
        (DOCS / path).write_text(text, encoding="utf-8")
