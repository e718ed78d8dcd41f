"""Makes a repo: checks the answers, adds the chosen backend, records what was made."""
