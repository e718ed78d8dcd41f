"""Measures the streaming core against its peers and the physical limit. `python -m benchmarks --help`."""
