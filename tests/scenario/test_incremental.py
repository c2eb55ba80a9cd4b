"""A machine stays warm: a second run moves what changed, and hardly a byte more."""

import pytest

from tests.scenario.many_files import measure


@pytest.fixture(scope="module")
def second(world):
    with world.serving():
        yield measure(world, files=1_000, changed=10, size=4_000)


def test_a_second_run_fetches_what_changed_and_nothing_else(second):
    assert second.changed_inputs > 10 * 4_000
    assert second.fetched == second.changed_inputs


def test_a_second_run_saves_what_changed_and_a_note_of_the_run(second):
    """The note is an entry of DVC's run cache, under a kilobyte."""
    assert second.changed_outputs > 10 * 4_000
    assert 0 <= second.stored - second.changed_outputs < 1_000


def test_bytes_moved_are_at_most_a_twentieth_more_than_the_bytes_that_changed(second):
    assert second.ratio <= 1.05


def test_a_changed_hundredth_of_the_files_moves_about_a_hundredth_of_them(second):
    assert 0.0099 < second.share < 0.011
