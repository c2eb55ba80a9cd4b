"""When a machine was on, from looks that come late, lie a little, or did not come for hours."""

import pytest

from bot.runs.store import Store
from tests.doubles.clock import TestClock

LOOK = 10


class Watch:
    """A ledger, and somebody who looks at one machine."""

    def __init__(self, folder):
        self.clock = TestClock(start=0.0)
        self.store = Store(folder / "ledger.sqlite", self.clock)

    def saw(self, at, state, **more):
        self.clock.advance(at - self.clock.now())
        self.store.machines.saw("alice", state, **more)

    def log(self):
        return [(row["on_at"], row["off_at"]) for row in self._rows()]

    def prices(self):
        return [row["price_per_hour"] for row in self._rows()]

    def _rows(self):
        return self.store._database.all("SELECT * FROM power_log ORDER BY id")


@pytest.fixture
def watch(tmp_path):
    return Watch(tmp_path)


def test_a_machine_is_on_from_when_it_is_seen_running_and_as_long_as_it_is(watch):
    for at, state in [(0, "stopped"), (10, "starting"), (20, "running"), (30, "running"), (40, "unknown")]:
        watch.saw(at, state)
    assert watch.log() == [(20, None)]
    watch.saw(50, "running")
    watch.saw(60, "stopping")
    watch.saw(70, "stopped")
    assert watch.log() == [(20, 50)]


def test_where_the_cloud_tells_the_stop_is_known_to_the_second(watch):
    watch.saw(0, "running")
    watch.saw(LOOK, "stopping", since=7)
    assert watch.log() == [(0, 7)]


def test_it_is_not_paid_for_while_it_starts_although_the_launch_was_before_that(watch):
    watch.saw(0, "stopped")
    watch.saw(10, "starting", since=5)
    watch.saw(30, "starting", since=5)
    watch.saw(31, "running", since=5)
    assert watch.log() == [(30, None)]


def test_a_machine_that_was_started_by_hand_while_the_bot_was_away_is_on_since_its_launch(watch):
    watch.saw(0, "stopped")
    watch.saw(7_200, "running", since=3_600)
    assert watch.log() == [(3_600, None)]


def test_a_machine_that_was_switched_off_while_the_bot_was_away_is_not_paid_for_until_it_is_back(watch):
    watch.saw(0, "running")
    watch.saw(10, "running")
    watch.saw(30_000, "stopped", since=600)
    assert watch.log() == [(0, 600)]


def test_a_machine_that_went_off_when_nobody_can_tell_was_on_until_it_was_last_seen(watch):
    watch.saw(0, "running")
    watch.saw(10, "running")
    watch.saw(30_000, "stopped")
    assert watch.log() == [(0, 10)]


def test_a_machine_that_was_off_and_on_again_unseen_was_on_twice(watch):
    watch.saw(0, "running", since=0)
    watch.saw(10, "running", since=0)
    watch.saw(30_000, "running", since=20_000)
    assert watch.log() == [(0, 10), (20_000, None)]


def test_a_machine_that_is_found_starting_was_off(watch):
    watch.saw(0, "running", since=0)
    watch.saw(30_000, "starting", since=29_995)
    assert watch.log() == [(0, 0)]


def test_a_machine_that_ran_all_the_while_the_bot_was_away_is_paid_for_all_the_while(watch):
    watch.saw(0, "running", since=0)
    watch.saw(30_000, "running", since=0)
    assert watch.log() == [(0, None)]


def test_an_old_answer_that_says_running_after_the_stop_changes_nothing_in_the_end(watch):
    watch.saw(0, "running", since=0)
    watch.saw(10, "stopping", since=8)
    watch.saw(20, "running", since=0)
    watch.saw(30, "stopped", since=8)
    assert watch.log() == [(0, 8)]


def test_an_old_answer_that_says_stopped_after_the_start_changes_nothing_in_the_end(watch):
    watch.saw(100, "running", since=100)
    watch.saw(110, "stopped", since=50)
    watch.saw(120, "running", since=100)
    assert watch.log() == [(100, None)]


def test_a_price_that_becomes_known_later_holds_since_the_machine_was_turned_on(watch):
    watch.saw(0, "running")
    watch.saw(10, "running", price=0.5)
    watch.saw(20, "running")
    assert watch.prices() == [0.5]
    watch.saw(30, "stopped", price=9.0)
    assert watch.prices() == [0.5]


def test_what_was_used_of_an_always_on_box_keeps_its_price_when_that_changes(watch):
    watch.saw(0, "running", price=0.5, by_use=True)
    watch.saw(100, "running", price=0.7, by_use=True)
    assert watch.log() == [(0, 100), (100, None)]
    assert watch.prices() == [0.5, 0.7]
