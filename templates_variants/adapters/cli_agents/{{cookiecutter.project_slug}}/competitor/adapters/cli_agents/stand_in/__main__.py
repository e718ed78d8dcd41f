"""Runs the stand-in until its input ends."""
# Contract file: replaced by updates.

import sys
from contextlib import suppress

from .sandboxes import StandIn
from .server import serving

if __name__ == "__main__":
    with suppress(KeyboardInterrupt), serving(StandIn()) as (url, _):
        print(f"SANDY_BASE_URL={url}", flush=True)  # noqa: T201 - this is what the caller reads
        sys.stdin.read()  # until the process that has started this one ends
