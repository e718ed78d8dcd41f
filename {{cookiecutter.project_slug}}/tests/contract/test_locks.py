"""The lock files match the sources that they were made from."""
# Contract file: replaced by updates.

from competitor.cli.locks import stale

from .processes import ROOT


def test_no_lock_is_stale() -> None:
    assert stale(ROOT) == [], "these lock files no longer match their sources; run `make lock`"
