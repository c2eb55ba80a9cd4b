"""A machine of a pool cannot be turned on: the run tries the next one, keeps its place, and fails only in the end."""

import json
from dataclasses import replace

import pytest

from bot.errors import NoCapacity, NotFound, QuotaReached, Unauthorised, Unavailable
from bot.ports import PowerState
from bot.runs.lines import Lines
from bot.runs.model import Elsewhere, Note, Phase, Reason
from bot.slack.milestones import milestone
from tests.doubles.rush import RUNS, out_of_turn, runs_given, rush
from tests.doubles.station import Station

NAMES = ("gpu-1", "gpu-2", "gpu-3")
POOL = {"gpus": NAMES}


@pytest.fixture
def station(tmp_path):
    return Station(tmp_path, *NAMES, pools=POOL, idle_seconds=3600)


def full(station, *names, error=NoCapacity, times=999):
    for name in names:
        station.machines[name].fail("start", error(f"no room for {name}"), times=times)


def lines(station, number=1):
    """What the thread says, in the words that people read."""
    rows = station.said(number, "milestone")
    return [milestone(station.run(number), Note("milestone", data=json.loads(row["data"]))).text for row in rows]


def until_given_back(station, number=1):
    station.until(lambda: station.run(number).phase.ended and not station.run(number).holds)
    return station.run(number)


def tried(station, number=1):
    """The machines that the run was given, in order."""
    return [row["location"] for row in station.store.journal.of_run(number) if row["deed"] == "reserve"]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (NoCapacity, "has no capacity just now"),
        (QuotaReached, "cannot be turned on: the account may have no more of its kind at once"),
        (NotFound, "does not exist any more"),
    ],
)
def test_the_next_machine_is_tried_at_once_and_one_quiet_line_says_so(station, error, why):
    full(station, "gpu-1", error=error)
    began = station.clock.now()
    station.train()
    station.tick()
    assert station.clock.now() == began
    assert tried(station) == ["gpu-1", "gpu-2"]
    station.until_step("prepare")
    assert lines(station)[:2] == ["Starting the machine `gpu-1`.", f"`gpu-1` {why}; trying `gpu-2`."]
    assert "Starting the machine `gpu-2`." not in lines(station)
    assert station.store.holder("gpu-1") is None
    assert station.store.machines.get("gpu-1").idle_since == began
    assert station.train_to_release().location == "gpu-2"


def test_a_machine_that_was_terminated_is_left_for_the_next_one(station):
    station.machines["gpu-1"].state = PowerState.GONE
    station.train()
    station.until_step("prepare")
    assert tried(station) == ["gpu-1", "gpu-2"]


def test_a_machine_that_does_not_exist_any_more_is_tried_by_nobody_who_moves_on(station):
    station.machines["gpu-2"].state = PowerState.GONE
    station.upkeep()
    full(station, "gpu-1")
    station.train()
    station.until_step("prepare")
    assert tried(station) == ["gpu-1", "gpu-3"]


def test_a_refusal_that_holds_for_every_machine_ends_the_run_at_the_first(station):
    station.machines["gpu-1"].fail("start", Unauthorised("the role may not start it"))
    station.train()
    assert until_given_back(station).reason is Reason.START_REFUSED
    assert tried(station) == ["gpu-1"]


@pytest.mark.parametrize(("error", "reason"), [(NoCapacity, Reason.NO_CAPACITY), (QuotaReached, Reason.QUOTA)])
def test_the_run_fails_within_a_minute_in_all_once_every_machine_has_refused(station, error, reason):
    full(station, *NAMES, error=error)
    began = station.clock.now()
    station.train()
    run = until_given_back(station)
    assert station.clock.now() - began <= 60
    assert run.reason is reason
    assert run.detail["message"] == "no room for gpu-3"
    assert tried(station) == list(NAMES)
    assert len(station.said(kind="terminal")) == 1
    assert [station.machines[name].starts for name in NAMES] == [0, 0, 0]
    assert not any(station.store.machines.get(name).stopping for name in NAMES)


def test_capacity_that_comes_back_within_the_patience_is_taken_where_the_run_stands(station):
    full(station, "gpu-1", "gpu-2")
    full(station, "gpu-3", times=2)
    station.train()
    station.until_step("prepare")
    assert station.run().location == "gpu-3"
    assert "refused" not in station.run().progress


