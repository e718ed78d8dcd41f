"""Tests how the lateness of alarms is measured, and how the machine's pressure is read."""

from pathlib import Path

import pytest

from competitor.core.stream.lateness import MAX_COUNTED_SECONDS, STEPS_A_LATENESS, Lateness

PRESSURE = "some avg10={} avg60=1.00 avg300=1.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


def test_alarms_in_time_need_no_wider_step() -> None:
    assert Lateness(Path("/nonexistent")).safe_step == 0


def test_the_safe_step_is_a_multiple_of_the_usual_lateness_and_falls_again() -> None:
    lateness = Lateness(Path("/nonexistent"))
    for _ in range(1000):
        lateness.rang(0.001)
    assert lateness.safe_step == pytest.approx(STEPS_A_LATENESS * 0.001, rel=0.01)
    for _ in range(1000):
        lateness.rang(0.0001)
    assert lateness.safe_step == pytest.approx(STEPS_A_LATENESS * 0.0001, rel=0.1)


def test_one_very_late_alarm_counts_little() -> None:
    lateness = Lateness(Path("/nonexistent"))
    lateness.rang(5.0)
    assert lateness.usual < MAX_COUNTED_SECONDS / 10


@pytest.mark.parametrize(("share", "contended"), [("0.00", False), ("19.99", False), ("20.00", True), ("100.00", True)])
def test_waiting_for_a_core_is_read_from_the_kernel(tmp_path: Path, share: str, contended: bool) -> None:
    file = tmp_path / "cpu"
    file.write_text(PRESSURE.format(share))
    assert Lateness(file).contended is contended


@pytest.mark.parametrize("text", [None, "", "some", "some avg10=x avg60=1", "\xff\xfe"])
def test_without_a_figure_of_the_kernel_the_machine_counts_as_at_rest(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "cpu"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    assert Lateness(file).contended is False


def test_the_kernel_is_asked_at_most_once_a_second(tmp_path: Path) -> None:
    file = tmp_path / "cpu"
    file.write_text(PRESSURE.format("50.00"))
    lateness = Lateness(file)
    assert lateness.contended
    file.unlink()
    assert lateness.contended
