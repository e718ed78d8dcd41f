"""Makes the template's Python importable, removes hypothesis' time limits, and kills processes left by earlier runs."""

import signal

import hypothesis
import pytest

from . import template_path, temporary  # the latter makes the template importable
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
    "whole",
]

temporary.use_memory()

# A shell starts a command with `&` so that it ignores Ctrl-C, and all that a test starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Other work may keep the machine busy, so no test may fail because of hypothesis' time limit.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether all cases are run, as in `make torture`, or only a sample, as in `make test`."""
    return bool(request.config.getoption("--torture") or request.config.getoption("--every"))


def pytest_sessionstart() -> None:
    """Kills processes of earlier runs before any process is started, including the workers of pytest-xdist."""
    from competitor.checks.orphans import kill_orphans  # importable because of template_path

    kill_orphans()
