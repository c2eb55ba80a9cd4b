"""Machines in the life of a run: cold, without capacity, lost, idle, and turned on and off by others."""

import pytest

from bot.errors import NoCapacity, Unavailable
from bot.ports import PowerState
from bot.runs.model import FREED, Phase, Reason
from tests.doubles.station import Station


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path)


def test_a_machine_without_capacity_is_named_within_a_minute_and_given_back(station):
    station.machines["alice"].fail("start", NoCapacity("no capacity for g5.xlarge"), times=99)
    station.train()
    began = station.clock.now()
    run = station.until_phase(Phase.FAILED)
    station.until(lambda: not station.run().holds, limit=10)
    assert run.reason is Reason.NO_CAPACITY
    assert station.clock.now() - began <= 60
    assert len(station.said(kind="terminal")) == 1


def test_a_stopping_machine_is_waited_for(station):
    station.machines["alice"].state = PowerState.STOPPING
    station.train()
    station.tick(20)
    assert station.run().phase is Phase.STARTING
    station.machines["alice"].state = PowerState.STOPPED
    station.until_step("prepare")
    assert station.machines["alice"].starts == 1


def test_a_machine_that_never_answers_is_given_up(station):
    station.machines["alice"].shell_up = False
    station.train()
    run = station.until_phase(Phase.FAILED)
    assert run.reason is Reason.START_TIMEOUT


@pytest.mark.parametrize("nonsense", [-1, True, "much", None, 2**80, 1.5])
def test_the_room_on_a_machines_disk_is_known_from_its_last_step_and_nonsense_changes_nothing(station, nonsense):
    station.train()
    machine = station.until_step("prepare")
    machine.emit("step", name="prepare", state="finished", seconds=1.0, disk_free=5_000_000_000)
    machine.finish()
    machine = station.until_step("repro")
    seen = station.store.machines.get("alice")
    assert (seen.disk_free, seen.disk_seen_at) == (5_000_000_000, station.run().phase_at)
    machine.emit("step", name="repro", state="finished", seconds=1.0, disk_free=nonsense)
    station.tick(1)
    assert station.store.machines.get("alice").disk_free == 5_000_000_000


def test_a_machine_that_vanishes_ends_the_run_as_lost(station):
    station.train()
    station.until_step("prepare").play("prepare")
    station.until_step("repro").vanish()
    assert station.until_phase(Phase.FAILED).reason is Reason.MACHINE_LOST


def test_a_shell_that_hiccups_changes_nothing(station):
    station.train()
    machine = station.until_step("prepare")
    machine.fail("status", Unavailable("connection reset"), times=5)
    station.tick(30)
    assert station.run().phase is Phase.PREPARING
    station.train_to_release()


def test_a_machine_that_cannot_be_reached_keeps_its_reservation_and_the_person_still_hears(station):
    station.train()
    machine = station.until_step("prepare")
    machine.fail("kill", Unavailable("no route to host"), times=9999)
    station.store.cancel(1, "UALICE")
    station.tick(1)
    for _ in range(90):
        station.tick(1)
    assert len(station.said(kind="terminal")) == 1
    assert station.run().holds
    machine.errors.clear()
    station.tick(60)
    assert not station.run().holds
    assert len(station.said(kind="terminal")) == 1


def test_an_idle_machine_is_stopped_once_and_never_under_a_job(tmp_path):
    station = Station(tmp_path, idle_seconds=60)
    station.train()
    station.until_step("prepare")
    station.upkeep(3600)
    assert station.machines["alice"].stops == 0
    station.train_to_release()
    station.upkeep(30)
    assert station.machines["alice"].stops == 0
    station.upkeep(40)
    station.upkeep(10)
    assert station.machines["alice"].stops == 1


@pytest.mark.parametrize("late", [0.0, 4.0, 9.9])
def test_no_machine_is_on_longer_than_the_idle_time_after_its_last_work(tmp_path, late):
    station = Station(tmp_path, idle_seconds=300)
    station.train()
    freed = station.train_to_release().times[FREED]
    station.clock.advance(late)
    while not station.machines["alice"].stops:
        station.upkeep()
    assert 280 < station.clock.now() - freed <= 300


def test_a_machine_that_a_person_started_by_hand_is_swept_after_its_idle_time(tmp_path):
    station = Station(tmp_path, idle_seconds=60)
    station.machines["bob"].state = PowerState.RUNNING
    station.upkeep()
    assert station.machines["bob"].stops == 0
    station.upkeep(61)
    assert station.machines["bob"].stops == 1


def test_a_box_that_is_not_ours_to_stop_is_never_stopped(tmp_path):
    station = Station(tmp_path, idle_seconds=0)
    rack = station.machines["alice"]
    rack.stoppable, rack.state = False, PowerState.RUNNING
    station.upkeep(100)
    station.upkeep(100)
    assert rack.stops == 0
    station.train()
    station.train_to_release()


def test_a_run_that_comes_while_the_machine_stops_waits_and_then_starts_it(tmp_path):
    station = Station(tmp_path, idle_seconds=0)
    station.machines["alice"].state = PowerState.RUNNING
    station.upkeep()
    assert station.store.machines.get("alice").stopping
    station.train()
    station.tick()
    assert station.run().phase is Phase.QUEUED
    station.upkeep()
    station.until_step("prepare")


def test_hours_in_which_the_bot_did_not_ask_are_no_reason_to_give_a_machine_up(station):
    station.train()
    machine = station.until_step("prepare")
    machine.fail("read", Unavailable("no route to host"), times=3)
    station.until(lambda: "trouble" in station.run().progress, limit=10, step=0.1)
    station.clock.advance(6 * 3600)
    station.boot()
    station.tick()
    assert station.run().phase is Phase.PREPARING
    assert station.run().progress["trouble"]["tries"] > 1
    station.train_to_release()


def test_an_idle_machine_stays_as_idle_as_it_was_when_the_clock_is_set_back_between_two_bots(tmp_path):
    station = Station(tmp_path, idle_seconds=60)
    station.machines["bob"].state = PowerState.RUNNING
    station.upkeep()
    station.upkeep(35)
    station.clock.advance(-3600)
    station.boot()
    station.upkeep(10)
    assert station.machines["bob"].stops == 0
    station.upkeep(15)
    assert station.machines["bob"].stops == 1
