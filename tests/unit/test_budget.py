"""What one run may cost: the thread is warned, the run is ended there, and a result that is being saved never is."""

import pytest

from bot.ports import PowerState
from bot.runs.model import SENTENCES, Kind, Note, Phase, Reason
from bot.slack.ending import terminal
from bot.slack.milestones import milestone
from tests.doubles.runs import a_run
from tests.doubles.station import Station

HOUR = 3_600
PRICE, LIMIT = 2.0, 10.0
"""Dollars an hour, and dollars: five hours."""


class Workshop(Station):
    """A station whose machines are looked at every minute, as the bill needs it."""

    def __init__(self, folder, **terms):
        super().__init__(folder, **{"max_cost": LIMIT, **terms})
        self.prices.update(alice=PRICE, bob=PRICE)

    def last(self, seconds: float) -> None:
        for _ in range(round(seconds / 60)):
            self.upkeep(60)
            self.tick()


@pytest.fixture
def station(tmp_path):
    return Workshop(tmp_path)


def until_training(station, number=1):
    station.until_step("prepare", number).play("prepare")
    return station.until_step("repro", number)


def milestones(station, what, number=1):
    return [row for row in station.said(number, "milestone") if f'"{what}"' in row["data"]]


def test_a_training_is_ended_when_it_has_cost_what_it_may(station):
    station.train()
    machine = until_training(station)
    station.last(4.9 * HOUR)
    assert station.run().phase is Phase.TRAINING
    station.last(0.2 * HOUR)
    run = station.run()
    assert (run.phase, run.reason) == (Phase.FAILED, Reason.TOO_EXPENSIVE)
    assert run.detail["message"] == "The limit here is $10.00 (max_cost, or MAX_RUN_COST)."
    assert station.store.costs.of_run(run).amount == pytest.approx(LIMIT, abs=0.1)
    station.until(lambda: not station.run().holds)
    assert machine.running() == []


def test_the_thread_is_told_once_before_that(station):
    station.train()
    until_training(station)
    station.last(3.9 * HOUR)
    assert milestones(station, "cost-near") == []
    station.last(0.8 * HOUR)
    assert len(milestones(station, "cost-near")) == 1


def test_what_is_over_before_the_next_step_is_not_launched(station):
    station.train()
    machine = station.until_step("prepare")
    station.clock.advance(60)
    station.prices["alice"] = 100_000.0
    station.upkeep(10)
    machine.play("prepare")
    station.tick(10)
    assert station.run().reason is Reason.TOO_EXPENSIVE
    assert [job.step for job in machine.jobs.values()] == ["prepare"]


def test_a_result_that_is_being_saved_is_never_ended_for_its_cost(station):
    station.train()
    until_training(station)
    station.last(4.9 * HOUR)
    station.machines["alice"].play("repro")
    machine = station.until_step("publish")
    assert "max_cost" not in machine.current().spec
    station.last(3 * HOUR)
    machine.play("publish")
    assert station.until_phase(Phase.RELEASED).reason is None
    assert station.store.costs.of_run(station.run()).amount > LIMIT


def test_a_training_that_is_done_at_that_moment_is_saved(station):
    station.train()
    machine = until_training(station)
    station.last(4.5 * HOUR)
    machine.play("repro")
    station.upkeep(HOUR)
    station.until_step("publish").play("publish")
    station.until_phase(Phase.RELEASED)


def test_a_comparison_goes_on_as_well(station):
    station.train()
    until_training(station).play("repro")
    station.until_step("publish").play("publish")
    station.until_phase(Phase.RELEASED)
    station.code.tags_made["v1.0.0"] = "c" * 40
    station.reproduce()
    until_training(station, 2)
    station.last(4.9 * HOUR)
    station.machines["alice"].play("repro")
    station.until_step("compare", 2)
    station.last(HOUR)
    station.machines["alice"].play("compare")
    station.until_phase(Phase.COMPARED, 2)


