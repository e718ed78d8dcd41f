"""Tests that a second correct server, which shares no code with the template, keeps every case."""

from competitor.checks import stand_in
from competitor.checks.judging import judge_all

from .harness import serving
from .plain_server import Plain

# What the plain server does not do, and need not.
NOT_SHOWN = {
    "U2/1": "it reports no cost",
    "A6/1": "it makes no image from another one",
    "X1/3": "it asks for no images",
    "X1/4": "it asks for no speech",
}


def test_a_plain_server_passes_every_check() -> None:
    with stand_in() as upstream, serving(Plain, upstream) as target:
        verdicts = judge_all([target])
    unseen = {verdict.case.id: verdict.reason for verdict in verdicts if verdict.status != "holds"}
    assert unseen.keys() == NOT_SHOWN.keys(), unseen
