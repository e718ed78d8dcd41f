"""Measures the streaming core and other servers, with nginx as the practical limit. `python -m benchmarks --help`."""
