"""The real `stationmaster serve` is killed, at every named point and at moments nobody chose, and started again."""

import random
import re
import time

import pytest

from bot.crashpoints import POINTS
from tests.scenario.served_bot import KILLED_BY_CRASH_POINT
from tests.scenario.waiting import until
from tests.scenario.world import TinyWorld

FAILING = [point for point in POINTS if point.startswith("failed-")]
GOOD = [point for point in POINTS if not point.startswith("failed-")]
SEEDS = (1, 2, 3, 4)
STEPS = [
    "The machine answers",
    "Code and data are ready",
    "Stage 1 of 3",
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
    """Not started: each test begins its lives itself."""
    bot = world.bot()
    yield bot
    bot.stop()


@pytest.fixture
def tag(world, request):
    """A branch that was never trained, and the tag of the same name for its release."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.callspec.id if hasattr(request.node, "callspec") else "once").strip("-")
    world.project.branch(name)
    return name


def released_once(world, bot, tag):
    """What has to be true after any number of lives, in the eyes of everybody concerned."""
    thread = world.until_over(tag)
    settle(world, bot, tag)
    thread = world.thread(tag)
    assert "is released" in thread.last_word, thread.last_word
    assert len([each for each in world.threads() if f"→ {tag}" in each.headline]) == 1
    assert world.project.trainings(tag) == 1
    assert [each["tag_name"] for each in world.api("releases?per_page=100")].count(tag) == 1
    assert world.log(tag, 5)[:2] == [f"Train {tag}", f"Begin {tag}"]
    assert world.commit_of(tag).sha == world.commit_of(tag).sha
    assert world.public(world.public_link(tag))[0] == 200
    said = [step for line in thread.text.splitlines() for step in STEPS if step in line]
    assert said in (STEPS, STEPS[1:]), thread.lines  # a machine that is on already is not announced
    assert "free" in world.types("alice", "/locations").split("*bob*")[0]
    assert not bot.said.count("Traceback"), bot.said


def settle(world, bot, tag):
    """Let a bot that wants to say something again say it."""
    until(lambda: world.slack.connected and bot.alive, "the bot is connected")
    before = (len(world.threads()), len(world.thread(tag).replies))
    time.sleep(1)
    assert (len(world.threads()), len(world.thread(tag).replies)) == before


@pytest.mark.parametrize("point", GOOD)
def test_a_run_survives_a_bot_that_dies_at(world, bot, tag, point):
    bot.start(crash=point)
    world.slack.type("alice", f"/train {tag} {tag}")
    assert bot.until_dead() == KILLED_BY_CRASH_POINT
    bot.start()
    released_once(world, bot, tag)


def test_a_run_survives_a_bot_that_dies_at_one_point_after_the_other(world, bot):
    world.project.branch("all-points")
    bot.start(crash=GOOD[0])
    world.slack.type("alice", "/train all-points all-points")
    for point in GOOD[1:]:
        assert bot.until_dead() == KILLED_BY_CRASH_POINT
        bot.start(crash=point, wait=False)
        if not until(lambda: not bot.alive or (world.thread("all-points") and world.thread("all-points").terminal), "x"):
            break
    bot.stop()
    bot.start()
    released_once(world, bot, "all-points")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_survives_kill_9_at_moments_that_nobody_chose(world, bot, seed):
    chance = random.Random(seed)
    name = f"seed-{seed}"
    world.project.branch(name)
    bot.start()
    assert world.slack.type("alice", f"/train {name} {name}") == ""
    for _ in range(chance.randint(2, 4)):
        time.sleep(chance.uniform(0.0, 1.2))
        bot.kill()
        bot.start()
    released_once(world, bot, name)


@pytest.mark.parametrize("point", [*FAILING, "message-sent"])
def test_a_failure_survives_a_bot_that_dies_at(world, bot, point):
    name = f"fails-{point}"
    world.project.branch(name, script="raise SystemExit('on purpose')")
    bot.start(crash=point)
    world.slack.type("alice", f"/train {name} {name}")
    assert bot.until_dead() == KILLED_BY_CRASH_POINT
    bot.start()
    assert "failed in the stage `train`" in world.until_over(name).last_word
    assert b"on purpose" in world.until_log(name)
    settle(world, bot, name)
    assert len(world.thread(name).terminal) == len(world.thread(name).files) == 1
    assert world.project.trainings(name) == 1
    assert name not in world.tags()
    assert "free" in world.types("alice", "/locations").split("*bob*")[0]
