"""Machines against the ledger, both ways: orphans end, somebody's work never does, and no bill is forgotten."""

import json

import pytest

from bot.engine.reaper import Whose, whose
from bot.errors import Unavailable
from bot.ports import JobSeen, PowerState
from bot.runs.model import Phase, Reason
from tests.doubles.runs import a_run
from tests.doubles.station import Station

STRANGER = "run-7-00000000000000ff-repro-1"


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path, idle_seconds=60, max_hours=10, lease_seconds=1200)


def notices(station, number=None):
    rows = station.said(number)
    return [row["text"] or json.loads(row["data"]).get("text", "") for row in rows if _is_notice(row)]


def _is_notice(row):
    return row["kind"] == "notice" or json.loads(row["data"]).get("what") == "notice"


def journaled(station, deed):
    return station.store._database.all("SELECT * FROM journal WHERE deed = ?", (deed,))


def ended_run(station):
    """A run that ended long ago, in a thread."""
    station.train()
    station.train_to_release()
    station.store._database._connection().execute("UPDATE runs SET thread = '1.0' WHERE id = 1")
    return station.run()


def seen(fence, seconds=0.0):
    return JobSeen("run-42-repro", "42-00000000000000aa", fence, "repro", seconds)


HOLDS = a_run(fence=5, holds=True)
ENDED = a_run(Phase.FAILED, fence=5)
NEWER = a_run(fence=9, holds=True, id=43)


@pytest.mark.parametrize(
    ("job", "run", "holder", "verdict"),
    [
        (seen(5), HOLDS, HOLDS, Whose.OURS),
        (seen(5), a_run(Phase.FAILED, fence=5, holds=True), None, Whose.OURS),
        (seen(5), ENDED, None, Whose.ORPHAN),
        (seen(5), ENDED, NEWER, Whose.ORPHAN),
        (seen(4), HOLDS, HOLDS, Whose.ORPHAN),
        (seen(5), None, NEWER, Whose.ORPHAN),
        (seen(5), None, None, Whose.STRANGER),
        (seen(10), None, NEWER, Whose.STRANGER),
        (seen(6), ENDED, None, Whose.STRANGER),
        (seen(5), a_run(Phase.QUEUED, fence=0), None, Whose.STRANGER),
        (seen(5, 36_001), None, None, Whose.ORPHAN),
    ],
)
def test_the_fence_decides_where_somebody_has_the_machine_and_the_run_where_nobody_has(job, run, holder, verdict):
    assert whose(job, run, holder, max_hours=10) is verdict


def test_a_job_whose_run_has_ended_is_ended_journaled_and_told_in_its_thread_once(station):
    run = ended_run(station)
    machine = station.machines["alice"]
    machine.appear("run-late", run.uid, fence=run.fence, hours=2)
    for _ in range(20):
        station.upkeep()
    assert machine.kills == ["run-late"]
    assert machine.stops == 1
    (text,) = notices(station, 1)
    assert "run 1 still ran on `alice` (`repro`, for 2 h 0 min), and was ended: the run has ended." in text
    assert len(journaled(station, "reap")) == 1


def test_an_orphan_whose_run_has_no_thread_is_told_in_the_fallback_channel(station):
    station.train()
    run = station.train_to_release()
    station.machines["alice"].appear("run-late", run.uid, fence=run.fence)
    station.upkeep(70)
    (row,) = [row for row in station.said(None) if row["kind"] == "notice"]
    assert row["channel"] == "COPS"


def test_an_orphan_under_a_newer_run_is_ended_and_the_newer_run_goes_on(station):
    run = ended_run(station)
    station.train(tag="v2")
    machine = station.until_step("prepare", 2)
    machine.appear("run-late", run.uid, fence=run.fence)
    station.upkeep(70)
    assert machine.kills == ["run-late"]
    assert [machine.jobs[name].fence for name in machine.running()] == [station.run(2).fence]
    station.train_to_release(2)


def test_an_orphan_that_cannot_be_ended_is_tried_again_and_the_machine_stays_on(station):
    run = ended_run(station)
    machine = station.machines["alice"]
    machine.appear("run-late", run.uid, fence=run.fence)
    machine.fail("kill", Unavailable("no route"), times=3)
    for _ in range(4):
        station.upkeep(70)
    assert machine.kills == ["run-late"]
    assert len(notices(station, 1)) == 1


