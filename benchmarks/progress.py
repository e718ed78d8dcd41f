"""Prints progress on stderr: the current step and the remaining time."""

import sys
import time


class Progress:
    """Counts the steps of one scenario."""

    def __init__(self, scenario: str, steps: int):
        self.scenario, self.steps, self.done = scenario, steps, 0
        self.began = time.monotonic()

    def step(self, what: str) -> None:
        """Prints the step that starts now, and the remaining time."""
        left = ""
        if self.done:
            seconds = (time.monotonic() - self.began) / self.done * (self.steps - self.done)
            left = f", about {seconds / 60:.1f} min left" if seconds > 60 else f", about {seconds:.0f} s left"
        self.done += 1
        print(f"  {self.scenario} {self.done}/{self.steps}: {what}{left}", file=sys.stderr, flush=True)
