"""Machine time as money: every second belongs to exactly one part, and the parts sum to the total."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.runs.charges import Charge, Part, Power, Use, charges, rounded, sums, total, unpriced, use_of
from bot.runs.model import Phase
from tests.doubles.runs import START, a_run

PARTS = [Part.BOOT, Part.TRANSFER, Part.TRAINING, Part.PUBLISHING, Part.FAILED]
LONG = 2_000


def a_power(on=0.0, until=3_600.0, price=3.6, **changes):
    return Power("rack", on, until, price, **changes)


def a_use(run, *marks, until, user="UALICE", branch="main"):
    return Use("rack", run, user, branch, "team/fruits", marks, until)


def seconds(bill):
    return {(charge.part, charge.run): charge.seconds for charge in bill}


# how time is split


def test_a_run_is_charged_by_its_phases_from_when_the_machine_is_on_and_what_follows_is_idle():
    use = a_use(7, (90.0, Part.BOOT), (130.0, Part.TRANSFER), (200.0, Part.TRAINING), until=900.0)
    bill = charges([a_power(on=100.0, until=1_200.0)], [use], 0, LONG)
    assert seconds(bill) == {
        (Part.BOOT, 7): 30.0, (Part.TRANSFER, 7): 70.0, (Part.TRAINING, 7): 700.0, (Part.IDLE, None): 300.0,
    }  # fmt: skip
    assert total(bill) == pytest.approx(1.1)


def test_idle_time_is_charged_to_whose_run_was_last_on_the_machine_since_it_was_turned_on_else_to_nobody():
    uses = [
        a_use(1, (10.0, Part.BOOT), until=20.0, user="UBOB"),
        a_use(2, (150.0, Part.BOOT), until=160.0, user="UALICE", branch="wide"),
    ]
    bill = charges([a_power(0, 50), a_power(100, 200)], uses, 0, LONG)
    idle = [(charge.at, charge.user, charge.branch) for charge in bill if charge.part is Part.IDLE and charge.at < 200]
    assert idle == [(0, "", ""), (20, "UBOB", "main"), (50, "UBOB", "main"), (100, "", ""), (160, "UALICE", "wide")]


def test_a_machine_that_was_on_for_a_moment_is_billed_a_minute():
    bill = charges([a_power(100.0, 110.0)], [a_use(1, (95.0, Part.BOOT), until=120.0)], 0, LONG)
    assert math.fsum(charge.seconds for charge in bill) == 60
    assert {charge.run for charge in bill} == {1}


def test_the_least_minute_is_not_charged_before_the_machine_is_off():
    assert total(charges([a_power(100.0, 110.0, ended=False)], [], 0, LONG)) == pytest.approx(0.01)


def test_a_box_that_is_always_on_costs_what_runs_use_of_it_and_nothing_between_them():
    use = a_use(1, (100.0, Part.BOOT), (110.0, Part.TRAINING), until=200.0)
    bill = charges([a_power(0.0, 3_600.0, by_use=True)], [use], 0, LONG)
    assert seconds(bill) == {(Part.BOOT, 1): 10.0, (Part.TRAINING, 1): 90.0}


def test_time_without_a_known_price_is_in_no_sum_and_is_told():
    bill = charges([a_power(0, 500, price=None), a_power(600, 700)], [], 0, LONG)
    assert total(bill) == pytest.approx(0.1)
    assert unpriced(bill) == {"rack": 500}
    assert sums(bill, lambda charge: charge.machine) == {"rack": pytest.approx(0.1)}


def test_a_window_takes_only_what_lies_in_it():
    bill = charges([a_power(0, 1_000)], [], 900, 950)
    assert [(charge.at, charge.seconds) for charge in bill] == [(900, 50)]


def test_a_run_that_failed_is_failed_from_its_beginning():
    times = {"queued": START, "starting": START + 5, "training": START + 60, "failed": START + 90, "freed": START + 95}
    use = use_of(a_run(Phase.FAILED, times=times), START + 1_000)
    assert {part for _at, part in use.marks} == {Part.FAILED}
    assert use.until == START + 95


def test_a_run_that_goes_on_uses_its_machine_until_now_and_a_queued_one_none():
    use = use_of(a_run(times={"queued": START, "starting": START, "preparing": START}), START + 40)
    assert use.marks == [(START, Part.BOOT), (START, Part.TRANSFER)]
    assert use.until == START + 40
    assert use_of(a_run(Phase.QUEUED), START + 40) is None


# the arithmetic, against counting every second


@st.composite
def timelines(draw):
    """One machine: when it was on, and what runs did on it; whole seconds, in order, some of them touching."""
    powers, at = [], 0
    for _ in range(draw(st.integers(0, 4))):
        on = at + draw(st.integers(0, 90))
        at = on + draw(st.integers(60, 200))
        price = draw(st.sampled_from([None, 0.0, 0.526, 3.06, 12.24]))
        powers.append(a_power(on, at, price, by_use=draw(st.booleans())))
    uses, at = [], 0
    for run in range(draw(st.integers(0, 5))):
        at += draw(st.integers(0, 120))
        marks = []
        for part in draw(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5)):
            marks.append((at, part))
            at += draw(st.integers(0, 80))
        user = draw(st.sampled_from(["UALICE", "UBOB"]))
        uses.append(a_use(run, *marks, until=at, user=user, branch=draw(st.sampled_from(["main", "wide"]))))
    return powers, uses


def counted(powers, uses, begin, end):
    """Dollars by (part, run, user), a second at a time."""
    found = {}
    for second in range(begin, end):
        for power in powers:
            if not power.on <= second < power.until or power.price is None:
                continue
            holder = next((use for use in uses if use.marks[0][0] <= second < use.until), None)
            if holder is not None:
                part = [part for at, part in holder.marks if at <= second][-1]
                key = (part, holder.run, holder.user)
            elif power.by_use:
                continue
            else:
                # A use that took no time, or ended as the power came, left no trace on the machine.
                before = [u for u in uses if power.on < u.until <= second and u.marks[0][0] < power.until]
                key = (Part.IDLE, None, before[-1].user if before else "")
            found[key] = found.get(key, 0) + power.price / 3_600
    return found


def key_of(charge):
    return charge.part, charge.run, charge.user


@given(timelines(), st.integers(0, 500), st.integers(0, 500))
def test_the_split_is_what_counting_every_second_brings(timeline, begin, length):
    powers, uses = timeline
    bill = charges(powers, uses, begin, begin + length)
    naive = counted(powers, uses, begin, begin + length)
    split = {key: amount for key, amount in sums(bill, key_of).items() if amount}
    assert split == pytest.approx({key: amount for key, amount in naive.items() if amount})


@given(timelines(), st.integers(1, 2_000))
def test_two_months_are_as_much_as_both_together(timeline, border):
    powers, uses = timeline
    both = charges(powers, uses, 0, 4_000)
    split = charges(powers, uses, 0, border) + charges(powers, uses, border, 4_000)
    assert total(split) == pytest.approx(total(both))
    assert sums(split, key_of) == pytest.approx(sums(both, key_of))


@given(timelines())
def test_no_second_is_charged_twice(timeline):
    powers, uses = timeline
    bill = sorted(charges(powers, uses, 0, 4_000), key=lambda charge: charge.at)
    assert all(one.at + one.seconds <= other.at for one, other in pairwise(bill))


@given(st.dictionaries(st.integers(), st.floats(0, 1e6), max_size=30), st.sampled_from([2, 4]))
def test_what_is_shown_sums_to_the_rounded_total(amounts, digits):
    shown, unit = rounded(amounts, digits), 10**-digits
    assert math.fsum(shown.values()) == pytest.approx(math.fsum(amounts.values()), abs=unit * 0.501)
    assert all(amount == pytest.approx(shown[key], abs=unit * 1.001) for key, amount in amounts.items())


def test_an_amount_is_seconds_times_price():
    assert Charge("rack", Part.BOOT, 0.0, 1_800.0, 0.526).amount == pytest.approx(0.263)
