"""Yours: fixtures for your tests. Those imported here are the contract's, see tests/contract/fixtures.py."""

from .contract.fixtures import core, launch, offline, target, upstream

__all__ = ["core", "launch", "offline", "target", "upstream"]
