"""A model made worse on purpose waits for a decision: released all the same with a reason, or discarded."""

import json

import pytest

from bot.sandbox.slack.people import ALICE, BOB
from tests.scenario.waiting import until
from tests.scenario.world import words_of

GATES = "gates:\n  metrics.loss: {better: lower, tolerance: 0.1}\n"
"""The tiny project's loss after n epochs is 1/n."""


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving(RELEASE_APPROVERS=BOB.id) as bot:
        yield bot


@pytest.fixture(scope="module", autouse=True)
def first(world):
    """The release that others are compared with, and the gate, which came after it."""
    world.types("alice", "/train main v1.0.0")
    released = world.until_over("v1.0.0")
    world.project.change("main", {"params.yaml": GATES}, "A gate")
    return released


def held_back(world, tag):
    """A run whose model is worse, once its thread and its card say so."""
    branch = f"worse-{tag}"
    world.project.branch(branch, epochs=1)
    world.types("alice", f"/train {branch} {tag}")
    world.until_said(tag, "is held back")
    return world.until_card(tag, "*Held back.*")


def question(thread):
    (asked,) = [reply for reply in thread.replies if "is held back" in words_of(reply)]
    return asked


def test_a_worse_model_is_saved_and_released_with_the_reason_of_whoever_may(world):
    thread = held_back(world, "v1.1.0")
    asked = question(thread)
    assert "`metrics.loss` is 1, worse by 0.5 than the 0.5 of `v1.0.0`; 0.1 is allowed." in words_of(asked)
    assert {ALICE.id, BOB.id} <= set(asked.pings)
    assert "v1.1.0" in world.tags()
    assert "v1.1.0" not in world.releases()

    assert "You may not release `v1.1.0`" in world.types("alice", f"/release {thread.number} please")
    assert world.slack.press("bob", "release-anyway", on=asked.ts) == ""
    until(lambda: world.slack.modal("bob"), "the form is open")
    assert "`metrics.loss` is 1" in json.dumps(world.slack.modal("bob"), ensure_ascii=False)
    world.slack.fill("bob", "release-reason", "The test images are harder now.")
    assert world.slack.submit("bob") == {}

    world.until_said("v1.1.0", "is released")
    notes = until(lambda: world.releases().get("v1.1.0"), "the release is there")["description"]
    assert "Released all the same" in notes
    assert "> The test images are harder now." in notes
    assert "`metrics.loss` is 1, worse by 0.5 than the 0.5 of `v1.0.0`" in notes
    assert "has been decided on already" in world.types("bob", f"/discard {thread.number}")


def test_a_worse_model_that_is_discarded_is_kept_by_its_tag_without_a_release(world):
    thread = held_back(world, "v1.2.0")
    assert "Discarding run" in world.types("bob", f"/discard {thread.number}")
    world.until_said("v1.2.0", "was discarded by")
    world.until_card("v1.2.0", "*Discarded.*")
    assert "v1.2.0" in world.tags()
    assert "v1.2.0" not in world.releases()
    world.types("alice", "/train main v1.2.0")
    world.told("alice", "v1.2.0` exists already")


def test_a_better_model_goes_through_by_itself(world):
    world.project.branch("better", epochs=3)
    world.types("alice", "/train better v1.3.0")
    assert "is released" in world.until_over("v1.3.0").last_word
