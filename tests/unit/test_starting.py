"""A machine that does not come up: the reason is told within a minute, the location is free, the machine off again."""

import json
import threading
import time

import pytest

from bot.engine.bell import Bell
from bot.engine.worker import Worker
from bot.errors import NoCapacity, NotFound, QuotaReached, Unauthorised, Unavailable
from bot.ports import PowerState
from bot.runs.model import Phase, Reason
from tests.doubles.location import FakeLocation
from tests.doubles.station import Station


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path)


def milestones(station, number=1):
    return [json.loads(row["data"]) for row in station.said(number, "milestone")]


def told(station, number=1):
    return [each["what"] for each in milestones(station, number)]


def until_given_back(station, number=1):
    station.until(lambda: station.run(number).phase.ended and not station.run(number).holds)
    return station.run(number)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoCapacity("no room for g5.xlarge"), Reason.NO_CAPACITY),
        (QuotaReached("the quota is used up"), Reason.QUOTA),
        (Unauthorised("the role may not start it"), Reason.START_REFUSED),
        (NotFound("it was terminated"), Reason.NO_MACHINE),
    ],
)
def test_a_refused_start_has_its_reason_in_the_thread_within_a_minute(station, error, reason):
    station.machines["alice"].fail("start", error, times=99)
    station.train()
    began = station.clock.now()
    run = until_given_back(station)
    assert station.clock.now() - began <= 60
    assert run.reason is reason
    assert run.detail["message"] == str(error)
    (terminal,) = station.said(kind="terminal")
    assert json.loads(terminal["data"]) == {}
    assert not station.store.machines.get("alice").stopping


def test_capacity_is_asked_for_a_bounded_number_of_times_and_taken_when_it_comes(station):
    station.machines["alice"].fail("start", NoCapacity("no room"), times=3)
    station.train()
    station.until_step("prepare")
    assert station.machines["alice"].starts == 1
    station.machines["bob"].fail("start", NoCapacity("no room"), times=99)
    station.train(tag="v2", user="UBOB")
    until_given_back(station, 2)
    assert 99 - len(station.machines["bob"].errors) <= 6


def test_capacity_is_waited_for_from_the_first_refusal_not_from_the_reservation(station):
    station.machines["alice"].state = PowerState.STOPPING
    station.train()
    station.tick()
    station.until(lambda: station.clock.now() - station.run().phase_at > 200)
    station.machines["alice"].state = PowerState.STOPPED
    station.machines["alice"].fail("start", NoCapacity("no room"), times=2)
    station.until_step("prepare")


def test_a_machine_that_the_cloud_does_not_know_is_given_up_in_the_end_and_not_at_once(station):
    station.machines["alice"].state = PowerState.UNKNOWN
    station.train()
    station.tick(300)
    assert station.run().phase is Phase.STARTING
    assert until_given_back(station).reason is Reason.NO_MACHINE


def test_a_machine_that_is_gone_is_named_at_once(station):
    station.machines["alice"].state = PowerState.GONE
    station.train()
    station.tick()
    assert until_given_back(station).reason is Reason.NO_MACHINE


def test_a_machine_that_goes_off_each_time_is_asked_three_times_and_no_more(station):
    machine = station.machines["alice"]
    station.train()
    station.tick()
    while not station.run().phase.ended:
        machine.state = PowerState.STOPPED
        station.tick(1)
    assert station.run().reason is Reason.START_FAILED
    assert machine.starts == 3


def test_a_slow_start_says_once_what_it_waits_for(station):
    machine = station.machines["alice"]
    machine.shell_up = False
    station.train()
    station.tick()
    for _ in range(40):
        station.tick(1)
    assert "start-slow" not in told(station)
    for _ in range(120):
        station.tick(1)
    assert [each["waits_for"] for each in milestones(station) if each["what"] == "start-slow"] == ["running"]
    machine.shell_up = True
    station.until_step("prepare")


def test_a_cloud_that_does_not_answer_is_what_a_slow_start_names(station):
    station.machines["alice"].fail("power", Unavailable("AWS does not answer"), times=50)
    station.train()
    station.tick()
    for _ in range(90):
        station.tick(1)
    assert [each["waits_for"] for each in milestones(station) if each["what"] == "start-slow"] == ["answer"]


