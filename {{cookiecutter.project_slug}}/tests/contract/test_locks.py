"""The locks are those of their sources: what is tested is what is installed."""
# Contract file: replaced by updates.

from competitor.cli.locks import stale

from .processes import ROOT


def test_no_lock_is_stale() -> None:
    assert stale(ROOT) == [], "their sources have changed since; `make lock` makes them again"
