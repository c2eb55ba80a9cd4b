"""Errands: done at once, elsewhere, and never anybody's trouble."""

import logging
import threading

import pytest

from bot.errands import Errands
from bot.errors import Unavailable


@pytest.fixture
def errands():
    errands = Errands(threads=1)
    yield errands
    errands.stop()


def test_an_errand_is_done_by_another_thread(errands):
    done, by = threading.Event(), []
    errands.run(lambda: (by.append(threading.current_thread()), done.set()))
    assert done.wait(30)
    assert by[0] is not threading.current_thread()


@pytest.mark.parametrize(("error", "level"), [(Unavailable("Slack is away"), "WARNING"), (KeyError("x"), "ERROR")])
def test_one_that_fails_is_in_the_log_and_the_next_is_done(errands, caplog, error, level):
    def fail():
        raise error

    done = threading.Event()
    with caplog.at_level(logging.WARNING):
        errands.run(fail)
        errands.run(done.set)
        assert done.wait(30)
    assert [record.levelname for record in caplog.records] == [level]


def test_what_was_begun_is_finished_and_the_rest_dropped(errands):
    begun, go_on, done = threading.Event(), threading.Event(), []

    def first():
        begun.set()
        go_on.wait(30)
        done.append("first")

    errands.run(first)
    errands.run(lambda: done.append("second"))
    assert begun.wait(30)
    stopping = threading.Thread(target=errands.stop)
    stopping.start()
    go_on.set()
    stopping.join(30)
    assert done[:1] == ["first"]
