"""Skips these tests on systems other than Linux: they need memray, and processes that end with their parent."""

import sys

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]
