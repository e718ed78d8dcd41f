"""Skips these tests on systems other than Linux: they need memray, and a process that ends with its parent."""

import sys

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]
