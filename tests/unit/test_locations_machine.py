"""A machine forwards to its power, its shell and its runtime, and keeps the `Location` door's promises."""

from __future__ import annotations

import sys

import pytest

from bot.errors import NotFound, Unauthorised, Unavailable
from bot.locations.machine import Machine
from bot.locations.power import AlwaysOn
from bot.locations.process import ProcessRuntime
from bot.locations.shell import CommandResult, LocalShell
from bot.ports import JobState, Location, PowerState


class Failing:
    """A shell whose location does not answer."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def run(self, *_said: object, **_how: object) -> CommandResult:
        raise self._error

    def read(self, *_asked: object) -> bytes:
        raise self._error


def machine(tmp_path, shell=None) -> Location:
    shell = shell or LocalShell()
    return Machine("rack-1", str(tmp_path), AlwaysOn(), shell, ProcessRuntime(shell, sys.executable))


def test_a_machine_that_is_there_answers_and_is_on(tmp_path):
    here = machine(tmp_path)
    here.start()
    here.stop()
    assert (here.name, here.workdir) == ("rack-1", str(tmp_path))
    assert here.power() is PowerState.RUNNING
    assert here.answers() is True


@pytest.mark.parametrize("error", [Unavailable("no route"), NotFound("no program")])
def test_a_shell_that_is_not_there_yet_is_an_answer_not_an_error(tmp_path, error):
    assert machine(tmp_path, Failing(error)).answers() is False


def test_a_refused_credential_is_not_taken_for_a_machine_that_still_boots(tmp_path):
    with pytest.raises(Unauthorised):
        machine(tmp_path, Failing(Unauthorised("key refused"))).answers()


def test_files_and_jobs_are_those_of_the_location(tmp_path):
    here = machine(tmp_path)
    (tmp_path / "log").write_bytes(b"0123456789")
    assert here.read(str(tmp_path / "log"), 2, 3) == b"234"
    assert here.status("run-1-repro", str(tmp_path)).state is JobState.ABSENT
    assert here.decide(str(tmp_path), "cancel") == "cancel"
    assert here.kill("run-1-repro", str(tmp_path)) is True
