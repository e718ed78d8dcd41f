"""Tests that, whatever the upstream does, the answer ends correctly, the work stops, and the next request works."""

import time
from collections.abc import Callable

import pytest

from competitor.checks.clauses.stream import well_formed
from competitor.checks.target import Target, question

from ..template_path import contract_tests
from .conftest import Compete, Faulty
from .faulty_upstream import FAULTS, SECRET

lateness = contract_tests("lateness")

pytestmark = pytest.mark.torture("B", "faults of the upstream, for each backend and mode")

# Small limits, so that endless answers are ended soon.
LIMITS = {
    "JANUS_LLM_SILENCE_SECONDS": "1",
    "JANUS_LLM_CONNECT_SECONDS": "2",
    "JANUS_LLM_ATTEMPTS": "2",
    "JANUS_TIMEOUT": "8",
    "JANUS_MAX_ANSWER_BYTES": "300000",
}
# The promise is one second; a busy machine may need more.
GONE_SECONDS = 60.0
ELSEWHERE = {
    "a closed port": lambda faulty: f"http://127.0.0.1:{contract_tests('processes').free_port()}",
    "an unknown certificate": lambda faulty: faulty.secure_url,
    "TLS to a server without it": lambda faulty: faulty.url.replace("http:", "https:"),
    "a name that does not exist": lambda faulty: "http://no-such-host.invalid:9000",
}  # fmt: skip
# Faults that do not prevent the text from arriving completely.
HARMLESS = {"CR LF", "only CR", "chunks of one byte", "nonsensical usage"}
CASES = [*(name for name in FAULTS if name != "none"), *ELSEWHERE]


@pytest.fixture
def asked(fault: str, backend: str, compete: Compete, faulty: Faulty) -> Target:
    where: Callable[[Faulty], str] = ELSEWHERE.get(fault, lambda faulty: faulty.url)
    return compete(backend, {**LIMITS, "JANUS_LLM_BASE_URL": f"{_once(fault, where, faulty)}/v1"}).target


_urls: dict[str, str] = {}


def _once(fault: str, where: Callable[[Faulty], str], faulty: Faulty) -> str:
    return _urls.setdefault(fault if fault in ELSEWHERE else "", where(faulty))


def expect_that_the_work_is_stopped_and_the_next_request_works(asked: Target, fault: str, faulty: Faulty) -> None:
    deadline = time.monotonic() + GONE_SECONDS
    while faulty.stats()["open"]:
        assert time.monotonic() < deadline, "the upstream is still answering, although the client has its answer"
        time.sleep(0.02)
    assert faulty.stats()["elsewhere"] == 0, "a redirect was followed"
    assert asked.get("/health").status == 200
    if fault not in ELSEWHERE:
        following = asked.read_stream(question("fault: none", stream=True))
        well_formed(following)
        assert following.text == "Hello "


@pytest.mark.parametrize("fault", CASES)
def test_a_stream_has_a_well_formed_end(fault: str, asked: Target, faulty: Faulty) -> None:
    """Repeats the test if the machine was too busy: after a delay of one second, any upstream counts as silent."""
    lateness.measured_on_time(lambda: expect_a_well_formed_stream(fault, asked, faulty))


def expect_a_well_formed_stream(fault: str, asked: Target, faulty: Faulty) -> None:
    stream = asked.read_stream(question(f"fault: {fault}", stream=True))
    well_formed(stream, fault)
    assert SECRET not in repr(stream.lines)
    if fault in HARMLESS:
        assert stream.text == "Hello "
    else:
        assert stream.text.strip() not in ("", "Hello"), "the answer does not say what happened"
    expect_that_the_work_is_stopped_and_the_next_request_works(asked, fault, faulty)


@pytest.mark.parametrize("fault", CASES)
def test_a_whole_answer_has_a_well_formed_end(fault: str, asked: Target, faulty: Faulty) -> None:
    lateness.measured_on_time(lambda: expect_a_well_formed_whole_answer(fault, asked, faulty))


def expect_a_well_formed_whole_answer(fault: str, asked: Target, faulty: Faulty) -> None:
    reply = asked.post(question(f"fault: {fault}"))
    assert reply.status == 200
    assert SECRET.encode() not in reply.body
    said = reply.json()
    (choice,) = said["choices"]
    assert choice["finish_reason"] in ("stop", "length")
    assert choice["message"]["content"]
    assert all(isinstance(said["usage"][name], int) for name in ("prompt_tokens", "completion_tokens", "total_tokens"))
    expect_that_the_work_is_stopped_and_the_next_request_works(asked, fault, faulty)
