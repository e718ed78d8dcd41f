"""Tests with hostile input and faults. Each case is counted. `make torture` runs all cases, `make test` a sample."""
