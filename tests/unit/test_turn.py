"""What a card says to somebody who waits: the place, who has what they wait for, and when it should be free."""

import pytest

from bot.runs.model import Phase
from bot.slack.turn import Use, turn, waiting
from tests.doubles.runs import START, a_run

NOW = START + 600


def a_use(machine="gpu-1", *, ends=None, run=True, **more):
    started = {Phase.QUEUED: START, Phase.STARTING: START}
    values = {"run": a_run(id=7, tag="v0.9.0", times=started), "who": "bob"} if run else {}
    return Use(machine, free_at=None if ends is None else START + ends, **{**values, **more})


def said(place, *uses, machines=1, pool=False, usual=None):
    found = turn(place, uses, machines=machines, pool=pool, usual_seconds=usual)
    assert found is not None
    run = a_run(Phase.QUEUED, queue="gpus" if pool else "rack-1", location="gpus" if pool else "rack-1")
    return waiting(run, NOW, found)


def test_nobody_waits_while_there_are_as_many_free_machines_as_people_before_them():
    def is_none(place, busy, machines):
        uses = [a_use(f"gpu-{n}") for n in range(busy)]
        return turn(place, uses, machines=machines, pool=True, usual_seconds=None) is None

    assert is_none(1, 0, 1)
    assert is_none(2, 1, 3)
    assert not is_none(3, 1, 3)
    assert not is_none(1, 1, 1)


def test_a_machines_own_line_says_who_has_it_and_when_it_should_be_free():
    assert said(1, a_use(ends=1_200), usual=1_200) == (
        "*Next in line* for `rack-1`. bob has it, with run 7 (`v0.9.0`), for 10 min so far. "
        "Your turn should come in 10 min. This run starts by itself."
    )
    assert "Your turn should come in 30 min." in said(2, a_use(ends=1_200), usual=1_200)


def test_a_hold_says_who_until_when_and_why():
    use = a_use(run=False, held_by="alice", held_until=NOW + 1_500, reason="looking at <loss>", ends=2_100)
    assert said(1, use) == (
        "*Next in line* for `rack-1`. alice holds it for another 25 min: looking at &lt;loss&gt;. "
        "Your turn should come in 25 min. This run starts by itself."
    )


def test_a_run_and_a_hold_are_both_said():
    text = said(1, a_use(held_by="alice", held_until=NOW + 60, ends=None))
    assert "bob has it, with run 7 (`v0.9.0`), for 10 min so far. alice holds it for another 1 min." in text
    assert "Your turn" not in text


def test_a_run_that_takes_longer_than_usual_is_said_so():
    assert "It takes longer than usual there." in said(1, a_use(ends=300), usual=300)


def test_in_a_pool_whichever_should_be_free_first_is_named():
    uses = (a_use("gpu-1", ends=1_800), a_use("gpu-2", ends=1_200, who="carol"))
    assert said(1, *uses, machines=2, pool=True, usual=1_200) == (
        "*Next in line* for the pool `gpus` (2 of 2 machines in use). `gpu-2` should be free first: carol has it, with "
        "run 7 (`v0.9.0`), for 10 min so far. Your turn should come in 10 min. This run starts by itself."
    )


@pytest.mark.parametrize(("place", "minutes"), [(1, 10), (2, 20), (3, 30), (4, 40), (5, 50)])
def test_in_a_pool_each_place_waits_for_its_machine_and_its_round(place, minutes):
    uses = (a_use("gpu-1", ends=1_800), a_use("gpu-2", ends=1_200))
    assert f"in {minutes} min." in said(place, *uses, machines=2, pool=True, usual=1_200)


def test_in_a_pool_of_which_nobody_can_tell_the_machines_and_their_users_are_named():
    uses = (a_use("gpu-1"), a_use("gpu-2", run=False, held_by="alice", held_until=NOW + 300, ends=900))
    text = said(3, *uses, machines=2, pool=True)
    assert text.startswith("*Number 3 in line* for the pool `gpus` (2 of 2 machines in use).")
    assert "`gpu-2` should be free first: alice holds it for another 5 min." in text
    assert "Your turn" not in text
    text = said(1, a_use("gpu-1"), a_use("gpu-2", who="carol"), machines=2, pool=True)
    assert "`gpu-1`: bob has it," in text
    assert "`gpu-2`: carol has it," in text
