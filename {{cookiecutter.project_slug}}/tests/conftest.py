"""Yours: fixtures for your tests. The imported ones are from tests/contract/fixtures.py."""

from .contract.fixtures import launch, offline, target, upstream

__all__ = ["launch", "offline", "target", "upstream"]
