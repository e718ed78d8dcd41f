"""Yours: fixtures for your tests. Those imported here are the contract's, see tests/contract/fixtures.py."""

from .contract.fixtures import launch, offline, target, upstream

__all__ = ["launch", "offline", "target", "upstream"]
