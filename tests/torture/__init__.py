"""Tests with hostile input and faults, which are counted. `make torture` runs all of them, `make test` a sample."""
