"""A hold keeps a machine for one person: only their runs start on it, it stays on, and it ends by itself."""

import pytest

from bot.ports import PowerState
from bot.runs.model import Phase
from tests.doubles.station import Station

MINUTE = 60


@pytest.fixture
def station(tmp_path):
    """Two people, one machine for both."""
    return Station(tmp_path, "rack", pools={"shared": ("rack",)}, idle_seconds=300)


def hold(station, user="UALICE", minutes=30, *, name="rack", reason="debugging"):
    until = station.clock.now() + minutes * MINUTE
    return station.store.holds.take(name, user=user, until=until, reason=reason, channel="C1")


def whispers(station):
    return [(row["user"], row["text"]) for row in station.said(None)]


def test_only_the_holders_own_run_starts_on_a_held_machine_also_past_those_who_asked_before(station):
    assert hold(station)
    station.train(tag="v1", user="UBOB")
    station.tick()
    station.train(tag="v2", user="UALICE")
    station.tick()
    assert (station.run(1).phase, station.run(2).phase) == (Phase.QUEUED, Phase.STARTING)
    station.train_to_release(2)
    station.tick(10)
    assert station.run(1).phase is Phase.QUEUED


def test_among_the_holders_own_runs_the_first_one_is_next(station):
    station.train(tag="v1")
    station.until_step("prepare")
    assert hold(station)
    for tag in ("v2", "v3"):
        station.train(tag=tag)
        station.tick()
    station.clock.advance(6)
    claimed = {run.id: (run, lease) for run, lease in (station.store.claim() for _ in range(3))}
    with station.store._database.write() as connection:
        connection.execute("UPDATE runs SET holds = 0, phase = 'failed', ended_at = 1 WHERE id = 1")
    assert station.store.reserve(*claimed[3]) is None
    assert station.store.reserve(*claimed[2]) is not None


def test_an_expired_hold_lets_the_next_one_start_within_seconds_and_its_holder_is_told_once(station):
    hold(station, minutes=30)
    station.train(user="UBOB")
    station.tick()
    station.tick(30 * MINUTE - 1)
    assert station.run().phase is Phase.QUEUED
    station.tick(5)
    assert station.run().phase is Phase.STARTING
    for _ in range(3):
        station.upkeep()
    ((user, text),) = whispers(station)
    assert user == "UALICE"
    assert text.startswith("Your hold on `rack` has run out")
    assert station.store.machines.get("rack").held_by is None


def test_the_end_of_a_hold_wakes_whoever_waits(station):
    hold(station, minutes=30)
    station.train(user="UBOB")
    station.tick()
    station.tick(30 * MINUTE - 1)
    station.tick()
    station.upkeep(1)
    station.tick()
    assert station.run().phase is Phase.STARTING


def test_a_held_machine_is_never_stopped_and_its_idle_time_counts_from_the_holds_end(station):
    station.machines["rack"].state = PowerState.RUNNING
    station.upkeep()
    hold(station, minutes=60)
    for _ in range(60):
        station.upkeep(MINUTE)
        assert station.machines["rack"].stops == 0
    station.upkeep(4 * MINUTE)
    assert station.machines["rack"].stops == 0
    station.upkeep(2 * MINUTE)
    assert station.machines["rack"].stops == 1


def test_without_anybody_who_ends_it_an_expired_hold_still_counts_to_its_end_and_no_further(station):
    station.store.machines.saw("rack", "running")
    hold(station, minutes=60)
    station.clock.advance(60 * MINUTE + 299)
    assert not station.store.machines.take_for_stop("rack", idle_for=300)
    station.clock.advance(1)
    assert station.store.machines.take_for_stop("rack", idle_for=300)


def test_after_a_release_the_machine_idles_from_then_on(station):
    station.store.machines.saw("rack", "running")
    hold(station, minutes=60)
    station.clock.advance(10 * MINUTE)
    assert station.store.holds.release("rack", by="UALICE").held_reason == "debugging"
    assert not station.store.machines.take_for_stop("rack", idle_for=300)
    station.clock.advance(300)
    assert station.store.machines.take_for_stop("rack", idle_for=300)
    assert whispers(station) == []


def test_a_second_hold_of_ones_own_moves_its_end_and_keeps_the_reason(station):
    hold(station, minutes=30)
    station.clock.advance(20 * MINUTE)
    assert hold(station, minutes=30, reason="")
    row = station.store.machines.get("rack")
    assert (row.held_until, row.held_reason) == (station.clock.now() + 30 * MINUTE, "debugging")
    hold(station, minutes=5, reason="looking")
    assert station.store.machines.get("rack").held_reason == "looking"


def test_nobody_takes_a_hold_from_somebody_else_until_it_has_run_out(station):
    hold(station, minutes=30)
    assert not hold(station, "UBOB")
    station.clock.advance(30 * MINUTE)
    assert hold(station, "UBOB", reason="")
    row = station.store.machines.get("rack")
    assert (row.held_by, row.held_reason) == ("UBOB", "")
    assert [user for user, _ in whispers(station)] == ["UALICE"]


def test_who_waits_is_not_overtaken_by_a_new_hold_but_a_hold_may_go_on(station):
    station.train(tag="v1", user="UBOB")
    station.tick()
    station.train(tag="v2", user="UBOB")
    station.tick()
    assert not hold(station, "UALICE")
    assert hold(station, "UBOB")
    station.train(tag="v3", user="UALICE")
    station.tick()
    assert hold(station, "UBOB", minutes=60)


def test_only_the_holder_or_an_admin_ends_a_hold_and_the_holder_hears_of_it(station):
    hold(station)
    assert station.store.holds.release("rack", by="UBOB") is None
    assert station.store.machines.get("rack").held_by == "UALICE"
    assert station.store.holds.release("rack", by="UBOSS", anybodys=True).held_by == "UALICE"
    assert whispers(station) == [("UALICE", "<@UBOSS> ended your hold on `rack`: others can use it again.")]
    assert station.store.holds.release("rack", by="UALICE") is None


def test_who_held_what_and_who_ended_it_is_in_the_journal(station):
    hold(station)
    station.store.holds.release("rack", by="UBOSS", anybodys=True)
    rows = station.store._database.all("SELECT actor, deed, location FROM journal ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("UALICE", "hold", "rack"), ("UBOSS", "release", "rack")]


def test_in_a_pool_the_holder_gets_the_machine_that_they_hold(tmp_path):
    station = Station(tmp_path, "gpu-1", "gpu-2", pools={"gpus": ("gpu-1", "gpu-2")})
    station.store.machines.saw("gpu-1", "running")
    hold(station, name="gpu-2")
    station.train(user="UALICE")
    station.tick()
    assert station.run(1).location == "gpu-2"
    station.train(tag="v2", user="UBOB")
    station.tick()
    assert station.run(2).location == "gpu-1"


def test_in_a_pool_others_get_the_machines_that_nobody_holds(tmp_path):
    station = Station(tmp_path, "gpu-1", "gpu-2", pools={"gpus": ("gpu-1", "gpu-2")})
    hold(station, name="gpu-1")
    for tag in ("v1", "v2"):
        station.train(tag=tag, user="UBOB")
        station.tick()
    assert station.run(1).location == "gpu-2"
    assert station.run(2).phase is Phase.QUEUED
