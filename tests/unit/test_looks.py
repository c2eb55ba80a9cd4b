"""Looks: done elsewhere, one at a time for each asker, and never anybody's trouble."""

import logging
import threading

import pytest

from bot.errors import Unavailable
from bot.looks import SLOW_SECONDS, Looks
from tests.doubles.clock import TestClock


class Held:
    """A look that is over when it is let go."""

    def __init__(self):
        self.begun, self.let_go = threading.Event(), threading.Event()

    def __call__(self):
        self.begun.set()
        assert self.let_go.wait(60)


@pytest.fixture
def clock():
    return TestClock()


@pytest.fixture
def looks(clock):
    looks = Looks(clock, threads=2)
    yield looks
    looks.stop()


@pytest.fixture
def held(looks):
    """Alice's look, which is being done."""
    held = Held()
    looks.run("alice", held)
    assert held.begun.wait(60)
    yield held
    held.let_go.set()


def test_of_what_an_asker_wants_meanwhile_only_the_last_is_looked_up(looks, held):
    done, over = [], threading.Event()
    looks.run("alice", lambda: done.append("second"))
    looks.run("alice", lambda: (done.append("third"), over.set()))
    assert done == []
    held.let_go.set()
    assert over.wait(60)
    assert done == ["third"]


@pytest.mark.usefixtures("held")
def test_nobody_waits_for_the_look_of_somebody_else(looks):
    done = threading.Event()
    looks.run("bob", done.set)
    assert done.wait(60)


@pytest.mark.parametrize(("error", "level"), [(Unavailable("GitLab is away"), "WARNING"), (KeyError("x"), "ERROR")])
def test_one_that_fails_is_in_the_log_and_the_askers_next_is_done(looks, held, caplog, error, level):
    def fail():
        raise error

    failed, done = threading.Event(), threading.Event()
    looks.run("bob", lambda: (failed.set(), fail()))
    with caplog.at_level(logging.WARNING):
        assert failed.wait(60)
        looks.run("bob", done.set)
        assert done.wait(60)
    assert [record.levelname for record in caplog.records] == [level]
    held.let_go.set()


def test_it_is_slow_while_a_look_takes_long_and_not_after_it(looks, held, clock):
    assert not looks.slow()
    clock.advance(SLOW_SECONDS + 1)
    assert looks.slow()
    over = threading.Event()
    looks.run("alice", over.set)
    held.let_go.set()
    assert over.wait(60)
    assert not looks.slow()  # the next one began now


def test_what_was_begun_is_finished_and_what_waits_is_dropped(looks, held):
    done = []
    looks.run("alice", lambda: done.append("waiting"))
    stopping = threading.Thread(target=looks.stop)
    stopping.start()
    while not looks._stopped:
        threading.Event().wait(0.01)
    held.let_go.set()
    stopping.join(60)
    assert not stopping.is_alive()
    looks.run("alice", lambda: done.append("too late"))
    assert done == []
