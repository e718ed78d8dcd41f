"""Tests the examples of the clauses: the checks must accept the right ones, and not the wrong ones."""

from typing import Any

import pytest

from competitor.checks import CASES, CLAUSES, Failed
from competitor.checks.clauses.bad_input import Refusal
from competitor.checks.report.examples import _examples, example, explained
from competitor.checks.responses import CHAT, Reply, Request, Stream

# The cases that can judge examples: those that are whole responses. The other examples are a part of a response, or
# tell what happens between several programs.
JUDGED = (
    *("E1/1", "E1/2", "E2/1", "E2/2", "E3/1", "E3/2", "E4/1", "E4/2", "S1/1", "S5/1", "S5/2", "S5/3"),
    *("S6/1", "S6/2", "S6/3", "S7/1", "S8/1", "S8/2", "S9/1", "S9/2", "S9/4", "S9/5", "S10/1"),
    *("S11/1", "S12/1", "S12/2", "S13/2", "S13/4", "S16/1", "S16/2", "S17/1", "S17/2", "S17/3"),
    *("S17/4", "S17/5", "S18/1", "S18/2", "S18/3", "W1/1", "W1/2", "W2/1", "W2/2", "W3/1"),
)
ASKED = Request("POST", CHAT, {}, b'{"model": "m"}')


def response(text: str) -> Any:
    """The response in an example. Without a status line, it is a stream, of which only the lines count."""
    lines = [line for line in text.splitlines() if not line.startswith("> ")]
    if not lines[0].startswith("HTTP/1.1 "):
        first = next(place for place, line in enumerate(lines) if line.startswith(("data:", ":", "event:")))
        return Stream(200, {}, [(0.0, line.encode()) for line in [*lines[first:], ""]], request=ASKED)
    blank = lines.index("") if "" in lines else len(lines)
    status, headers = int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:blank])
    body = lines[blank + 1 :]
    if body and body[0].startswith("data:"):
        return Stream(status, headers, [(0.0, line.encode()) for line in [*body, ""]], request=ASKED)
    return Reply(status, headers, "\n".join([*body, ""]).encode(), ASKED)


def seen_by(case: str, given: Any) -> list[Any]:
    """What a case looks at in a response."""
    if case in ("S9/1", "S9/2", "S9/4"):
        return [given.fragments]
    if case in ("S17/1", "S17/2", "S17/3", "S17/4"):
        return list(given.events)
    if case in ("S16/1", "S16/2"):
        return [Refusal("a bad request", given, None, is_json=True)]
    return [given]


def accepted(case: str, given: Any) -> bool:
    try:
        for each in seen_by(case, given):
            CASES[case].check(each)
    except Failed:
        return False
    return True


def test_every_clause_has_examples_and_nothing_else_has() -> None:
    assert _examples().keys() == CLAUSES.keys()
    assert all(all(example(clause)) for clause in CLAUSES)
    assert "Right:" in explained("S8/3")


@pytest.mark.parametrize("case", JUDGED)
def test_the_case_accepts_the_right_example(case: str) -> None:
    assert accepted(case, response(example(case.partition("/")[0])[0]))


@pytest.mark.parametrize("clause", dict.fromkeys(case.partition("/")[0] for case in JUDGED))
def test_a_case_refuses_the_wrong_example(clause: str) -> None:
    given = response(example(clause)[1])
    cases = [case for case in JUDGED if case.startswith(f"{clause}/")]
    if isinstance(given, Stream) == isinstance(response(example(clause)[0]), Stream):
        assert not all(accepted(case, given) for case in cases)
    else:
        assert given.status != 200 or clause == "S16"