def test_a_machine_that_never_answers_is_stopped_at_once_and_the_thread_says_so(tmp_path):
    station = Station(tmp_path, idle_seconds=3600)
    machine = station.machines["alice"]
    machine.shell_up = False
    station.train()
    run = until_given_back(station)
    assert run.reason is Reason.START_TIMEOUT
    assert machine.stops == 1
    assert machine.state is PowerState.STOPPED
    assert json.loads(station.said(kind="terminal")[0]["data"]) == {"stopping": True}


@pytest.mark.parametrize("restarted", [False, True])
def test_a_stop_that_was_refused_is_asked_for_until_the_power_is_off(tmp_path, restarted):
    station = Station(tmp_path, idle_seconds=3600)
    machine = station.machines["alice"]
    machine.shell_up = False
    machine.fail("stop", Unavailable("still starting"), times=3)
    station.train()
    until_given_back(station)
    assert machine.stops == 0
    if restarted:
        station.boot()
    for _ in range(4):
        station.upkeep()
    assert machine.state is PowerState.STOPPED
    station.upkeep()
    assert not station.store.machines.get("alice").stopping
    assert machine.stops == 1


def test_nobody_takes_a_machine_that_is_being_stopped_and_the_next_run_starts_it_anew(tmp_path):
    station = Station(tmp_path, idle_seconds=3600)
    machine = station.machines["alice"]
    machine.shell_up = False
    station.train()
    until_given_back(station)
    station.train(tag="v2")
    station.tick(1)
    assert station.run(2).phase is Phase.QUEUED
    machine.shell_up = True
    station.upkeep()
    station.until_step("prepare", 2)
    assert machine.starts == 2


def test_a_machine_that_somebody_waits_for_is_not_stopped_after_a_failed_start(tmp_path):
    station = Station(tmp_path, idle_seconds=3600)
    machine = station.machines["alice"]
    machine.shell_up = False
    station.train(tag="v1")
    station.until_phase(Phase.STARTING)
    station.train(tag="v2")
    until_given_back(station, 1)
    assert json.loads(station.said(1, "terminal")[0]["data"]) == {}
    machine.shell_up = True
    station.until_step("prepare", 2)
    assert machine.stops == 0


def test_a_machine_that_was_on_before_is_left_on_by_a_start_that_fails(tmp_path):
    station = Station(tmp_path, idle_seconds=3600)
    machine = station.machines["alice"]
    machine.state, machine.shell_up = PowerState.RUNNING, False
    station.train()
    until_given_back(station)
    assert machine.stops == 0


def test_a_start_whose_answer_was_lost_is_stopped_again_all_the_same(tmp_path):
    station = Station(tmp_path, idle_seconds=3600)
    machine = station.machines["alice"]
    machine.shell_up = False

    def start_and_lose_the_answer():
        machine.state = PowerState.RUNNING
        raise Unavailable("connection reset")

    machine.start = start_and_lose_the_answer
    station.train()
    until_given_back(station)
    assert machine.stops == 1


class Slow(FakeLocation):
    """Its cloud takes for ever to answer."""

    def __init__(self, name):
        super().__init__(name)
        self.asked, self.answer = threading.Event(), threading.Event()

    def start(self):
        self.asked.set()
        self.answer.wait(60)
        super().start()


def test_a_slow_cloud_call_of_one_machine_does_not_hold_up_another(tmp_path):
    station = Station(tmp_path)
    slow = station.machines["alice"] = Slow("alice")
    bell = Bell()
    worker = Worker(station.world, bell=bell, said=lambda: None)
    station.train(tag="v1")
    worker.start(2)
    try:
        assert slow.asked.wait(30)
        station.train(tag="v2", user="UBOB")
        deadline, began = time.monotonic() + 30, station.clock.now()
        while not station.machines["bob"].running():
            assert time.monotonic() < deadline, "bob waits for alice's cloud"
            if station.clock.now() - began < 30:  # well within the lease of alice's run
                station.clock.advance(1)
            bell.ring()
            time.sleep(0.01)
        assert slow.starts == 0
    finally:
        slow.answer.set()
        worker.stop()