def test_a_job_that_ends_between_two_answers_is_no_orphan(station):
    run = ended_run(station)
    machine = station.machines["alice"]
    machine.appear("run-late", run.uid, fence=run.fence)
    answers = iter([machine.living(), []])
    machine.living = lambda: next(answers, [])
    station.upkeep(70)
    assert machine.kills == []
    assert notices(station, 1) == []


def test_a_job_of_an_unknown_run_is_left_alone_and_keeps_its_machine_on_within_the_hours(station):
    machine = station.machines["alice"]
    machine.state = PowerState.RUNNING
    machine.appear(STRANGER, "7-00000000000000ff", fence=1_700_000_000, hours=1)
    for _ in range(120):
        station.upkeep(30)
    assert machine.kills == []
    assert machine.stops == 0
    (text,) = notices(station)
    assert "does not know it" in text
    station.boot()
    station.upkeep(70)
    assert len(notices(station)) == 1
    machine.finish()
    for _ in range(3):
        station.upkeep(70)
    assert machine.stops == 1


def test_a_job_of_an_unknown_run_is_ended_after_the_hours_that_the_machine_allows(station):
    machine = station.machines["alice"]
    machine.state = PowerState.RUNNING
    machine.appear(STRANGER, "7-00000000000000ff", fence=1_700_000_000, hours=10.1)
    for _ in range(3):
        station.upkeep(70)
    assert (machine.kills, machine.stops) == ([STRANGER], 1)


def test_an_orphan_that_appears_after_the_right_to_stop_was_won_gives_it_back(station):
    station.train()
    run = station.train_to_release()
    machine = station.machines["alice"]
    station.upkeep(45)  # the minute's question
    machine.appear(STRANGER, "7-00000000000000ff", fence=run.fence + 5)
    station.upkeep(15)
    assert machine.stops == 0
    assert not station.store.machines.get("alice").stopping
    station.train(tag="v2")
    station.until(lambda: station.run(2).phase is not Phase.QUEUED, limit=60)


# ------------------------------------------------------------------------------------------- a machine that went away


@pytest.mark.parametrize("step", ["prepare", "repro", "publish"])
@pytest.mark.parametrize("state", [PowerState.STOPPED, PowerState.GONE])
def test_a_machine_that_a_person_stopped_ends_its_run_within_a_minute_though_its_shell_answers(station, step, state):
    station.train()
    for earlier in ("prepare", "repro", "publish"):
        machine = station.until_step(earlier)
        if earlier == step:
            break
        machine.play(earlier)
    station.upkeep()
    machine.state = state
    began = station.clock.now()
    while not station.run().phase.ended:
        station.upkeep()
        station.tick()
    assert station.clock.now() - began <= 60
    assert station.run().reason is Reason.MACHINE_LOST
    station.until(lambda: not station.run().holds, limit=60)
    assert len(station.said(kind="terminal")) == 1


def test_one_stale_answer_and_any_number_of_unknown_ones_decide_nothing(station):
    station.train()
    machine = station.until_step("prepare")
    for state in (PowerState.STOPPED, *[PowerState.UNKNOWN] * 9, PowerState.STOPPED, PowerState.RUNNING):
        machine.state = state
        station.upkeep()
        station.tick()
    station.train_to_release()


def test_looks_from_before_the_start_do_not_count_against_the_run(station):
    for _ in range(5):
        station.upkeep()
    station.train()
    machine = station.until_step("prepare")
    station.tick(1)
    assert station.run().phase is Phase.PREPARING
    machine.play("prepare")


# ------------------------------------------------------------------------------------------- a machine that is silent


def silent(station, minutes, *, name="alice"):
    station.machines[name].shell_up = False
    for _ in range(minutes * 6):
        station.upkeep()


def test_a_silent_machine_whose_last_power_was_seen_off_is_stopped_after_a_while(station):
    station.upkeep()
    station.machines["alice"].state = PowerState.RUNNING
    silent(station, 4)
    assert station.machines["alice"].stops == 0
    silent(station, 4)
    assert station.machines["alice"].stops == 1
    assert len(journaled(station, "stop-given-back")) <= 1


def test_a_silent_machine_of_which_nobody_knows_what_runs_there_is_left_to_its_timer_and_told_once(station):
    machine = station.machines["alice"]
    machine.state = PowerState.RUNNING
    silent(station, 30)
    assert machine.stops == 0
    (text,) = notices(station)
    assert "Please look at it" in text
    assert len(journaled(station, "stop-idle")) <= 1


def test_a_silent_machine_that_its_last_run_started_is_stopped_also_by_a_new_bot(station):
    ended_run(station)
    station.boot()
    silent(station, 8)
    assert station.machines["alice"].stops == 1


