"""Builds and runs the image with tools/image.py, which checks it and prints how many promises hold."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from ..template_path import TEMPLATE


@pytest.mark.slow
@pytest.mark.torture("G", "promises of the image, for each backend")
def test_all_promises_of_the_image_hold(backend: str, record_property: Callable[[str, int], None]) -> None:
    done = subprocess.run(
        [sys.executable, str(TEMPLATE / "tools" / "image.py"), "--backend", backend],
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (held,) = re.findall(r"(\d+) promises hold", done.stdout)
    record_property("count", int(held))
