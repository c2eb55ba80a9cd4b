"""Bytes, seconds and dollars of a training that has not begun, checked against sums by hand."""

import pytest

from bot.engine import forecast
from bot.engine.forecast import Pull
from bot.runs.model import FREED, Phase
from tests.doubles.runs import START, a_run
from trainer.definition.graph import Out

RAW, READY = Out("data/raw", "1" * 32 + ".dir", 900), Out("ready.bin", "2" * 32, 100)


def past(held, **took):
    times = {Phase.STARTING: START, Phase.RELEASING: START + held}
    return a_run(
        Phase.RELEASED, times=times, progress={"stage_seconds": took, "stages": dict.fromkeys(took, "finished")}
    )


@pytest.mark.parametrize(
    ("needed", "there", "paths", "pull"),
    [
        ([RAW, READY], {"x"}, {"x"}, Pull(1_000)),
        ([RAW, READY], {READY.oid}, {READY.path}, Pull(900)),
        ([RAW], {"x"}, {RAW.path}, Pull(900, at_most=True)),
        ([RAW], set(), set(), Pull(900, at_most=True)),
        ([RAW, READY], {RAW.oid, READY.oid}, {RAW.path}, Pull(0)),
        ([], set(), set(), Pull(0)),
        ([READY, Out("copy.bin", READY.oid, 100)], {"x"}, set(), Pull(100)),
        ([RAW, Out("unknown", "9" * 32)], {"x"}, set(), Pull(None)),
    ],
    ids=["all", "some", "another version is there", "new machine", "nothing", "no needs", "same content", "no size"],
)
def test_what_is_fetched_is_what_is_needed_and_not_there(needed, there, paths, pull):
    assert forecast.pull(needed, there, paths) == pull


def test_the_time_is_that_of_the_stages_that_would_run_and_all_around_them():
    runs = [past(150, ready=20, train=100), past(170, ready=30, train=100), past(130, train=100)]
    assert forecast.seconds(["train"], ["ready", "train"], runs) == 100 + 30
    assert forecast.seconds(["ready", "train"], ["ready", "train"], runs) == 100 + 30 + 30
    assert forecast.seconds([], ["ready", "train"], runs) == 30


def test_a_smoke_test_has_its_machine_until_it_gives_it_back():
    progress = {"stage_seconds": {"train": 25}, "stages": {"train": "finished"}}
    tested = a_run(Phase.TESTED, times={Phase.STARTING: START, FREED: START + 40}, progress=progress)
    assert forecast.seconds(["train"], ["train"], [tested]) == 40


def test_a_stage_that_never_ran_makes_the_time_unknown():
    assert forecast.seconds(["export"], ["train", "export"], [past(150, train=100)]) is None
    assert forecast.seconds(["train"], ["train"], []) is None
    assert forecast.seconds(["train"], ["train"], [a_run(Phase.RELEASED)]) is None


def test_a_short_run_costs_a_minute_and_a_pool_its_dearest_machine():
    assert forecast.dollars(10, [3.6]) == pytest.approx(0.06)
    assert forecast.dollars(100, [1.8, 3.6]) == pytest.approx(0.1)


@pytest.mark.parametrize(("seconds", "prices"), [(None, [1.0]), (10, []), (10, [1.0, None])])
def test_a_cost_is_unknown_without_a_time_or_a_price(seconds, prices):
    assert forecast.dollars(seconds, prices) is None
