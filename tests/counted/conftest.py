"""Skips these tests on systems other than Linux, because they need memray and `prctl`."""

import sys

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]
