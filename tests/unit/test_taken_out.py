"""A machine that is taken out of the settings while a run has it: the run ends with its reason, and nothing waits."""

import pytest

from bot.doctor import reservations
from bot.errors import DoorError, NoCapacity, Unavailable
from bot.runs.lines import Lines
from bot.runs.model import SENTENCES, Phase, Reason
from tests.doubles.station import Station


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path)


def without(station, name):
    """The bot starts again, with settings that lack the machine."""
    machine = station.machines.pop(name)
    station.boot()
    return machine


@pytest.mark.parametrize("step", ["prepare", "repro", "publish"])
def test_a_run_that_works_there_fails_with_a_sentence_and_the_reservation_ends(station, step):
    station.train()
    for earlier in ("prepare", "repro", "publish")[: ("prepare", "repro", "publish").index(step)]:
        station.until_step(earlier).play(earlier)
    station.until_step(step)
    without(station, "alice")
    station.tick(1)
    run = station.run()
    assert (run.phase, run.reason, run.holds) == (Phase.FAILED, Reason.LOCATION_REMOVED, False)
    assert "`alice`" in run.detail["message"]
    assert "taken out of the settings" in SENTENCES[run.reason]
    assert len(station.said(kind="terminal")) == 1
    assert "stumbles" not in run.progress


def test_a_run_whose_machine_was_being_started_ends_too(station):
    station.machines["alice"].fail("start", NoCapacity("no room"), times=99)
    station.train()
    station.tick()
    without(station, "alice")
    station.tick(11)
    assert (station.run().reason, station.run().holds) == (Reason.LOCATION_REMOVED, False)


def test_a_run_that_had_ended_and_could_not_be_given_back_keeps_its_reason_and_says_nothing_twice(station):
    station.train()
    station.until_step("prepare").kill = lambda *_: False
    station.store.cancel(1, "UALICE")
    station.tick()
    station.tick(120)
    assert station.run().holds
    said = [row["kind"] for row in station.said()]
    assert said[-1] == "terminal"
    without(station, "alice")
    station.tick(60)
    assert (station.run().reason, station.run().holds) == (Reason.CANCELLED, False)
    assert [row["kind"] for row in station.said()] == said


def test_a_result_that_was_pushed_is_released_without_the_machine(station):
    station.train()
    for step in ("prepare", "repro", "publish"):
        station.until_step(step).play(step)
    station.public.errors.append(Unavailable("S3 does not answer"))
    station.until_phase(Phase.RELEASING)
    without(station, "alice")
    assert station.until_phase(Phase.RELEASED).reason is None


def test_the_machine_can_be_used_again_when_it_is_back_and_what_was_left_on_it_is_ended(station):
    station.train(tag="v1")
    station.until_step("prepare")
    machine = without(station, "alice")
    station.tick(1)
    left = machine.running()
    station.machines["alice"] = machine
    station.boot()
    station.upkeep(61)
    assert left
    assert machine.running() == []
    station.train(tag="v2")
    station.train_to_release(2)


def test_a_run_of_a_pool_goes_to_another_machine_while_nothing_of_it_ran(tmp_path):
    station = Station(tmp_path, "gpu-1", "gpu-2", pools={"gpus": ("gpu-1", "gpu-2")})
    station.machines["gpu-1"].shell_up = False
    station.train()
    station.tick()
    station.lines = Lines({"gpus": ("gpu-2",)})
    without(station, "gpu-1")
    station.tick(1)
    station.until_step("prepare")
    assert station.run().location == "gpu-2"


def test_whoever_asks_is_told_which_run_has_a_machine_that_is_in_no_settings(station, tmp_path):
    ledger = tmp_path / "ledger.sqlite"
    station.train()
    station.until_step("prepare")
    assert reservations(ledger, ["alice", "bob"]) == "each has its location in the settings"
    with pytest.raises(DoorError, match=r"run 1 \(v1\.0\.0\) has alice"):
        reservations(ledger, ["bob"])


def test_the_doctor_makes_no_ledger_where_there_is_none(tmp_path):
    assert reservations(tmp_path / "ledger.sqlite", []) == "each has its location in the settings"
    assert list(tmp_path.iterdir()) == []


def test_the_doctor_says_so_when_the_ledger_cannot_be_read(tmp_path):
    (tmp_path / "ledger.sqlite").mkdir()
    with pytest.raises(DoorError, match="cannot be read"):
        reservations(tmp_path / "ledger.sqlite", [])
