"""Yours: fixtures for your tests. The ones named here are the contract's, see tests/contract/fixtures.py."""

from .contract.fixtures import launch, offline, target, upstream

__all__ = ["launch", "offline", "target", "upstream"]
