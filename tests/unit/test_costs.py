"""What the ledger says a run, a machine and a person cost, after the engine did its work; doubles at the doors."""

import pytest

from bot.ports import PowerState
from bot.runs.charges import Part, sums, total, unpriced
from bot.runs.model import FREED, Phase
from tests.doubles.station import Station

PRICE = 3.6
"""Dollars an hour: a tenth of a cent a second."""
MIDNIGHT = 1_800_057_600.0


class Workshop(Station):
    """A station at midnight whose upkeep looks at the machines every 10 seconds."""

    def __init__(self, folder, **terms):
        super().__init__(folder, **terms)
        self.clock.advance(MIDNIGHT - self.clock.now())
        self.prices.update(alice=PRICE, bob=PRICE)

    def last(self, seconds: int) -> None:
        """Let so much time pass, as it does in service."""
        for _ in range(seconds // 10):
            self.upkeep(10)
            self.tick()

    def bill(self):
        return self.store.costs.between(MIDNIGHT, MIDNIGHT + 86_400)

    def parts(self):
        return {part: round(amount, 6) for part, amount in sums(self.bill(), lambda charge: charge.part).items()}


@pytest.fixture
def station(tmp_path):
    return Workshop(tmp_path)


SLACK = 15 * PRICE / 3_600
"""The engine looks at a machine that starts every other second, and asks for a silent job every 10 s."""


def dollars(**seconds):
    return pytest.approx({Part(part): each * PRICE / 3_600 for part, each in seconds.items()}, abs=SLACK)


def play(station, *, boot=60, transfer=120, training=600, publishing=30):
    """A run of known lengths, in tens of seconds, to its release."""
    machine = station.machines["alice"]
    machine.shell_up = False
    station.train()
    station.tick()
    station.tick(0.5)  # power was asked for, and this look sees it
    station.last(boot)
    machine.shell_up = True
    for step, seconds in (("prepare", transfer), ("repro", training), ("publish", publishing)):
        station.until_step(step)
        station.last(seconds)
        machine.play(step)
    return station.until_phase(Phase.RELEASED)


def test_a_released_run_costs_its_boot_transfer_training_and_publishing_and_what_follows_is_idle(station):
    run = play(station)
    station.last(100)
    assert station.parts() == dollars(boot=60, transfer=120, training=600, publishing=30, idle=100)
    cost = station.store.costs.of_run(run)
    assert cost.amount + station.parts()[Part.IDLE] == pytest.approx(total(station.bill()))
    assert cost.price_per_hour == PRICE


def test_a_run_that_goes_on_costs_more_every_second(station):
    station.train()
    station.until_step("prepare")
    before = station.store.costs.of_run(station.run())
    station.last(100)
    after = station.store.costs.of_run(station.run())
    assert after.amount - before.amount == pytest.approx(100 * PRICE / 3_600)


def test_a_queued_run_costs_nothing_yet(station):
    station.train()
    station.tick()
    station.train(tag="v2.0.0")
    station.tick()
    assert station.run(2).phase is Phase.QUEUED
    assert station.store.costs.of_run(station.run(2)) is None


def test_a_run_that_failed_is_failed_with_all_its_time_also_that_until_its_machine_was_given_back(station):
    station.train()
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    station.last(600)
    machine.finish(1)
    station.until_phase(Phase.FAILED)
    station.until(lambda: not station.run().holds, limit=30)
    station.last(60)
    assert station.parts() == dollars(failed=600, idle=60)
    assert station.run().times[FREED] >= station.run().times[Phase.FAILED]


def test_a_cancelled_run_is_failed_too(station):
    station.train()
    station.until_step("prepare")
    station.last(50)
    station.store.cancel(1, "UALICE")
    station.until_phase(Phase.CANCELLED)
    station.until(lambda: not station.run().holds, limit=30)
    assert station.parts() == dollars(failed=50)


def test_idle_time_is_whose_run_was_last_there_and_of_a_machine_started_by_hand_nobodys(station):
    station.machines["alice"].state = PowerState.RUNNING
    station.upkeep(0)
    station.last(100)
    play(station)
    station.last(50)
    idle = [charge for charge in station.bill() if charge.part is Part.IDLE]
    by_person = sums(idle, lambda charge: charge.user)
    assert by_person == pytest.approx({"": 100 * PRICE / 3_600, "UALICE": 50 * PRICE / 3_600}, abs=SLACK)


def test_an_idle_machine_costs_nothing_any_more_once_it_was_stopped(station):
    play(station)
    station.last(400)
    spent = total(station.bill())
    assert station.machines["alice"].stops == 1
    station.last(1_000)
    assert total(station.bill()) == spent


def test_a_bot_that_was_down_for_hours_does_not_invoice_a_machine_that_was_switched_off_meanwhile(station):
    run = play(station)
    machine = station.machines["alice"]
    machine.state, machine.since = PowerState.STOPPED, station.clock.now() + 200
    station.clock.advance(5 * 3_600)
    station.boot()
    station.upkeep(0)
    assert station.parts()[Part.IDLE] == pytest.approx(200 * PRICE / 3_600, abs=SLACK)
    assert station.store.costs.of_run(run).amount == pytest.approx(810 * PRICE / 3_600, abs=SLACK)


def test_a_bot_that_was_down_for_hours_invoices_a_training_that_went_on(station):
    station.train()
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    station.upkeep(0)
    station.clock.advance(5 * 3_600)
    station.boot()
    station.upkeep(0)
    machine.play("repro")
    station.until_step("publish")
    assert station.parts()[Part.TRAINING] == pytest.approx(5 * PRICE, abs=SLACK)


def test_a_machine_that_nobody_looks_at_any_more_is_not_invoiced_for_ever(station):
    station.machines["alice"].state = PowerState.RUNNING
    station.upkeep(0)
    station.last(100)
    station.clock.advance(5 * 3_600)
    assert total(station.bill()) == pytest.approx(100 * PRICE / 3_600)


def test_an_unknown_price_is_unknown_and_never_nothing(station):
    station.prices.clear()
    run = play(station)
    assert station.store.costs.of_run(run) is None
    assert station.store.costs.price_per_hour("alice") is None
    assert station.store.costs.machine_today("alice") is None
    assert unpriced(station.bill()) == {"alice": pytest.approx(810, abs=5)}
    assert station.parts() == {}


def test_a_machine_costs_today_what_it_was_on_since_midnight(station):
    costs = station.store.costs
    station.machines["bob"].state = PowerState.RUNNING
    station.clock.advance(86_400 - 100)
    station.upkeep(0)
    station.last(90)
    assert costs.machine_today("bob") == pytest.approx(90 * PRICE / 3_600)
    station.last(60)
    assert costs.machine_today("bob") == pytest.approx(50 * PRICE / 3_600)
    assert costs.machine_today("alice") == 0


def test_a_box_that_is_always_on_costs_what_runs_use_of_it(tmp_path):
    station = Workshop(tmp_path)
    rack = station.machines["alice"]
    rack.stoppable, rack.state = False, PowerState.RUNNING
    station.upkeep(0)
    station.last(1_000)
    play(station, boot=0)
    station.last(1_000)
    assert station.parts() == dollars(boot=0, transfer=120, training=600, publishing=30)
