# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""`python -m competitor COMMAND`: the command line, which cli/parser.py describes."""

import sys

from .cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
