"""Machines that people switch on and off by hand: what is asked of them, and what the people hear."""

import pytest

from bot.engine.wishes import answer_people
from bot.errors import NoCapacity, NotFound, Unauthorised, Unavailable
from bot.ports import Person, PowerState
from bot.runs.model import Phase
from tests.doubles.station import Station


class Crash(BaseException):
    """Not an Exception: nothing in the bot may catch it, as nothing can catch kill -9."""


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path, "alice", idle_seconds=300, start_seconds=600)


def want(station, what, user="UALICE"):
    return getattr(station.store.wishes, what)("alice", user=user, channel="C1")


def told(station):
    return [row["text"] for row in station.said(None)]


def test_a_start_is_asked_for_once_and_its_person_hears_when_the_machine_answers(station):
    machine = station.machines["alice"]
    machine.shell_up = False
    assert want(station, "start")
    station.upkeep()
    station.upkeep()
    assert (machine.starts, told(station)) == (1, [])
    machine.shell_up = True
    station.upkeep()
    station.upkeep()
    (text,) = told(station)
    assert text.startswith("`alice` is on and answers. It is stopped again when nobody has used it for 5 min")
    assert (station.said(None)[0]["user"], station.said(None)[0]["channel"]) == ("UALICE", "C1")
    assert station.store.machines.get("alice").wanted is None


def test_a_machine_that_somebody_started_is_stopped_again_after_its_idle_time_and_not_while_it_boots(station):
    machine = station.machines["alice"]
    machine.shell_up = False
    want(station, "start")
    for _ in range(40):
        station.upkeep()
    machine.shell_up = True
    station.upkeep()
    assert "is on and answers" in told(station)[0]
    station.upkeep(280)
    assert machine.stops == 0
    station.upkeep(10)
    assert machine.stops == 1


def test_without_capacity_it_is_asked_again_for_a_while_and_then_said_within_a_minute(station):
    station.machines["alice"].fail("start", NoCapacity("No capacity for g5.xlarge."), times=99)
    want(station, "start")
    began = station.clock.now()
    while not told(station):
        station.upkeep(2)
    assert station.clock.now() - began <= 60
    assert "`alice` could not be started. No capacity for g5.xlarge." in told(station)[0]
    assert len(station.machines["alice"].errors) < 90
    left = len(station.machines["alice"].errors)
    station.upkeep(600)
    assert len(station.machines["alice"].errors) == left


def test_capacity_that_comes_back_in_time_is_taken(station):
    station.machines["alice"].fail("start", NoCapacity("No capacity."), times=3)
    want(station, "start")
    for _ in range(8):
        station.upkeep(2)
    assert "is on and answers" in told(station)[0]


@pytest.mark.parametrize("error", [Unauthorised("Not permitted."), NotFound("It was terminated.")])
def test_a_start_that_is_refused_is_said_at_once(station, error):
    station.machines["alice"].fail("start", error)
    want(station, "start")
    station.upkeep()
    assert str(error) in told(station)[0]
    assert station.store.wishes.open() == []


def test_a_machine_that_never_answers_is_given_up_and_said(station):
    station.machines["alice"].shell_up = False
    want(station, "start")
    for _ in range(70):
        station.upkeep()
    assert told(station) == [
        "`alice` could not be started. It is not ready after 10 min. `/locations start alice` tries again."
    ]


def test_a_machine_that_is_still_stopping_is_started_once_it_is_off(station):
    machine = station.machines["alice"]
    machine.state = PowerState.STOPPING
    want(station, "start")
    station.upkeep()
    assert machine.starts == 0
    machine.state = PowerState.STOPPED
    station.upkeep()
    station.upkeep()
    assert machine.starts == 1
    assert len(told(station)) == 1


def test_a_machine_that_is_about_to_be_stopped_is_not_said_to_be_on(station):
    machine = station.machines["alice"]
    machine.state = PowerState.RUNNING
    station.store.machines.saw("alice", "running")
    assert station.store.machines.take_for_stop("alice", idle_for=0)
    want(station, "start")
    assert not answer_people(station.world)
    assert told(station) == []
    station.upkeep()
    station.upkeep()
    assert (machine.stops, machine.starts, len(told(station))) == (1, 1, 1)


def test_a_stop_is_taken_at_once_and_its_person_hears_when_it_is_off(station):
    machine = station.machines["alice"]
    machine.state = PowerState.RUNNING
    station.upkeep()
    assert want(station, "stop")
    station.train()
    station.tick()
    assert station.run().phase is Phase.QUEUED
    station.upkeep()
    station.upkeep()
    assert machine.stops == 1
    assert told(station) == ["`alice` is off."]
    station.until_step("prepare")


