"""Skips these tests on other systems than Linux, because the benchmark reads /proc."""

import sys

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]
