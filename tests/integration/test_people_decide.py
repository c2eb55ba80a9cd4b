"""A model that is worse than what is released, in a real browser: who asked for it looks on, and another decides."""

import pytest
from playwright.sync_api import expect

from bot.sandbox.slack.people import BOB
from tests.integration.browser import Pages
from tests.integration.test_people import SHOTS, SLOW
from tests.scenario.world import TinyWorld

pytestmark = pytest.mark.browser

GATES = "gates:\n  metrics.loss: {better: lower, tolerance: 0.1}\n"
"""The tiny project's loss after n epochs is 1/n."""
WORSE = "metrics.loss is 1, worse by 0.5 than the 0.5 of v1.0.0; 0.1 is allowed."


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with TinyWorld(tmp_path_factory.mktemp("world")) as world, world.serving(RELEASE_APPROVERS=BOB.id):
        world.types("alice", "/train main v1.0.0")
        world.until_over("v1.0.0")
        world.project.change("main", {"params.yaml": GATES}, "A gate")
        yield world


@pytest.fixture
def pages(world, browser):
    with Pages(browser, world.slack.url) as pages:
        yield pages


def held_back(world, page, branch, tag):
    """The card of a run that waits for a decision, and the question in its thread, which is opened."""
    world.project.branch(branch, epochs=1)
    page.type(f"/train {branch} {tag}")
    card = page.message(f"{branch} → {tag}")
    expect(card).to_contain_text("Held back.", timeout=SLOW)
    page.open_thread(f"{branch} → {tag}")
    question = page.reply(f"{tag} is held back")
    expect(question).to_contain_text(WORSE, timeout=SLOW)
    return card, question


def test_somebody_who_may_releases_it_with_a_reason_and_nobody_else(world, pages):
    alice, bob = pages.open("alice"), pages.open("bob", width=1600)
    card, question = held_back(world, alice, "worse", "v1.1.0")
    assert alice.nameless() == []
    assert alice.faint() == []

    alice.press("Release anyway", question)
    expect(alice.thread).to_contain_text("You may not release v1.1.0 all the same: bob may.", timeout=SLOW)
    expect(alice.modal).to_be_hidden()

    bob.open_thread("worse → v1.1.0")
    asked = bob.reply("v1.1.0 is held back")
    bob.picture(bob.thread, SHOTS / "held-back.png")
    bob.press("Release anyway", asked)
    expect(bob.modal).to_contain_text(WORSE, timeout=SLOW)
    assert bob.nameless() == []
    bob.picture(bob.modal, SHOTS / "release-anyway.png")
    bob.fill("Why it may be released", "The test images are harder now.")
    bob.submit()
    expect(bob.modal).to_be_hidden(timeout=SLOW)

    expect(card).to_contain_text("Released", timeout=SLOW)
    end = alice.reply("is released")
    expect(end).to_contain_text("The test images are harder now.", timeout=SLOW)
    assert "The test images are harder now." in world.releases()["v1.1.0"]["description"]


def test_who_asked_for_it_discards_it_after_the_question_whether_that_is_meant(world, pages):
    alice = pages.open("alice")
    card, question = held_back(world, alice, "also-worse", "v1.2.0")
    alice.press("Discard", question)
    expect(alice.question).to_be_visible()
    alice.question.get_by_role("button").last.click()
    expect(card).to_contain_text("Discarded.", timeout=SLOW)
    expect(alice.reply("was discarded")).to_contain_text("Nothing was released", timeout=SLOW)
    assert "v1.2.0" in world.tags()
    assert "v1.2.0" not in world.releases()
