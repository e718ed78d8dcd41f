"""`make mutants`: every mutant against every check, as a table."""

import sys

from .. import template_path  # before the harness: it makes the unbaked template importable

if __name__ == "__main__":
    from competitor.checks.orphans import kill_orphans

    from .harness import main

    _ = template_path
    kill_orphans()
    sys.exit(main())