def test_each_machine_is_given_under_a_new_fence_and_to_one_run_at_a_time(station):
    full(station, "gpu-1", "gpu-2")
    for tag in ("v1", "v2", "v3"):
        station.train(tag=tag)
    station.tick()
    rows = station.store._database.all("SELECT * FROM journal WHERE deed IN ('reserve', 'give-back') ORDER BY id")
    fences = [row["fence"] for row in rows if row["deed"] == "reserve"]
    assert fences == sorted(set(fences))
    for name in NAMES:
        deeds = [row["deed"] for row in rows if row["location"] == name]
        assert deeds == (["reserve", "give-back"] * len(deeds))[: len(deeds)]


def test_a_machine_that_becomes_free_goes_to_the_run_that_waits_for_capacity_before_those_behind_it(station):
    for tag in ("v1", "v2"):
        station.train(tag=tag)
        station.tick()
    full(station, "gpu-3")
    for tag in ("v3", "v4"):
        station.train(tag=tag)
        station.tick()
    assert (station.run(3).location, station.run(4).phase) == ("gpu-3", Phase.QUEUED)
    station.store.cancel(1, "UALICE")
    station.tick()
    assert tried(station, 3) == ["gpu-3", "gpu-1"]
    assert tried(station, 4) == ["gpu-3"], "the one that refused is for whoever is next"


def test_a_machine_that_refused_the_first_run_is_for_the_next_one_meanwhile(station):
    full(station, "gpu-1", times=1)
    full(station, "gpu-2", "gpu-3")
    for tag in ("v1", "v2"):
        station.train(tag=tag)
        station.tick()
    assert [tried(station, number) for number in (1, 2)] == [list(NAMES), ["gpu-1"]]
    assert station.machines["gpu-1"].starts == 1


def test_whoever_waits_is_woken_for_the_machine_that_is_left(tmp_path):
    station = Station(tmp_path, "gpu-1", "gpu-2", pools={"gpus": ("gpu-1", "gpu-2")})
    store, until = station.store, station.clock.now() + 8
    assert store.holds.take("gpu-2", user="UBOB", until=until, reason="", channel="C1")
    full(station, "gpu-1")
    for tag in ("v1", "v2"):
        station.train(tag=tag)
        station.tick()
    station.clock.advance(10)
    claimed = {run.id: (run, lease) for run, lease in (store.claim(), store.claim())}
    assert store.reserve(*claimed[2]) is None
    assert store.apply(*claimed[1], claimed[1][0], due_in=10, elsewhere=Elsewhere({"refused": ["gpu-1"]}))
    assert store.run(1).location == "gpu-2"
    assert {store.claim()[0].id, store.claim()[0].id} == {1, 2}


def test_a_run_that_moves_on_does_not_overtake_one_that_asked_before(station):
    """Eve asked first, and waits because gpu-3 is Alice's; gpu-3 refuses Alice when gpu-1 becomes free."""
    for tag in ("v1", "v2"):
        station.train(tag=tag)
        station.tick()
    until = station.clock.now() + 7200
    assert station.store.holds.take("gpu-3", user="UALICE", until=until, reason="", channel="C1")
    station.train(tag="v3", user="UEVE")
    station.tick()
    full(station, "gpu-3")
    station.train(tag="v4")
    station.tick()
    assert (station.run(3).phase, station.run(4).location) == (Phase.QUEUED, "gpu-3")
    station.store.cancel(1, "UALICE")
    station.tick()
    assert station.run(3).location == "gpu-1"
    assert tried(station, 4) == ["gpu-3"]


def test_machines_that_others_have_hold_or_stop_are_not_taken(station):
    now = station.clock.now()
    assert station.store.holds.take("gpu-2", user="UBOB", until=now + 7200, reason="", channel="C1")
    station.store.machines.saw("gpu-3", "running")
    assert station.store.wishes.stop("gpu-3", user="UBOB", channel="C1")
    full(station, "gpu-1")
    station.train()
    station.tick()
    assert tried(station) == ["gpu-1"]
    assert until_given_back(station).reason is Reason.NO_CAPACITY


def test_a_machine_with_a_line_of_its_own_is_asked_again_and_no_other_is_tried(tmp_path):
    station = Station(tmp_path, "alice", "bob")
    full(station, "alice")
    station.train()
    assert until_given_back(station).reason is Reason.NO_CAPACITY
    assert tried(station) == ["alice"]


def test_a_run_whose_pool_was_taken_out_of_the_settings_stays_where_it_is(station):
    full(station, "gpu-1")
    station.machines["gpu-1"].state = PowerState.STOPPING
    station.train()
    station.tick()
    station.lines = Lines()
    station.boot()
    station.machines["gpu-1"].state = PowerState.STOPPED
    assert until_given_back(station).reason is Reason.NO_CAPACITY
    assert tried(station) == ["gpu-1"]


