"""The goals of the torture tests: what is counted, and the minimum number. `make torture` prints them as a table.

A test names its goal with `@pytest.mark.torture("B", "faults of the upstream")`. It counts as one case, or as the
number that it records (`record_property("count", 300)`).
"""

from dataclasses import dataclass

from ..baking.baking import VARIANTS

BACKENDS = len(VARIANTS)


@dataclass(frozen=True)
class Goal:
    line: str
    what: str
    minimum: int


GOALS = (
    Goal("A", "raw inputs: 2xx or 4xx, one error shape, no echo", 300 * BACKENDS),
    Goal("A", "random requests without a 5xx", 10_000),
    Goal("A", "requests from the app's own OpenAPI, without a 5xx", 500 * BACKENDS),
    Goal("A", "seconds of fuzzing parsers without a crash or a long time", 60 * 5),
    Goal("B", "faults of the upstream, for each backend and mode", 34 * BACKENDS * 2),
    Goal("B", "misbehaviours of a backend, for each mode", 14 * 2),
    Goal("B", "misbehaviours of a client, for each backend", 12 * BACKENDS),
    Goal("B", "streams with a minute of silence, for each backend", BACKENDS),
    Goal("B", "simultaneous requests, four times as many as the limit", 40),
    Goal("B", "shutdowns by SIGTERM", 5),
    Goal("B", "splits of the calls of 23 servers: the same calls", 10_000),
    Goal("B", "requests of a soak, a fifth aborted", 2_000),
    Goal("C", "attempts to leave the artifacts' folder", 40),
    Goal("C", "forged links", 100),
    Goal("C", "moments before and after a link expires", 3),
    Goal("C", "disk errors, in the artifact store and during an answer", 5 * 2),
    Goal("D", "hostile URLs refused", 120),
    Goal("D", "good URLs", 10),
    Goal("D", "ways around the limits of outgoing requests", 5),
    Goal("E", "pairs of a secret and an answer, without a leak", 12 * 30),
    Goal("E", "pairs of a secret and a text: the line stays JSON, and nothing leaks", 10_000),
    Goal("F", "faults of a tool, for each backend and mode", 16 * 2),
    Goal("G", "promises of the image, for each backend", 20 * BACKENDS),
    Goal("H", "security linters without a finding", 6),
    Goal("H", "tampered wheels refused", 1),
    Goal("J", "request bodies, of which none cost more than it may", 3 * 200),
    Goal("J", "worst bodies beside 20 other streams without a gap over 0.5 s", 30),
    Goal("J", "hostile servers, against `competitor check`", 16),
    Goal("L", "ways out of the local sandbox, for each user, with and without namespaces", 40 * 4),
    Goal("M", "hostile `.janus/` folders and answers: nothing run, nothing changed outside", 60),
    Goal("I", "hostile answers: nothing run, nothing written outside", 200),
)
# The goal of a test whose marker names only its line.
DEFAULTS = {"E": "pairs of a secret and an answer, without a leak"}
# Line E counts this test, which looks for every secret in every answer.
SECRETS = "unit/observe/test_secrets.py::test_none_of_twelve_secrets_is_found_after_thirty_requests"
