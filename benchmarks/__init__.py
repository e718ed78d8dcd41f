"""Measures the streaming core and other servers; nginx is the practical upper limit. `python -m benchmarks --help`."""
