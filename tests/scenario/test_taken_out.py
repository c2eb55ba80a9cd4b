"""A machine is taken out of the settings while a run trains on it, and the bot is started with what is left."""

import json

import pytest

from tests.scenario.world import MACHINES


@pytest.fixture
def left(world):
    """Settings without alice's machine."""
    return {"TRAIN_INSTANCE_FOR_USER": json.dumps({"bob@example.com": MACHINES["bob"]})}


def test_the_run_ends_with_its_reason_in_the_thread_and_the_log_says_which_one_it_was(world, left):
    world.project.branch("long", gate=True)
    with world.serving():
        world.types("alice", "/train long v1.0.0")
        world.until_training("long")
    with world.serving(**left) as bot:
        thread = world.until_over("v1.0.0")
        assert "taken out of the settings" in thread.last_word
        assert f"run {thread.number} (v1.0.0) has the location alice" in bot.said
        assert "v1.0.0" not in world.releases()
    world.project.open_gate("long")  # what was left there ends by itself
