"""Model servers of other people behind generated repos: `make test-servers` installs and starts them, as a matrix."""
