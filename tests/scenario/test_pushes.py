"""A commit that asks for a run: from the push, by GitLab's webhook, to the release."""

import json
import re
import sqlite3

import httpx
import pytest

from bot.sandbox.slack.people import TRAINING
from bot.web.site import PUSHES
from tests.scenario.waiting import until
from tests.scenario.world import TinyWorld

SECRET = "canary-webhook-secret"
SETTINGS = {
    "COMMIT_TRIGGERS": "true",
    "SLACK_FALLBACK_CHANNEL": TRAINING.id,
    "HTTP_PORT": "0",
    "GITLAB_WEBHOOK_SECRET": SECRET,
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with TinyWorld(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture(scope="module")
def bot(world):
    with world.serving(**SETTINGS) as bot:
        yield bot


def rings(bot, secret=SECRET):
    """GitLab tells of a push; the bot's answer."""
    found = until(lambda: re.search(r"listening on port (\d+) of 127\.0\.0\.1", bot.said), "it says where it listens")
    address = f"http://127.0.0.1:{found[1]}{PUSHES}"
    with httpx.Client(trust_env=False, timeout=30) as http:
        return http.post(address, headers={"X-Gitlab-Token": secret}, json={"object_kind": "push"}).status_code


def seen(world, branch="main"):
    """Where the bot saw the branch last: in its ledger, since a look that finds nothing cannot be seen."""
    connection = sqlite3.connect(f"file:{world.bot_home / 'ledger.sqlite'}?mode=ro", uri=True)
    try:
        row = connection.execute('SELECT "commit" FROM heads WHERE branch = ?', (branch,)).fetchone()
    finally:
        connection.close()
    return row[0] if row else None


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
