"""Tests that a good server is not accused of another's fault, and that checks that once never looked do so now."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import pytest

from competitor.checks import CLAUSES, PROMPTS, Target, Upstream, stand_in
from competitor.checks.judging import Verdict, judge, judge_all
from competitor.checks.registry import chosen
from competitor.checks.starting import NOT_ASKED, on_a_faulty_upstream

from .harness import REQUEST_SECONDS, serving
from .mutants.artifacts import BelievesAnyHost, SendsEarlierBytesInParts
from .plain_artifacts import Shelf
from .plain_server import Json, Plain, PlainServer, Refused


class Started:
    """Starts servers of a class, as `Starter` starts them with a command."""

    def __init__(self, server: type[Plain], running: ExitStack) -> None:
        self._server, self._running = server, running

    def target(self, environment: Mapping[str, str]) -> Target:
        url = self._running.enter_context(PlainServer(self._server(environment))).url
        return Target(url, timeout=REQUEST_SECONDS, environment=environment)

    __call__ = target


@contextmanager
def faulty(server: type[Plain]) -> Iterator[Target]:
    with ExitStack() as running, stand_in() as upstream:
        starter = Started(server, running)
        yield on_a_faulty_upstream(starter, starter, upstream)  # type: ignore[arg-type]


def broken(verdicts: list[Verdict]) -> dict[str, str]:
    return {each.case.id: each.reason for each in verdicts if each.status in ("broken", "fault")}


class ReadsOpenaisNames(Plain):
    def read_base_url(self, environment: Mapping[str, str]) -> str | None:
        return environment.get("OPENAI_BASE_URL")


class HasAnUpstreamOfItsOwn(Plain):
    """It reads no variable. Its answers do not say that they are offline, because they are not."""

    def read_base_url(self, environment: Mapping[str, str]) -> str | None:
        return None

    def offline_text(self) -> str:
        return "Hello from my own model."


def test_a_server_that_reads_only_openai_s_names_meets_the_stand_in() -> None:
    with faulty(ReadsOpenaisNames) as target:
        verdicts = [judge(case, target) for case in chosen(["S13", "E9", "R9/2", "X2"])]
    assert target.upstream is not None
    assert broken(verdicts) == {}
    assert {each.case.id: each.status for each in verdicts}["X2/1"] == "not shown"
    assert {verdict.status for verdict in verdicts if verdict.case.clause.id == "S13"} == {"holds"}


def test_a_server_that_never_asks_the_stand_in_is_not_judged_by_it() -> None:
    with faulty(HasAnUpstreamOfItsOwn) as target:
        verdicts = judge_all([target])
    assert target.upstream is None
    assert broken(verdicts) == {}
    reasons = {verdict.case.id: verdict.reason for verdict in verdicts if verdict.status == "not shown"}
    for case in ("E9/3", "E9/4", "S14/1", "X1/1", "X2/1", "U3/5", "R9/2", "A3/5"):
        assert reasons[case] == NOT_ASKED


class SaysOnlyThatItIsNoJson(Plain):
    def parse(self, body: bytes) -> Json:
        if b"NaN" in body or b"Infinity" in body:
            raise Refused(None, "the body is not JSON")
        return super().parse(body)


def test_a_refusal_of_what_is_no_json_need_not_name_a_field() -> None:
    with stand_in() as upstream, serving(SaysOnlyThatItIsNoJson, upstream) as target:
        assert broken([judge(case, target) for case in CLAUSES["S16"].cases]) == {}


class HasNoHealth(Plain):
    def health(self) -> tuple[int, Json]:
        return 404, {}


def test_a_server_without_health_is_accused_of_that_alone() -> None:
    with stand_in() as upstream, serving(HasNoHealth, upstream) as target:
        verdicts = judge_all([target])
    assert {verdict.case.clause.id for verdict in verdicts if verdict.status == "broken"} == {"E2", "E8", "E9", "N1"}


class ServesForEver(Shelf):
    def is_over(self, item: Json) -> bool:
        return False


class ServesExpiredArtifacts(Plain):
    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return ServesForEver(environment)


class SendsEarlierBytes(Plain):
    def read_shelf(self, environment: Mapping[str, str]) -> Shelf:
        return SendsEarlierBytesInParts(environment)


@pytest.mark.parametrize(
    ("server", "case"),
    [(ServesExpiredArtifacts, "A4/11"), (SendsEarlierBytes, "A3/6"), (BelievesAnyHost, "A2/5")],
    ids=lambda given: getattr(given, "__name__", given),
)
def test_a_server_that_sends_small_artifacts_inline_is_looked_at_too(
    server: type[Plain], case: str, upstream: Upstream
) -> None:
    """These three did not look if the only known prompt makes an artifact that fits inline, and said "ok"."""
    with serving(server, upstream) as target:
        target.prompts = {**PROMPTS, "artifact": "artifact 1000 photo.png"}
        verdicts = [judge(each, target) for each in chosen([case])]
        assert [verdict.status for verdict in verdicts] == ["broken"], verdicts[0].reason
        target.launch, target.upstream = None, None
        verdicts = [judge(each, target) for each in chosen([case])]
        assert [verdict.status for verdict in verdicts] == ["not shown"]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with stand_in() as started:
        yield started