# ------------------------------------------------------------------------------------------- its own timer


def test_the_lease_is_renewed_every_minute_while_a_run_has_it_and_while_it_idles_and_not_longer(station):
    station.train()
    machine = station.until_step("prepare")
    for _ in range(18):
        station.upkeep()
    assert machine.guards == [(1200, 11 * 3600)] * 3
    station.train_to_release()
    renewed = len(machine.guards)
    for _ in range(4):
        station.upkeep()
    assert machine.state is PowerState.RUNNING
    assert len(machine.guards) > renewed
    for _ in range(3):
        station.upkeep()
    assert machine.state is PowerState.STOPPED
    renewed = len(machine.guards)
    station.upkeep(70)
    assert len(machine.guards) == renewed


def test_a_machine_that_a_person_holds_is_neither_stopped_nor_left_to_its_timer(station):
    machine = station.machines["alice"]
    machine.state = PowerState.RUNNING
    station.upkeep()
    until = station.clock.now() + 1800
    station.store._database._connection().execute("UPDATE machines SET held_until = ?", (until,))
    for _ in range(20):
        station.upkeep(60)
    assert machine.stops == 0
    assert len(machine.guards) >= 20
    for _ in range(15):
        station.upkeep(60)
    assert machine.stops == 1


def test_a_timer_that_cannot_be_set_changes_nothing_else(station):
    station.train()
    machine = station.until_step("prepare")
    machine.fail("guard", Unavailable("no sudo"), times=99)
    for _ in range(12):
        station.upkeep()
    station.train_to_release()
    for _ in range(8):
        station.upkeep()
    assert machine.stops == 1


def test_no_timer_is_set_where_it_is_turned_off_or_where_the_machine_is_not_ours_to_stop(tmp_path, station):
    rack = station.machines["alice"]
    rack.stoppable, rack.state = False, PowerState.RUNNING
    station.upkeep(70)
    assert rack.guards == []
    off = Station(tmp_path / "off", lease_seconds=0)
    off.machines["alice"].state = PowerState.RUNNING
    off.upkeep(70)
    assert off.machines["alice"].guards == []


# ------------------------------------------------------------------------------------------- the hours of a run


@pytest.mark.parametrize("step", ["prepare", "repro"])
def test_the_hours_count_from_the_reservation_whatever_the_run_does(station, step):
    station.train()
    if step == "repro":
        machine = station.until_step("prepare")
        station.tick(9 * 3600)
        machine.play("prepare")
    machine = station.until_step(step)
    left = 3600 if step == "repro" else 10 * 3600
    assert machine.current().spec["limit_seconds"] == pytest.approx(left, abs=60)
    station.tick(left - 60)
    assert not station.run().phase.ended
    station.tick(120)
    assert station.run().reason is Reason.TOO_LONG
    assert station.run().detail["hours"] == 10
    station.until(lambda: not station.run().holds, limit=60)
    assert machine.running() == []


def test_a_result_gets_its_time_to_be_saved_and_a_push_that_was_decided_goes_on(station):
    station.train()
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    station.tick(10 * 3600 - 60)
    machine.play("repro")
    machine = station.until_step("publish")
    assert machine.current().spec["limit_seconds"] >= 590
    machine.decide(machine.current().run_dir, "push")
    station.tick(7200)
    machine.play("publish")
    station.until_phase(Phase.RELEASED)


def test_a_publishing_over_the_hours_is_ended_before_its_push(station):
    station.train()
    station.until_step("prepare").play("prepare")
    station.until_step("repro").play("repro")
    machine = station.until_step("publish")
    run_dir = machine.current().run_dir
    station.tick(11 * 3600)
    assert station.run().reason is Reason.TOO_LONG
    assert machine.decide(run_dir, "push") == "cancel"


def test_a_step_that_the_machine_ended_at_the_limit_is_told_with_the_hours(station):
    station.train()
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    machine.emit("failed", step="repro", cause="too-long", message="The limit here is 10 hours (max_hours).", lines=[])
    machine.finish(143)
    run = station.until_phase(Phase.FAILED)
    assert run.reason is Reason.TOO_LONG
    assert "10 hours" in run.detail["message"]


def test_a_result_that_waited_for_a_bot_beyond_the_hours_is_still_released(station):
    station.train()
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    machine.play("repro")
    station.clock.advance(50 * 3600)
    station.boot()
    station.until_step("publish").play("publish")
    station.until_phase(Phase.RELEASED)
