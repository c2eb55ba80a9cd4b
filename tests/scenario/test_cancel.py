"""`/cancel` and the card's button: everything of the run is gone within 15 seconds, and the machine is free."""

import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scenario.waiting import until
from tests.scenario.world import MACHINES

DAEMON = """
    import os, signal, sys
    pids = pathlib.Path(train["diary"]).with_name("pids.txt")
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            with pids.open("a") as file:
                file.write(f"{os.getpid()}\\n")
            os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)"], {})
        os._exit(0)
    with pids.open("a") as file:
        file.write(f"{os.getpid()}\\n")
    """


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


@pytest.fixture
def training(world, request):
    """A training with a child that made itself a daemon, ignores SIGTERM and forgot its environment."""
    tag = f"v1.0.{len(world.threads())}"
    world.project.branch(tag, script=DAEMON, gate=True)
    pids = world.project.folder / "pids.txt"
    pids.unlink(missing_ok=True)
    world.types("alice", f"/train {tag} {tag}")
    world.until_card(tag, "Training")
    until(lambda: pids.exists() and len(pids.read_text().split()) == 2, "the training and its daemon run")
    return Training(tag, [int(pid) for pid in pids.read_text().split()])


@dataclass(frozen=True)
class Training:
    tag: str
    pids: list

    def gone(self):
        return not any(map(self._lives, self.pids))

    def _lives(self, pid):
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False


def test_the_button_ends_everything_within_15_seconds(world, training):
    assert not training.gone()
    began = time.monotonic()
    assert world.slack.click("alice", world.thread(training.tag).card.ts, "cancel") == ""
    until(training.gone, "every process of the run is gone", 15)
    thread = world.until_over(training.tag, 15 - (time.monotonic() - began))
    assert "was cancelled" in thread.last_word
    assert "*Cancelled.*" in thread.headline
    assert not thread.has_button()
    assert world.tags() == set()
    assert world.releases() == {}


def test_the_command_ends_everything_within_15_seconds_and_the_log_is_kept(world, training):
    number = world.thread(training.tag).number
    began = time.monotonic()
    assert f"Cancelling run {number}" in world.types("alice", f"/cancel {number}")
    until(training.gone, "every process of the run is gone", 15)
    thread = world.until_over(training.tag, 15 - (time.monotonic() - began))
    assert "attached" in thread.last_word
    assert b"Epoch 2/2" in world.until_log(training.tag)


def test_the_location_is_free_for_the_next_run(world, training):
    world.types("alice", f"/cancel {training.tag}")
    world.types("alice", "/train main v1.9.0")
    assert "was cancelled" in world.until_over(training.tag, 20).last_word
    assert "is released" in world.until_over("v1.9.0").last_word


def test_somebody_else_may_not_cancel(world):
    world.project.branch("mine", gate=True)
    world.types("alice", "/train mine v2.0.0")
    card = world.until_card("v2.0.0", "Training")
    assert "belongs to" in world.types("bob", "/cancel v2.0.0")
    assert world.slack.click("bob", card.card.ts, "cancel") == ""
    assert "only they or an admin" in world.told("bob", "belongs to")
    world.project.open_gate("mine")
    assert "is released" in world.until_over("v2.0.0").last_word


def test_what_has_ended_cannot_be_cancelled(world):
    assert "has ended already" in world.types("alice", "/cancel v2.0.0")
    assert "There is no run 4242" in world.types("alice", "/cancel 4242")
    assert "`/cancel <run>`" in world.types("alice", "/cancel")


def test_a_run_can_be_cancelled_while_its_machine_starts(world):
    world.aws.power_off(MACHINES["alice"])
    until(lambda: world.power("alice") == "stopped", "the machine is off", 20)
    world.project.branch("early")
    world.aws.fault("StartInstances", "InsufficientInstanceCapacity", times=100)
    world.types("alice", "/train early v3.0.0")
    world.until_card("v3.0.0", "Starting the machine")
    world.types("alice", "/cancel v3.0.0")
    assert "was cancelled" in world.until_over("v3.0.0", 25).last_word
    world.aws.forget_faults()
    assert world.project.trainings("early") == 0
    assert world.power("alice") == "stopped"
