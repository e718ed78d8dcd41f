"""A test that starts servers and does not end. Other tests copy this file into a generated repo, as `test_many.py`."""

import time
from collections.abc import Callable
from typing import Any

from competitor.checks import Upstream

MINUTES = 600


def test_many_minutes(launch: Callable[..., Any], upstream: Upstream) -> None:
    launch({"JANUS_LLM_BASE_URL": f"{upstream.url}/v1"}, "-m", "competitor", "serve", "--console")
    time.sleep(MINUTES)
