"""The image, truly built and run: tools/image.py looks, and says how many promises hold."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from ..template_path import TEMPLATE


@pytest.mark.slow
@pytest.mark.torture("G", "images: what must hold of one, by backend")
def test_an_image_is_as_it_should_be(backend: str, record_property: Callable[[str, int], None]) -> None:
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
