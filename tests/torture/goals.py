"""What is counted, and how many of each there must be: the table that `make torture` prints is this one, filled in.

A test says what it counts toward by `@pytest.mark.torture("B", "faults of the upstream")`; it counts as one, or as
many as it records (`record_property("count", 300)`).
"""

from dataclasses import dataclass

from ..baking.baking import VARIANTS

BACKENDS = len(VARIANTS)


@dataclass(frozen=True)
class Goal:
    line: str
    what: str
    least: int


GOALS = (
    Goal("A", "raw inputs: 2xx or 4xx, one shape, no echo", 300 * BACKENDS),
    Goal("A", "random requests: none a 5xx", 10_000),
    Goal("A", "requests from the app's own OpenAPI: none a 5xx", 500 * BACKENDS),
    Goal("A", "seconds of fuzzing of a reader: no crash", 60 * 4),
    Goal("B", "faults of the upstream, by backend and mode", 34 * BACKENDS * 2),
    Goal("B", "misdeeds of a backend, by mode", 14 * 2),
    Goal("B", "misdeeds of a client, by backend", 12 * BACKENDS),
    Goal("B", "silences of a minute, by backend", BACKENDS),
    Goal("B", "requests at four times the limit", 40),
    Goal("B", "ends by SIGTERM", 5),
    Goal("B", "requests of a soak, a fifth aborted", 2_000),
    Goal("C", "ways out of the folder", 40),
    Goal("C", "forged links", 100),
    Goal("C", "seconds around the end of a link", 3),
    Goal("C", "bad disks, on the shelf and in an answer", 5 * 2),
    Goal("D", "hostile URLs refused", 120),
    Goal("D", "good URLs", 10),
    Goal("D", "ways past the list: redirects, proxies, rebinding, size, time", 5),
    Goal("E", "requests with secrets, none seen", 12 * 30),
    Goal("F", "faults of a tool, by backend and mode", 16 * 2),
    Goal("G", "images: what must hold of one, by backend", 20 * BACKENDS),
    Goal("H", "tools without a finding", 5),
    Goal("H", "tampered wheels refused", 1),
    Goal("I", "hostile answers: none run, none outside", 200),
)
# Where a test names its line alone.
DEFAULTS = {"E": "requests with secrets, none seen"}
# Line E is the test of tests/unit/observe/test_secrets.py: each answer was looked through for each canary.
SECRETS = "core/test_secrets.py::test_nothing_of_twelve_secrets_is_found_after_thirty_requests"