def test_a_cancel_that_comes_while_the_cloud_refuses_ends_the_run_where_it_is(station):
    machine = station.machines["gpu-1"]

    def refuse():
        station.store.cancel(1, "UALICE")
        raise NoCapacity("no room")

    machine.start = refuse
    station.train()
    station.tick()
    run = station.run()
    assert (run.phase, run.location, run.holds) == (Phase.CANCELLED, "gpu-1", False)
    assert tried(station) == ["gpu-1"]


def test_a_machine_that_came_on_before_it_refused_is_stopped_until_its_power_says_so(station):
    machine = station.machines["gpu-1"]
    station.train()
    station.tick()
    assert machine.starts == 1
    machine.state = PowerState.STOPPED
    full(station, "gpu-1")
    station.tick(31)
    assert tried(station) == ["gpu-1", "gpu-2"]
    assert station.store.machines.get("gpu-1").stopping
    machine.state = PowerState.RUNNING
    station.upkeep()
    assert machine.stops == 1
    station.upkeep()
    assert not station.store.machines.get("gpu-1").stopping


def test_a_machine_that_was_on_before_is_left_on_by_a_run_that_moved_there_in_vain(station):
    machine = station.machines["gpu-2"]
    machine.state, machine.shell_up = PowerState.RUNNING, False
    full(station, "gpu-1")
    station.train()
    assert until_given_back(station).reason is Reason.START_TIMEOUT
    assert tried(station) == ["gpu-1", "gpu-2"]
    assert (machine.stops, machine.state) == (0, PowerState.RUNNING)


def test_a_start_whose_answer_was_lost_leaves_no_machine_on(tmp_path):
    station = Station(tmp_path, *NAMES, pools=POOL, idle_seconds=60)
    machine = station.machines["gpu-1"]
    answers = iter([Unavailable("connection reset"), NoCapacity("no room")])

    def start():
        raise next(answers)

    machine.start = start
    station.train()
    station.until(lambda: tried(station) == ["gpu-1", "gpu-2"])
    machine.state = PowerState.RUNNING
    for _ in range(9):
        station.upkeep()
    assert machine.state is PowerState.STOPPED


def test_the_time_before_a_machine_was_the_runs_is_not_charged_to_it(tmp_path):
    station = Station(tmp_path, "gpu-1", "gpu-2", pools={"gpus": ("gpu-1", "gpu-2")}, idle_seconds=3600)
    station.prices.update({"gpu-1": 3.0, "gpu-2": 3.0})
    began = station.clock.now()
    assert station.store.holds.take("gpu-1", user="UBOB", until=began + 3600, reason="", channel="C1")
    station.machines["gpu-1"].state = PowerState.RUNNING
    station.upkeep(0)
    full(station, "gpu-2")
    station.train()
    station.tick()
    station.clock.advance(20)
    station.upkeep(0)
    assert tried(station) == ["gpu-2"]
    assert station.store.holds.release("gpu-1", by="UBOB")
    station.until_step("prepare")
    station.upkeep(100)
    assert tried(station) == ["gpu-2", "gpu-1"]
    bill = station.store.costs.between(began, station.clock.now())
    assert [(charge.machine, charge.run, charge.seconds) for charge in bill if charge.run] == [("gpu-1", 1, 100.0)]
    assert sum(charge.seconds for charge in bill) == station.clock.now() - began


def test_what_was_said_of_a_machine_keeps_its_name_when_the_run_has_another_one(station):
    for tag in ("v1", "v2", "v3", "v4"):
        station.train(tag=tag)
        station.tick()
    full(station, "gpu-1")
    for number, name in ((1, "gpu-1"), (2, "gpu-2")):
        station.store.cancel(number, "UALICE")
        station.machines[name].state = PowerState.STOPPED
        station.tick(1)
    assert tried(station, 4) == ["gpu-1", "gpu-2"]
    assert lines(station, 4)[0].startswith("Your turn: `gpu-1` is free")


def test_four_threads_move_runs_on_and_no_machine_has_two_and_no_wake_is_missed(station):
    def move_on(run, lease):
        refused = [*run.progress.get("refused", []), run.location]
        ended = replace(run, phase=Phase.FAILED, holds=False)
        station.store.apply(run, lease, ended, due_in=0.0, elsewhere=Elsewhere({"refused": refused}))

    rows = rush(station, move_on)
    assert station.store.runs(only_open=True) == []
    assert out_of_turn(rows, NAMES) == {}
    given = runs_given(rows)
    assert len(given) == len(set(given)) > RUNS
