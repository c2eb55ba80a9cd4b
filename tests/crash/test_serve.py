"""The real `stationmaster serve` is killed, at every named point and at moments nobody chose, and started again."""

import os
import random
import time

import pytest

from bot.crashpoints import POINTS
from tests.scenario.served_bot import KILLED_BY_CRASH_POINT
from tests.scenario.waiting import until
from tests.scenario.world import TinyWorld

ALL = [
    point
    for point in POINTS
    if not point.startswith(("failed-", "building-", "built-", "tested-", "held-back-", "compar"))
]
"""Every point of a training that goes well and is no container; tests/crash/test_engine_crashes.py has the others."""
DONE_AND_NOT_RECORDED = [point for point in ALL if point.endswith(("-after", "-sent", "-added", "-intended"))]
SINGLE = ALL if os.environ.get("STATIONMASTER_CRASH_MATRIX") == "all" else DONE_AND_NOT_RECORDED
"""Points at which a run is killed once and no more; every point has its turn in the test of one after the other."""
IN_A_FAILURE = ["failed-before", "failed-after", "message-intended:2", "message-sent:2"]
IN_ORDER = [
    "request-added",
    "request-claimed",
    "reserved",
    "starting-before",
    "starting-after",
    *[f"{phase}-{moment}" for phase in ("preparing", "training", "publishing", "releasing")
      for moment in ("recorded", "before", "after")],
    "released-recorded",
]  # fmt: skip
"""The points as a run that goes well comes by them; messages go out beside it, at moments of their own."""
SEEDS = (1, 2, 3)
STEPS = [
    "Code and data are ready",
    "Stage 2 of 3",
    "Stage 3 of 3",
    "The result is saved",
    "is released",
]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with TinyWorld(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def bot(world):
    """Not started: each test begins its lives itself. All of them have one ledger."""
    bot = world.bot()
    yield bot
    if bot.alive:
        bot.kill()


def train(world, name, **branch):
    """Alice wants to train a branch that was never trained; its tag has the same name."""
    world.project.branch(name, **branch)
    return world.slack.type("alice", f"/train {name} {name}")


def released_once(world, name):
    """What has to be true after any number of lives, in the eyes of everybody concerned."""
    thread = world.until_over(name)
    said = [step for line in thread.text.splitlines() for step in STEPS if step in line]
    assert said == STEPS, thread.lines
    assert world.project.trainings(name) == 1
    assert world.log(name, 5)[:2] == [f"Train {name}", f"Begin {name}"]
    assert [each["tag_name"] for each in world.api("releases?per_page=100")].count(name) == 1
    assert world.public(world.public_link(name))[0] == 200
    assert alices_machine_is_free(world)


def alices_machine_is_free(world):
    return "free" in world.types("alice", "/locations").split("*bob*")[0]


@pytest.mark.parametrize("point", SINGLE)
def test_a_run_survives_a_bot_that_dies_at(world, bot, point):
    bot.start(crash=point)
    train(world, point)
    assert bot.until_dead() == KILLED_BY_CRASH_POINT
    bot.start()
    released_once(world, point)


def test_a_run_survives_a_bot_that_dies_at_every_point_one_after_the_other(world, bot):
    bot.start(crash=IN_ORDER[0])
    train(world, "every-point")
    for point in IN_ORDER[1:]:
        assert bot.until_dead() == KILLED_BY_CRASH_POINT
        bot.start(crash=point, wait=False)
    assert bot.until_dead() == KILLED_BY_CRASH_POINT
    bot.start()
    released_once(world, "every-point")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_survives_kill_9_at_moments_that_nobody_chose(world, bot, seed):
    chance = random.Random(seed)
    bot.start()
    assert train(world, f"seed-{seed}") == ""
    for _ in range(chance.randint(2, 4)):
        time.sleep(chance.uniform(0.0, 1.2))
        bot.kill()
        bot.start()
    released_once(world, f"seed-{seed}")


@pytest.mark.parametrize("point", IN_A_FAILURE)
def test_a_failure_survives_a_bot_that_dies_at(world, bot, point):
    name = f"fails-{point.replace(':', '-')}"
    bot.start(crash=point)
    train(world, name, script="raise SystemExit('on purpose')")
    assert bot.until_dead() == KILLED_BY_CRASH_POINT
    bot.start()
    assert "failed in the stage `train`" in world.until_over(name).last_word
    assert b"on purpose" in world.until_log(name)
    assert len(world.thread(name).files) == 1
    assert world.project.trainings(name) == 1
    assert name not in world.tags()
    assert alices_machine_is_free(world)


def test_a_cancel_survives_a_bot_that_dies_right_after_it(world, bot):
    bot.start()
    train(world, "cancelled", gate=True)
    world.until_training("cancelled")
    world.until_card("cancelled", "Training")
    world.types("alice", "/cancel cancelled")
    bot.kill()
    bot.start()
    assert "was cancelled" in world.until_over("cancelled", 20).last_word
    assert "cancelled" not in world.tags()
    assert alices_machine_is_free(world)


def test_a_bot_that_is_ended_in_good_order_goes_on_where_it_was(world, bot):
    bot.start()
    train(world, "sigterm", gate=True)
    world.until_training("sigterm")
    bot.stop()
    assert bot.returncode == 0
    world.project.open_gate("sigterm")
    bot.start()
    released_once(world, "sigterm")


def test_a_training_goes_on_while_there_is_no_bot(world, bot):
    bot.start()
    train(world, "alone", gate=True)
    world.until_training("alone")
    bot.kill()
    world.project.open_gate("alone")
    until(
        lambda: list(world.run_folder(world.thread("alone").number).glob("jobs/*-repro-1/exit.json")), "it is trained"
    )
    bot.start()
    released_once(world, "alone")


def test_in_all_those_lives_nothing_was_said_twice_and_no_defect_met(world, bot):
    bot.start()
    until(lambda: world.slack.connected, "the bot is connected")
    world.until_all_is_said()
    names = [thread.headline.split("\n")[0].split(" → ")[1] for thread in world.threads()]
    assert len(names) == len(set(names)) > len(SINGLE)
    for thread in world.threads():
        lines = [line for text in thread.lines for line in text.splitlines() if line.strip()]
        assert len(thread.terminal) == 1, thread.lines
        assert len(lines) == len(set(lines)), thread.lines
    assert world.starts("alice") == 1
    assert "Traceback" not in bot.logs
