"""Makes the unbaked template importable, lets properties take their time, and leaves no process behind."""

import hypothesis

from . import template_path  # first: it makes the template importable
from .bakes import baked, bakes, each, home
from .order import pytest_long_ones_first
from .torture.counting import (
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_configure,
    pytest_pyfunc_call,
    pytest_sessionfinish,
    pytest_terminal_summary,
)

__all__ = [
    "baked",
    "bakes",
    "each",
    "home",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_long_ones_first",
    "pytest_pyfunc_call",
    "pytest_sessionfinish",
    "pytest_sessionstart",
    "pytest_terminal_summary",
    "template_path",
]

# This machine may be busy with other things: no test asserts a time that noise can break.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_sessionstart() -> None:
    """Before any process is started, those of pytest-xdist among them."""
    from competitor.checks.orphans import kill_orphans  # it can be imported now, see template_path

    kill_orphans()