def test_a_machine_is_not_stopped_while_a_run_has_it_or_somebody_waits_for_it(station):
    station.train()
    station.until_step("prepare")
    assert not want(station, "stop")
    station.train(tag="v2")
    station.tick()
    with station.store._database.write() as connection:
        connection.execute("UPDATE runs SET holds = 0 WHERE id = 1")
    assert not want(station, "stop")


def test_a_machine_that_somebody_holds_is_started_and_stopped_by_nobody_else(station):
    until = station.clock.now() + 600
    station.store.holds.take("alice", user="UALICE", until=until, reason="", channel="C1")
    assert not want(station, "stop", "UBOB")
    assert not want(station, "start", "UBOB")
    assert want(station, "stop")
    assert station.store.machines.get("alice").held_by is None


def test_nobody_undoes_what_somebody_else_asked_for_and_the_last_word_of_one_person_counts(station):
    assert want(station, "start")
    assert not want(station, "start")
    assert not want(station, "stop", "UBOB")
    assert want(station, "stop")
    assert want(station, "start")
    for _ in range(3):
        station.upkeep()
    assert station.machines["alice"].state is PowerState.RUNNING
    assert len(told(station)) == 1


def test_a_stop_that_is_refused_is_said_and_the_machine_is_given_back_to_those_who_wait(station):
    machine = station.machines["alice"]
    machine.state = PowerState.RUNNING
    station.store.machines.saw("alice", "running")
    machine.fail("stop", Unauthorised("Not permitted to stop it."), times=1)
    want(station, "stop")
    machine.fail("power", Unavailable("hiccup"))  # the idle stop does not look this time
    station.upkeep()
    assert "`alice` could not be stopped. Not permitted to stop it." in told(station)[0]
    station.train()
    station.until_step("prepare")


def test_a_stop_in_vain_does_not_let_the_machine_idle_all_over_again(station):
    machine = station.machines["alice"]
    machine.state = PowerState.RUNNING
    station.upkeep()
    began = station.clock.now()
    station.upkeep(200)
    machine.fail("stop", Unauthorised("Not permitted to stop it."), times=1)
    want(station, "stop")
    answer_people(station.world)
    assert "could not be stopped" in told(station)[0]
    while not machine.stops:
        station.upkeep()
    assert station.clock.now() - began <= 300


def test_a_stop_whose_record_was_lost_does_not_stop_what_somebody_started_meanwhile(station):
    machine = station.machines["alice"]
    machine.state = PowerState.RUNNING
    station.store.machines.saw("alice", "running")
    want(station, "stop")
    machine.stop()
    station.store.machines.saw("alice", "stopped")  # seen, and then the bot died before it said so
    station.boot()
    station.train()
    station.until_step("prepare")
    station.upkeep()
    assert machine.stops == 1
    assert told(station) == ["`alice` is off."]


@pytest.mark.parametrize(("what", "call"), [("start", "start"), ("stop", "stop")])
@pytest.mark.parametrize("after", [False, True])
def test_a_wish_survives_a_crash_before_and_after_the_deed(station, what, call, after):
    machine = station.machines["alice"]
    machine.state = PowerState.STOPPED if what == "start" else PowerState.RUNNING
    station.upkeep()
    want(station, what)
    deed = getattr(machine, call)

    def dies():
        if after:
            deed()
        setattr(machine, call, deed)
        raise Crash

    setattr(machine, call, dies)
    with pytest.raises(Crash):
        station.upkeep()
    station.boot()
    for _ in range(3):
        station.upkeep()
    assert (machine.starts, machine.stops) == ((1, 0) if what == "start" else (0, 1))
    assert len(told(station)) == 1


def test_a_wish_for_a_machine_that_is_not_in_the_settings_any_more_is_answered(station):
    station.store.wishes.start("attic", user="UALICE", channel="C1")
    station.upkeep()
    assert told(station) == ["There is no location `attic` any more."]


def test_a_stranger_is_looked_up_and_one_whom_slack_does_not_know_is_not_asked_for_again(station):
    people = station.store.people
    people.meet("UBOB")
    assert people.get("UBOB") is None
    station.upkeep()
    assert people.get("UBOB") == Person("UBOB", "Bob", "bob@example.com")
    station.world.chat.errors = [NotFound("user_not_found")]
    people.meet("UGHOST")
    station.upkeep()
    assert people.strangers() == []
    station.world.chat.errors = [Unavailable("Slack is away.")]
    people.meet("UEVE")
    station.upkeep()
    assert people.strangers() == []
    assert people.get("UEVE") is None


def test_how_long_a_machine_has_been_on_counts_from_its_start_and_is_forgotten_when_it_is_off(station):
    machines, began = station.store.machines, station.clock.now()
    for state in ("running", "running", "unknown", "running"):
        machines.saw("alice", state)
        station.clock.advance(60)
    assert machines.get("alice").on_since == began
    machines.saw("alice", "stopped")
    assert machines.get("alice").on_since is None
