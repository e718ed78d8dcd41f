"""`make mutants` and `make mutants-all`: runs checks on all mutants, and prints a table."""

import sys

from .. import template_path  # must come first: makes the template importable

if __name__ == "__main__":
    from competitor.checks.orphans import kill_orphans

    from .harness import main

    _ = template_path
    kill_orphans()
    sys.exit(main())
