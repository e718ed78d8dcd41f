"""`python -m competitor COMMAND`: the command line, which cli/parser.py describes."""
# Contract file: replaced by updates.

import sys

from .cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
