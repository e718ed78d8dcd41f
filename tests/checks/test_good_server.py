"""Tests that a second correct server, which shares no code with the template, passes all checks."""

from competitor.checks import stand_in
from competitor.checks.judging import judge_all

from .harness import serving
from .plain_server import Plain


def test_a_plain_server_passes_every_check() -> None:
    with stand_in() as upstream, serving(Plain, upstream) as target:
        verdicts = judge_all([target])
    assert {verdict.clause.id: verdict.reason for verdict in verdicts if verdict.status != "pass"} == {}