@pytest.mark.parametrize("lost", ["never known", "unknown since it was off"])
def test_where_nobody_knows_what_an_hour_costs_nothing_is_ended(station, lost):
    if lost == "never known":
        station.prices.clear()
    else:
        station.machines["alice"].state = PowerState.RUNNING
        station.upkeep(60)
        station.prices.clear()
        station.machines["alice"].state = PowerState.STOPPED
        station.upkeep(60)
    station.train()
    machine = until_training(station)
    assert "max_cost" not in machine.current().spec
    station.last(20 * HOUR)
    assert station.run().phase is Phase.TRAINING


def test_a_price_that_is_lost_on_the_way_counts_as_it_was_known_last(station):
    station.train()
    until_training(station)
    station.last(HOUR)
    station.prices.clear()
    station.last(3.9 * HOUR)
    assert station.run().phase is Phase.TRAINING
    station.last(0.2 * HOUR)
    assert station.run().reason is Reason.TOO_EXPENSIVE


def test_time_that_costs_nothing_is_limited_by_the_hours_alone(station):
    station.prices["alice"] = 0.0
    station.train()
    machine = until_training(station)
    assert machine.current().spec["limit_seconds"] == pytest.approx(72 * HOUR, abs=60)
    station.last(6 * HOUR)
    assert station.run().phase is Phase.TRAINING


def test_the_machine_ends_the_step_itself_at_the_lesser_of_both_limits(tmp_path):
    station = Workshop(tmp_path, max_hours=72)
    station.train()
    spec = until_training(station).current().spec
    assert spec["limit_seconds"] == pytest.approx(5 * HOUR, abs=120)
    assert spec["max_cost"] == LIMIT
    short = Workshop(tmp_path / "short", max_hours=2)
    short.train()
    spec = until_training(short).current().spec
    assert spec["limit_seconds"] == pytest.approx(2 * HOUR, abs=120)
    assert "max_cost" not in spec


# what comes after it


def ended_by_its_machine(station):
    station.train()
    machine = until_training(station)
    machine.emit(
        "failed", step="repro", cause="too-expensive", message="The limit here is $10.00 (max_cost).", lines=[]
    )
    machine.finish(143)
    station.until(lambda: station.run().phase is Phase.FAILED and not station.run().holds)


def ended_by_the_bot(station):
    station.train()
    until_training(station)
    station.last(6 * HOUR)
    station.until(lambda: station.run().phase is Phase.FAILED and not station.run().holds)


@pytest.mark.parametrize("ended", [ended_by_its_machine, ended_by_the_bot])
def test_it_is_tried_again_only_after_the_limit_was_raised(station, ended):
    ended(station)
    assert station.run().reason is Reason.TOO_EXPENSIVE
    station.retry(station.run())
    station.tick()
    said = station.said(None, "whisper")[-1]["text"]
    assert "Run 1 was ended at $10.00, and one run may cost no more there still." in said
    station.terms = type(station.terms)(max_cost=20.0)
    station.boot()
    station.retry(station.run())
    station.until_step("prepare", 2)


def test_the_last_message_says_what_was_reached_what_is_kept_and_what_helps():
    run = a_run(Phase.FAILED, reason=Reason.TOO_EXPENSIVE, detail={"message": "The limit here is $10.00 (max_cost)."})
    said = str(terminal(run, Note("terminal")).blocks)
    assert SENTENCES[Reason.TOO_EXPENSIVE] in said
    assert "The limit here is $10.00" in said
    assert "checkpoints" in said
    assert "once whoever runs Stationmaster has raised the limit" in said
    smoke = a_run(Phase.FAILED, kind=Kind.SMOKE, reason=Reason.TOO_EXPENSIVE)
    assert "Once whoever runs Stationmaster has raised the limit" in str(terminal(smoke, Note("terminal")).blocks)


def test_the_warning_pings_nobody_and_says_how_long_is_left():
    note = Note("milestone", data={"what": "cost-near", "spent": 8.0, "limit": 10.0, "seconds": 3_000.0})
    said = milestone(a_run(Phase.TRAINING), note).text
    assert said == (
        "This run has cost $8.00 of the $10.00 that one may cost here. "
        "It is ended there in 50 min, unless its training is done by then."
    )
