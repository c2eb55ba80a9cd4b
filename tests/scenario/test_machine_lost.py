"""A person switches a machine off at the console while a run works on it."""

import pytest

from tests.scenario.waiting import until
from tests.scenario.world import MACHINES


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


def test_the_run_is_over_and_says_so_although_the_shell_still_answers(world):
    world.project.branch("long", gate=True)
    world.types("alice", "/train long v1.0.0")
    world.until_training("long")
    world.aws.power_off(MACHINES["alice"])
    thread = world.until_over("v1.0.0")
    assert "The machine went away in the middle of the run" in thread.last_word
    assert world.power() == "stopped"
    assert world.starts() == 1
    assert "v1.0.0" not in world.releases()
    folder = world.run_folder(thread.number)
    until(lambda: list(folder.glob("jobs/*repro*/exit.json")), "what the training left behind is ended")
