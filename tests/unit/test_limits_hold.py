"""Whatever people do and however time passes: nobody has more than the limits say, and no limit costs a result."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import NoCapacity
from bot.ports import PowerState
from bot.runs.allowance import DAY, Allowance
from bot.runs.model import Phase, Reason, Run
from tests.doubles.station import Station

LIMIT = 10.0
"""Dollars."""
NO_LIMIT = 1_000
AT_A_MACHINE_OR_WAITING = {Phase.QUEUED, Phase.STARTING, Phase.PREPARING, Phase.TRAINING, Phase.PUBLISHING}
quickly = settings(max_examples=40, deadline=None)


def play(station, name) -> None:
    """The step that runs at a machine goes well."""
    machine = station.machines[name]
    if machine.running():
        machine.play(machine.current().step)


def fail(station, name) -> None:
    machine = station.machines[name]
    if machine.running():
        machine.emit("failed", step=machine.current().step, cause="code", message="no", lines=[])
        machine.finish(1)


def known(station) -> list[Run]:
    return station.store.runs(limit=1_000)


# how many runs


class People:
    """Alice and Bob at their machines, who start and end runs in any order."""

    def __init__(self, folder, allowance):
        self.station = Station(folder, allowance=allowance)
        self.per_day = allowance.runs_per_day or NO_LIMIT
        self.at_once = allowance.runs_at_once or NO_LIMIT
        self.asked = 0

    def do(self, deed, who, hours) -> None:
        user, machine = f"U{who.upper()}", self.station.machines[who]
        own = [run for run in known(self.station) if run.user == user]
        if deed == "train":
            self._train(user)
        elif deed == "retry" and own:
            self.station.retry(own[0], user=user)
        elif deed == "cancel" and own:
            self.station.store.cancel(own[0].id, user)
        elif deed == "play":
            play(self.station, who)
        elif deed == "fail":
            fail(self.station, who)
        elif deed == "no capacity" and not machine.running():
            machine.state = PowerState.STOPPED
            machine.errors += [("start", NoCapacity("none free"))] * 9
        elif deed == "restart":
            self.station.boot()
        elif deed == "wait":
            self.station.clock.advance(hours * 3600)
        for _ in range(4):
            self.station.tick(15)

    def _train(self, user) -> None:
        """One more is refused when the limits are reached, and only then."""
        self.asked += 1
        full = self.open(user) >= self.at_once or self.in_a_day(user) >= self.per_day
        self.station.train(tag=f"v{self.asked}", user=user)
        self.station.tick()
        made = any(run.tag == f"v{self.asked}" for run in known(self.station))
        assert made is not full

    def open(self, user) -> int:
        return sum(run.user == user and run.phase in AT_A_MACHINE_OR_WAITING for run in known(self.station))

    def in_a_day(self, user) -> int:
        waiting = sum(run.user == user and run.phase in (Phase.QUEUED, Phase.STARTING) for run in known(self.station))
        return waiting + sum(at > self.station.clock.now() - DAY for at in self.starts(user, besides=Phase.STARTING))

    def starts(self, user, besides=None) -> list[float]:
        """When machines were turned on, or taken over while they were on, for somebody's runs."""
        had = (run for run in known(self.station) if run.user == user and run.phase is not besides)
        used = (run for run in had if Phase.PREPARING in run.times or run.progress.get("power_asked"))
        return sorted(run.times[Phase.STARTING] for run in used)


ALLOWANCES = st.sampled_from([Allowance(1, None), Allowance(2, None), Allowance(3, 2), Allowance(None, 2)])
DEEDS = st.sampled_from(
    ["train", "train", "train", "retry", "cancel", "play", "fail", "no capacity", "restart", "wait"]
)
PERSON = st.sampled_from(["alice", "alice", "bob"])
HOURS = st.sampled_from([0.2, 5, 23, 25])


@quickly
@given(ALLOWANCES, st.lists(st.tuples(DEEDS, PERSON, HOURS), min_size=10, max_size=40))
def test_nobody_ever_has_more_runs_than_the_limits_say(allowance, deeds):
    with tempfile.TemporaryDirectory() as folder:
        people = People(Path(folder), allowance)
        for deed, who, hours in deeds:
            people.do(deed, who, hours)
            for user in ("UALICE", "UBOB"):
                assert people.open(user) <= people.at_once
                starts = people.starts(user)
                assert all(late - early >= DAY for early, late in zip(starts, starts[people.per_day :], strict=False))
        people.station.store.close()


# what one costs


class Till:
    """One run after the other at a machine whose price comes, goes and changes."""

    def __init__(self, folder, price):
        self.station = Station(folder, "alice", max_cost=LIMIT, max_hours=1_000)
        self.price(price)
        self.tags = 0

    def price(self, price) -> None:
        if price is None:
            self.station.prices.clear()
        else:
            self.station.prices["alice"] = price

    def do(self, deed, minutes, price) -> None:
        if deed == "go on" and any(not run.phase.ended for run in known(self.station)):
            play(self.station, "alice")
        elif deed == "go on":
            self.tags += 1
            self.station.train(tag=f"v{self.tags}")
        elif deed == "fail":
            fail(self.station, "alice")
        elif deed == "price":
            self.price(price)
        elif deed == "off" and not self.station.machines["alice"].running():
            self.station.machines["alice"].state = PowerState.STOPPED
        elif deed == "wait":
            self.station.upkeep(minutes * 60)
        for _ in range(3):
            self.station.upkeep(10)
            self.station.tick(10)

    def ended(self) -> set[int]:
        return {run.id for run in known(self.station) if run.reason is Reason.TOO_EXPENSIVE}


TILL_DEEDS = st.sampled_from(["go on", "go on", "go on", "wait", "wait", "wait", "price", "off", "fail"])
PRICES = st.sampled_from([None, 0.0, 0.5, 4.0, 60.0])


@quickly
@given(PRICES, st.lists(st.tuples(TILL_DEEDS, st.sampled_from([1, 9, 60, 300]), PRICES), min_size=10, max_size=30))
def test_a_run_is_ended_at_its_limit_and_never_for_a_price_that_nobody_knows_nor_while_it_publishes(price, deeds):
    with tempfile.TemporaryDirectory() as folder:
        till = Till(Path(folder), price)
        for deed, minutes, new_price in deeds:
            before = till.ended()
            till.do(deed, minutes, new_price)
            for run in known(till.station):
                cost = till.station.store.costs.of_run(run)
                if run.id in till.ended() - before:
                    assert Phase.PUBLISHING not in run.times
                    assert cost is not None
                    assert cost.amount >= LIMIT
                elif run.phase in (Phase.PREPARING, Phase.TRAINING) and cost is not None:
                    one_look = 40 * cost.price_per_hour / 3_600
                    assert cost.amount < LIMIT + one_look
        till.station.store.close()
