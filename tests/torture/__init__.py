"""Tests of reliability under hostile input and faults, with counts. `make torture` runs all, `make test` a sample."""
