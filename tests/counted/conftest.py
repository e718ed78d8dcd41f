"""Counting needs Linux: its tool for allocations, and a process that ends with its parent."""

import sys

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]
