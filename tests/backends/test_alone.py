"""Tests that no variant calls anybody by itself: no telemetry, no list of prices, no question for a name (X1)."""

import json
import subprocess
import sys

import pytest

from ..bakes import Bakes, sampled
from ..baking.baking import VARIANTS
from ..template_path import TEMPLATE
from .alone import SET_UP

PROBE = "203.0.113.9"


@pytest.mark.skipif(sys.platform != "linux", reason="needs network namespaces")
@pytest.mark.parametrize("variant", sampled(VARIANTS, ("langchain",)))
def test_a_competitor_without_an_upstream_calls_nobody(variant: str, bakes: Bakes) -> None:
    command = [*SET_UP, sys.executable, "-m", "tests.backends.alone", str(bakes(variant))]
    done = subprocess.run(command, cwd=TEMPLATE, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [PROBE]
