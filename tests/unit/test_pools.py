"""Several machines, one line: first come, first served, on whichever machine is free first."""

import json
from dataclasses import replace

import pytest

from bot.ports import PowerState
from bot.runs.lines import Lines
from bot.runs.model import Phase, Reason
from tests.doubles.rush import RUNS, out_of_turn, runs_given, rush
from tests.doubles.station import Station

POOL = {"gpus": ("gpu-1", "gpu-2")}


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path, "gpu-1", "gpu-2", "bob", pools=POOL)


def whats(station, number):
    return [json.loads(row["data"])["what"] for row in station.said(number, "milestone")]


def test_a_machine_serves_its_pools_line_or_its_own():
    lines = Lines(POOL)
    assert [lines.of(name) for name in ("gpu-1", "gpu-2", "bob")] == ["gpus", "gpus", "bob"]
    assert (lines.machines("gpus"), lines.machines("bob")) == (("gpu-1", "gpu-2"), ("bob",))
    assert (lines.is_pool("gpus"), lines.is_pool("bob")) == (True, False)
    assert Lines({"one": ("only",)}).is_pool("one")


def test_two_runs_start_at_once_and_the_third_gets_whichever_is_free_first(station):
    for tag in ("v1", "v2", "v3", "v4"):
        station.train(tag=tag)
        station.tick()
    assert [station.run(n).location for n in (1, 2)] == ["gpu-1", "gpu-2"]
    assert [station.run(n).phase for n in (3, 4)] == [Phase.QUEUED, Phase.QUEUED]
    assert {station.run(n).queue for n in (1, 2, 3, 4)} == {"gpus"}
    station.train_to_release(2)
    station.until_step("prepare", 3)
    assert station.run(3).location == "gpu-2"
    assert "your-turn" in whats(station, 3)
    assert station.run(4).phase is Phase.QUEUED
    station.train_to_release(1)
    station.until_step("prepare", 4)
    assert station.run(4).location == "gpu-1"
    assert [machine.most_at_once for machine in station.machines.values()] == [1, 1, 0]


def test_the_pools_line_is_first_in_first_out_whoever_looks_first(station):
    for tag in ("v1", "v2", "v3", "v4"):
        station.train(tag=tag)
        station.tick()
    (third, third_lease), (fourth, fourth_lease) = _both_waiting(station)
    with station.store._database.write() as connection:
        connection.execute("UPDATE runs SET holds = 0, phase = 'failed', ended_at = 1 WHERE id = 1")
    assert station.store.reserve(fourth, fourth_lease) is None
    assert station.store.reserve(third, third_lease).location == "gpu-1"


def test_a_run_that_is_refused_while_a_machine_becomes_free_is_woken_all_the_same(station):
    for tag in ("v1", "v2", "v3", "v4"):
        station.train(tag=tag)
        station.tick()
    (third, third_lease), (fourth, fourth_lease) = _both_waiting(station)
    with station.store._database.write() as connection:
        connection.execute("UPDATE runs SET holds = 0, phase = 'failed', ended_at = 1 WHERE id IN (1, 2)")
    assert station.store.reserve(fourth, fourth_lease) is None
    assert station.store.reserve(third, third_lease) is not None
    station.tick()
    assert station.run(4).location == "gpu-2"


def _both_waiting(station):
    station.clock.advance(6)
    claimed = [station.store.claim() for _ in range(4)]
    waiting = sorted((each for each in claimed if each and each[0].phase is Phase.QUEUED), key=lambda each: each[0].id)
    assert [run.id for run, _ in waiting] == [3, 4]
    return waiting


def test_four_threads_give_no_machine_to_two_let_nobody_overtake_and_miss_no_wake(station):
    def end(run, lease):
        station.store.apply(run, lease, replace(run, phase=Phase.FAILED, holds=False), due_in=0.0)

    rows = rush(station, end)
    assert station.store.runs(only_open=True) == []
    assert [run for run, _ in runs_given(rows)] == list(range(1, RUNS + 1))
    assert out_of_turn(rows, POOL["gpus"]) == {}


def test_a_machine_that_is_on_is_taken_before_one_that_has_to_be_started(station):
    station.machines["gpu-2"].state = PowerState.RUNNING
    station.upkeep()
    station.train()
    station.until_step("prepare")
    assert station.run().location == "gpu-2"
    assert station.machines["gpu-1"].starts == 0


def test_a_machine_that_is_being_stopped_or_does_not_exist_any_more_is_passed_over(tmp_path):
    station = Station(tmp_path, "gpu-1", "gpu-2", "gpu-3", pools={"gpus": ("gpu-1", "gpu-2", "gpu-3")}, idle_seconds=0)
    station.machines["gpu-1"].state = PowerState.GONE
    station.machines["gpu-2"].state = PowerState.RUNNING
    station.upkeep()
    assert station.store.machines.get("gpu-2").stopping
    station.train()
    station.tick()
    assert station.run().location == "gpu-3"


def test_a_machine_of_the_pool_is_not_stopped_while_somebody_waits_in_its_line(tmp_path):
    station = Station(tmp_path, "gpu-1", "gpu-2", pools=POOL, idle_seconds=0)
    station.store.machines.saw("gpu-1", "running")
    station.train()
    assert station.store.requests.accept(
        station.store.requests.claim(), project="p", commit="c" * 40, email="alice@example.com", location="gpus"
    )
    assert not station.store.machines.take_for_stop("gpu-1", idle_for=0)


def test_people_with_a_machine_of_their_own_wait_in_its_line_and_not_in_the_pools(station):
    station.train(user="UBOB")
    station.train(tag="v2")
    station.tick()
    assert (station.run(1).queue, station.run(1).location) == ("bob", "bob")
    assert (station.run(2).queue, station.run(2).location) == ("gpus", "gpu-1")


def test_when_the_first_in_line_is_cancelled_the_next_one_is_woken(station):
    for tag in ("v1", "v2", "v3", "v4"):
        station.train(tag=tag)
        station.tick()
    (third, third_lease), (fourth, fourth_lease) = _both_waiting(station)
    with station.store._database.write() as connection:
        connection.execute("UPDATE runs SET holds = 0, phase = 'failed', ended_at = 1 WHERE id = 1")
    assert station.store.reserve(fourth, fourth_lease) is None
    cancelled = replace(third, phase=Phase.CANCELLED, reason=Reason.CANCELLED)
    assert station.store.apply(third, third_lease, cancelled, due_in=0.0)
    station.tick()
    assert station.run(4).location == "gpu-1"


def test_a_run_whose_line_is_no_longer_in_the_settings_ends_with_a_sentence(tmp_path):
    station = Station(tmp_path, "gpu-1", "gpu-2", pools=POOL)
    for tag in ("v1", "v2", "v3"):
        station.train(tag=tag)
        station.tick()
    station.lines = Lines({"others": ("gpu-1", "gpu-2")})
    station.boot()
    station.tick(6)
    run = station.run(3)
    assert (run.phase, run.reason) == (Phase.FAILED, Reason.START_REFUSED)
    assert "no location `gpus` any more" in run.detail["message"]
    assert len(station.said(3, "terminal")) == 1
