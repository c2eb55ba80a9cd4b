"""How many runs one person may have: at once, and in any 24 hours."""

import pytest

from bot.errors import NoCapacity, Unavailable
from bot.ports import PowerState
from bot.runs.allowance import DAY, Allowance, Used, used_of
from bot.runs.heads import Asked
from bot.runs.model import Kind, Phase, Reason, TrainOptions
from tests.doubles.station import Station

HOUR = 3_600.0


def refusals(station):
    return [row["text"] for row in station.said(None, "whisper")]


def end(station, number):
    """Cancel a run, wherever it is, and see its machine given back."""
    station.store.cancel(number, "UALICE")
    station.until(lambda: station.run(number).phase is Phase.CANCELLED and not station.run(number).holds)


def a_start(station, number, **command):
    """A run that has its machine and is cancelled there."""
    assert station.train(tag=f"v{number}", **command)
    station.until_step("prepare", number)
    end(station, number)


# in 24 hours


def test_one_run_too_many_in_a_day_is_refused_with_when_the_next_one_may_start(tmp_path):
    station = Station(tmp_path, allowance=Allowance(runs_per_day=2, raised_by="#ml-platform"))
    a_start(station, 1)
    station.clock.advance(6 * HOUR)
    a_start(station, 2)
    station.train(tag="v3")
    station.tick()
    (said,) = refusals(station)
    assert said.startswith("Nothing was started: 2 of the 2 runs that one person may start in 24 hours are taken")
    assert "The next one may start in 18 h." in said
    assert said.endswith("Ask #ml-platform to raise that (`RUNS_PER_DAY`).")
    station.clock.advance(18 * HOUR)
    a_start(station, 3)


def test_each_kind_of_run_counts_and_other_people_have_their_own_day(tmp_path):
    station = Station(tmp_path, allowance=Allowance(runs_per_day=3), builds=True)
    station.code.files["params.yaml", "a" * 40] = b"epochs: 9\nsmoke: {epochs: 1}\n"
    a_start(station, 1)
    station.train(tag="smoke-of-main", options=TrainOptions(smoke=True))
    station.until_step("prepare", 2)
    end(station, 2)
    station.build_image()
    station.tick()
    station.reproduce("v9")  # refused for itself: there is no such release
    station.train(tag="v4")
    station.tick()
    assert station.run(3).kind is Kind.BUILD
    assert [("no tag" in text, "3 of the 3 runs" in text) for text in refusals(station)] == [
        (True, False),
        (False, True),
    ]
    station.train(tag="v4", user="UBOB")
    station.tick()
    assert station.run(4).user == "UBOB"


def test_a_push_that_asks_counts_for_its_person(tmp_path):
    station = Station(tmp_path, allowance=Allowance(runs_per_day=1))
    a_start(station, 1)
    asked = Asked("a" * 40, "UALICE", "C1", "main", "v2", Kind.TRAIN)
    station.store.heads.move("team/fruits", "main", "a" * 40, [asked])
    station.tick()
    assert "1 of the 1 runs" in refusals(station)[0]


def test_a_run_that_waits_counts_for_as_long_as_it_waits(tmp_path):
    station = Station(tmp_path, allowance=Allowance(runs_per_day=2))
    for number in (1, 2):
        station.train(tag=f"v{number}")
    station.until_step("prepare", 1)
    station.clock.advance(30 * HOUR)
    station.train(tag="v3")
    station.tick()
    assert station.run(3).phase is Phase.QUEUED
    station.train(tag="v4")
    station.tick()
    assert "a day after one of those that wait began" in refusals(station)[0]


@pytest.mark.parametrize("how", ["refused", "cancelled in line", "no capacity"])
def test_what_turned_no_machine_on_does_not_count(tmp_path, how):
    station = Station(tmp_path, allowance=Allowance(runs_per_day=2))
    a_start(station, 1)
    if how == "refused":
        station.train("no-such-branch", "v2")
        station.tick()
    elif how == "cancelled in line":
        station.train(tag="held", user="UBOB", options=TrainOptions(on="alice"))
        station.until_step("prepare", 2)
        station.train(tag="v2")
        station.tick()
        end(station, 3)
        end(station, 2)
    else:
        station.machines["alice"].state = PowerState.STOPPED
        station.machines["alice"].fail("start", NoCapacity("none free"), times=1_000)
        station.train(tag="v2")
        station.until(lambda: station.run(2).phase is Phase.FAILED and not station.run(2).holds)
        assert station.run(2).reason is Reason.NO_CAPACITY
        station.machines["alice"].errors.clear()
    before = len(refusals(station))
    station.train(tag="v5")
    station.tick()
    assert len(refusals(station)) == before
    station.train(tag="v6")
    station.tick()
    assert "2 of the 2 runs" in refusals(station)[-1]


def test_only_making_a_release_is_never_refused(tmp_path):
    station = Station(tmp_path, allowance=Allowance(runs_per_day=1, runs_at_once=1))
    station.train()
    for step in ("prepare", "repro"):
        station.until_step(step).play(step)
    station.code.release_errors += [Unavailable("GitLab is away")] * 10_000
    station.until_step("publish").play("publish")
    station.until(lambda: station.run().phase is Phase.FAILED)
    station.code.release_errors.clear()
    station.retry(station.run())
    station.until_phase(Phase.RELEASED, 2)
    assert refusals(station) == []


def test_after_the_limit_was_lowered_enough_of_them_have_to_be_a_day_old():
    now = 10 * DAY
    said = Allowance(runs_per_day=1).refusal(Used(starts=(now - 20 * HOUR, now - 2 * HOUR - 30)), now)
    assert "2 of the 1 runs" in said
    assert "in 22 h." in said
    assert "whoever runs Stationmaster here" in said


# at once


def test_one_run_too_many_at_once_is_refused_until_one_has_ended(tmp_path):
    station = Station(tmp_path, allowance=Allowance(runs_at_once=2))
    station.train(tag="v1")
    station.train(tag="v2")
    station.train(tag="v3")
    station.tick()
    (said,) = refusals(station)
    assert "runs 1, 2 are open, of 2 that one person may have at once, waiting ones included" in said
    assert "(`RUNS_AT_ONCE`)" in said
    end(station, 2)
    station.train(tag="v3")
    station.tick()
    assert station.run(3).tag == "v3"


def test_the_same_command_again_is_answered_with_its_run_and_not_with_the_limit(tmp_path):
    station = Station(tmp_path, allowance=Allowance(runs_at_once=1, runs_per_day=1))
    station.train()
    station.tick()
    station.train()
    station.tick()
    assert refusals(station)[0].startswith("That is run 1 already")


def test_what_needs_no_machine_any_more_is_not_open():
    rows = [
        {"id": 1, "phase": "held-back", "ended_at": None, "started": 50.0},
        {"id": 2, "phase": "releasing", "ended_at": None, "started": 60.0},
        {"id": 3, "phase": "training", "ended_at": None, "started": 70.0},
        {"id": 4, "phase": "queued", "ended_at": None, "started": None},
        {"id": 5, "phase": "failed", "ended_at": 90.0, "started": 80.0},
    ]
    assert used_of(rows, now=100.0) == Used(open=(3, 4), starts=(50.0, 60.0, 70.0, 80.0), to_come=1)


def test_without_limits_nobody_is_refused():
    assert Allowance().refusal(Used(open=tuple(range(50)), starts=(1.0,) * 50, to_come=50), 2.0) is None
