"""`/train` without words in a real browser, before the whole bot: from the form to the release."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.integration.browser import Pages, chromium
from tests.scenario.world import TinyWorld

pytestmark = pytest.mark.browser

SHOTS = Path(os.environ.get("SCREENSHOTS", "build/screenshots"))
SLOW = 60_000
"""Milliseconds that GitLab, the bot and Slack together may take on a busy machine."""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with TinyWorld(tmp_path_factory.mktemp("world")) as world, world.serving():
        yield world


@pytest.fixture
def alice(world):
    with chromium() as browser, Pages(browser, world.slack.url) as pages:
        yield pages.open("alice")


def test_a_person_trains_with_the_form_and_is_told_when_nothing_changed(world, alice):
    world.project.branch("topic")
    alice.type("/train")
    expect(alice.modal).to_contain_text("Branch: main at", timeout=SLOW)
    alice.search("Branch", "top", "topic")
    expect(alice.modal).to_contain_text("Branch: topic at", timeout=SLOW)
    expect(alice.modal).to_contain_text("Stages that would run: 3 of 3")
    alice.fill("Tag", "v3.0.0")
    assert alice.nameless() == []
    assert alice.faint() == []
    alice.screenshot(SHOTS / "train-form.png")
    alice.submit()
    expect(alice.modal).to_be_hidden(timeout=SLOW)
    world.until_over("v3.0.0")
    expect(alice.message("topic → v3.0.0")).to_contain_text("Released", timeout=SLOW)

    alice.type("/train topic")
    expect(alice.modal).to_contain_text("Nothing changed since v3.0.0", timeout=SLOW)
    alice.submit()
    expect(alice.modal.get_by_text("Choose this to train all the same.")).to_be_visible(timeout=SLOW)
    alice.cancel()
    expect(alice.modal).to_be_hidden()
    assert world.thread("v3.0.1") is None
