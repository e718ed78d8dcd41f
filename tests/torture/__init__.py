"""The promises of reliability as a test set with counts: `make torture` runs all of it, `make test` a sample."""
