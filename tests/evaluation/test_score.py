"""Tests of the score of section 10, its intervals, and comparisons."""

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import replace

import pytest

from competitor.evaluation.compare import difference, differences, pairs
from competitor.evaluation.kinds import KINDS, STREAM
from competitor.evaluation.minds import MINDS, Thinker, mind
from competitor.evaluation.score import Result, composite, kind_mean, lost, parts, spread
from competitor.evaluation.task import Answer, prompt_tokens

from .solving import graded, made, points, solved

EACH = 17  # so many tasks of each kind are 200 altogether


def verdict(before: list[Result], after: list[Result]) -> str:
    return difference("score", pairs(before, after), composite).verdict


def tasks_for_pairs(count: int = EACH) -> list:  # type: ignore[type-arg]
    """At least 200 tasks, of all kinds that can be graded in a moment."""
    some = [task for task in made(count) if task.kind not in ("code", "see", "draw")]
    assert len(some) >= 200
    return some


def one(kind: str = "reason", **fields: object) -> Result:
    usual = Result("x", kind, 1.0, first=0.1, rate=30, even=100, deltas=300, tokens=100, baseline=100)
    return replace(usual, **fields)  # type: ignore[arg-type]


def test_the_score_is_that_of_section_10() -> None:
    results = [one(), one("draw", points=0.5), one(STREAM, even=80, first=2.75, rate=15)]
    found = parts(results)
    assert found["quality"] == 100
    assert found["modality"] == 50
    assert found["streaming"] == 80
    ttft = (0.1 + 0.1 + 2.75) / 3
    assert found["speed"] == pytest.approx(50 * (5 - ttft) / 4.5 + 25)
    assert found["cost"] == pytest.approx(100 * (0.5 + 0.25 + 0.5) / 3)
    weights = {"quality": 40, "speed": 20, "cost": 15, "streaming": 15, "modality": 10}
    assert composite(results) == pytest.approx(sum(weights[name] * value for name, value in found.items()) / 100)


@pytest.mark.parametrize(("tokens", "score"), [(50, 100), (25, 100), (100, 50), (200, 25), (0, 0)])
def test_cost_counts_tokens_against_the_baseline(tokens: int, score: float) -> None:
    assert parts([one(tokens=tokens)])["cost"] == score


def test_too_few_deltas_of_a_long_text_cost_points() -> None:
    assert parts([one(STREAM, deltas=100)])["streaming"] == 50
    assert parts([one(STREAM, deltas=900)])["streaming"] == 100


def test_an_answer_without_a_first_token_counts_as_late() -> None:
    assert parts([one(first=None)])["speed"] == 0


def test_a_part_that_was_not_measured_does_not_count() -> None:
    assert "streaming" not in parts([one()])
    assert parts([one("see", not_measured="why")]) == {}
    assert composite([one("see", not_measured="why"), one(tokens=50)]) == 100


def test_what_is_lost_is_what_is_missing() -> None:
    results = [one(points=0.25), one("draw", points=0.5), one(STREAM, even=70)]
    assert sum(points for points, _ in lost(results)) == pytest.approx(100 - composite(results), abs=0.2)
    assert lost(results)[0][1] == "quality: arithmetic and logic"


def test_the_interval_of_a_mean_is_that_of_the_textbook() -> None:
    chance = random.Random(1)
    results = [one(points=chance.random()) for _ in range(50)]
    values = [100 * each.points for each in results]
    expected = 1.96 * statistics.stdev(values) / math.sqrt(len(values))
    assert spread(results, lambda each: each.kind, kind_mean) == pytest.approx(expected)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    """Of 300 intervals around the mean of 40 tasks that hold with a chance of 70 percent."""
    chance, covered = random.Random(5), 0
    for _ in range(300):
        results = [one(kind, points=float(chance.random() < 0.7)) for kind in ("reason", "read") for _ in range(20)]
        half = spread(results, lambda each: each.kind, quality)
        covered += abs(quality(results) - 70) <= half
    assert 0.90 <= covered / 300 <= 0.99


def quality(results: Sequence[Result]) -> float:
    return parts(results)["quality"]


def test_a_run_is_no_different_from_itself() -> None:
    results = solved("weak:30", made(4))
    for each in differences(pairs(results, results)):
        assert each.verdict == "no difference"
        assert each.change == 0


def test_a_mind_that_is_five_percent_worse_is_found() -> None:
    some = tasks_for_pairs()
    before = solved("perfect", some)
    found = [verdict(before, solved("weak:5", some, seed)) for seed in range(20)]
    assert found.count("worse") >= 18
    assert "better" not in found


@pytest.mark.slow
def test_equal_minds_are_rarely_called_different() -> None:
    some = tasks_for_pairs()
    runs = [solved("weak:20", some, seed) for seed in range(200)]
    verdicts = [verdict(*two) for two in zip(runs[::2], runs[1::2], strict=True)]
    assert len(verdicts) == 100
    assert len([each for each in verdicts if each != "no difference"]) <= 10


def test_a_difference_in_words() -> None:
    some = tasks_for_pairs()
    worse = differences(pairs(solved("perfect", some), solved("weak:50", some)))
    assert worse[0].words.startswith("worse by ")
    assert ", 95 % " in worse[0].words
    better = differences(pairs(solved("weak:50", some), solved("perfect", some)))[0]
    assert better.words.startswith("better by ")


def test_only_tasks_that_both_runs_measured_are_compared() -> None:
    some = made(2)
    before, after = solved("perfect", some), solved("perfect", some)[3:]
    after[0] = replace(after[0], not_measured="why")
    assert len(pairs(before, after)) == len(after) - 1


@pytest.mark.parametrize("name", [*MINDS, "weak:100"])
def test_a_flaw_costs_points_where_it_should_and_nowhere_else(name: str) -> None:
    some = [task for task in made(6) if task.kind != "code" or name in ("perfect", "buggy", "weak:100")]
    found, costs = points(solved(name, some)), mind(name).costs
    kinds = {task.kind for task in some}
    assert {kind for kind in kinds if found[kind] < 1} == costs & kinds


def timed(name: str) -> dict[str, float]:
    """The parts of the score of a mind whose words arrive as it sends them."""
    some = [task for task in made(3) if task.kind in (STREAM, "reason")]
    thinker, results = Thinker(name, some), []
    for task in some:
        reply = thinker.reply(task.body)
        words = len(reply.text.split())
        times = tuple(reply.first + reply.step * (number // reply.at_once) for number in range(words))
        tokens = reply.tokens + prompt_tokens(task.body)
        results.append(graded(task, Answer(reply.text, (), times, reply.first, tokens, 0, times[-1])))
    return parts(results)


@pytest.mark.parametrize("name", [name for name, of in MINDS.items() if of.figures])
def test_a_flaw_of_pace_or_length_costs_its_part_and_no_other(name: str) -> None:
    found, best = timed(name), timed("perfect")
    assert {part for part in best if found[part] < best[part] - 1} == MINDS[name].figures


def test_the_weaker_of_two_minds_has_fewer_points_in_every_kind() -> None:
    """`weak` fails tasks by chance, so the kinds have many tasks."""
    some = [task for task in made(40) if task.kind not in ("code", "see", "draw")]
    scores = [points(solved(name, some)) for name in ("perfect", "weak:20", "weak:60", "weak:100")]
    for kind in {task.kind for task in some}:
        found = [score[kind] for score in scores]
        assert found == sorted(found, reverse=True), kind
        assert found[0] == 1
        assert found[0] > found[-1]
    assert set(scores[0]) == set(KINDS) - {"code", "see", "draw"}
