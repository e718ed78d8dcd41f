"""Tests that the cost of a chunk and of a request, counted in calls and allocations, does not rise unnoticed."""

import shutil
from pathlib import Path

import pytest

from benchmarks.slowdown import A_CHUNK, insert

from . import measure, records
from .records import PYTHON, Figures, Records, RiseRefused

RECORDS = Records.read()


@pytest.fixture(scope="module")
def bakes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    if PYTHON not in RECORDS.figures:
        pytest.skip(f"there is no record for Python {PYTHON}, see tests/counted/counted.toml")
    return measure.bakes(tmp_path_factory.mktemp("counted"))


@pytest.mark.parametrize("backend", ["relay", "events"])
def test_no_figure_is_above_its_record_or_far_below_it(backend: str, bakes: dict[str, Path]) -> None:
    found = {backend: measure.counted(bakes[backend])}
    assert not records.complaints(found, {backend: RECORDS.figures[PYTHON][backend]})


def test_one_more_call_for_each_chunk_is_detected(bakes: dict[str, Path]) -> None:
    worse = bakes["relay"].with_name("one-more-call")
    shutil.copytree(bakes["relay"], worse)
    insert(worse, A_CHUNK, "len(())")
    recorded = RECORDS.figures[PYTHON]["relay"]
    said = records.complaints({"relay": measure.counted(worse)}, {"relay": recorded})
    for mode in ("stream", "whole"):
        now, then = recorded[mode]["c_calls_a_chunk"] + 1, recorded[mode]["c_calls_a_chunk"]
        name = f"relay.{mode}.c_calls_a_chunk"
        assert f"{name} is {now:g}, but its recorded maximum is {then:g}: figures per chunk must never rise." in said


def _figures(chunk: float, request: float) -> Figures:
    return {"relay": {"stream": {"c_calls_a_chunk": chunk, "c_calls_a_request": request}}}


class TestTheRule:
    def test_a_figure_at_its_record_or_slightly_below_is_accepted(self) -> None:
        assert records.complaints(_figures(10, 100), _figures(10, 101)) == []

    def test_the_record_of_a_fallen_figure_must_be_lowered(self) -> None:
        (said,) = records.complaints(_figures(10, 97), _figures(10, 100))
        assert said == "relay.stream.c_calls_a_request has fallen from 100 to 97: lower its recorded maximum."

    def test_a_figure_without_a_record_is_reported(self) -> None:
        assert records.complaints(_figures(10, 97), {}) == [
            "relay.stream.c_calls_a_chunk has no recorded maximum.",
            "relay.stream.c_calls_a_request has no recorded maximum.",
        ]

    def test_a_rise_per_chunk_is_never_recorded(self) -> None:
        kept = Records("", {"3.11": _figures(10, 100)})
        with pytest.raises(
            RiseRefused, match=r"c_calls_a_chunk rises from 10 to 10\.5, but figures per chunk must never"
        ):
            kept.update(_figures(10.5, 90), "1.0.0", "a good reason", python="3.11")
        assert kept == Records("", {"3.11": _figures(10, 100)})

    def test_a_rise_per_request_is_recorded_with_its_reason(self, tmp_path: Path) -> None:
        kept = Records("# The rule.\n", {"3.11": _figures(10, 100), "3.12": _figures(9, 90)})
        with pytest.raises(RiseRefused, match="c_calls_a_request rises from 100 to 120: give a --reason"):
            kept.update(_figures(10, 120), "1.0.0", None, python="3.11")
        kept.update(_figures(10, 120), "1.0.0", 'It "counts".', python="3.11")
        kept.write(tmp_path / "records.toml")
        again = Records.read(tmp_path / "records.toml")
        assert again == kept
        assert again.figures == {"3.11": _figures(10, 120), "3.12": _figures(9, 90)}
        name = "relay.stream.c_calls_a_request"
        reason = {"version": "1.0.0", "reason": 'It "counts".'}
        assert again.raises == [{"figure": name, "python": "3.11", "from": 100, "to": 120, **reason}]

    def test_every_recorded_rise_is_per_request_and_has_a_reason(self) -> None:
        for raised in RECORDS.raises:
            assert raised["figure"].endswith("_a_request")
            assert raised["from"] < raised["to"]
            assert raised["reason"].strip()
            assert raised["version"].strip()
