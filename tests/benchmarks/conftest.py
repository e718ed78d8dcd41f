"""Skips these tests on systems other than Linux, because the benchmark reads /proc."""

import sys

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]
