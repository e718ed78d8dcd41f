"""`make matrix`: checks other servers, and compares the verdicts with the expected ones."""

import sys

from .. import template_path  # must come first: makes the template importable

if __name__ == "__main__":
    from .matrix import main

    _ = template_path
    sys.exit(main())
