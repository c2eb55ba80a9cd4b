"""A commit that asks for a run: from the push, by GitLab's webhook, to the release."""

import json

import pytest

from bot.sandbox.slack.people import TRAINING
from tests.scenario import webhook
from tests.scenario.waiting import until
from tests.scenario.webhook import rings, seen
from tests.scenario.world import TinyWorld

SETTINGS = {**webhook.SETTINGS, "COMMIT_TRIGGERS": "true", "SLACK_FALLBACK_CHANNEL": TRAINING.id}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with TinyWorld(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="module")
def bot(world):
    with world.serving(**SETTINGS) as bot:
        yield bot


@pytest.fixture(scope="module")
def released(world, bot):
    until(lambda: seen(world), "the bot has seen where main stands")
    params = json.loads(world.show("main", "params.json"))
    params["train"]["seed"] = 4711
    world.project.change("main", {"params.json": json.dumps(params)}, "trigger training v1.0.0")
    until(lambda: rings(bot) == 202 and world.threads(), "the commit has its thread")
    return world.until_over("v1.0.0")


def test_a_pushed_commit_becomes_a_release_and_the_thread_says_whose_wish_it_was(released):
    assert "is released" in released.last_word
    assert "The message of commit" in released.text


def test_the_result_that_is_pushed_asks_for_nothing_nor_does_a_new_life_of_the_bot(world, bot, released):
    tip = world.commit_of("main").sha
    until(lambda: rings(bot) == 202 and seen(world) == tip, "the bot has seen its own commit")
    bot.stop()
    bot.start()
    world.project.change("main", {"notes.txt": "later"}, "A note")
    later = world.commit_of("main").sha
    until(lambda: rings(bot) == 202 and seen(world) == later, "the bot has seen the next commit")
    world.until_all_is_said()
    assert len(world.threads()) == 1
    assert world.private("alice") == []


def test_nobody_else_can_ring(bot):
    assert rings(bot, "something else") == 403
