"""The buttons below a card and a last message, pressed by whoever may and by whoever may not."""

import json

import pytest

from tests.scenario.waiting import until
from tests.scenario.world import words_of


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


@pytest.fixture(scope="module")
def released(world):
    """Two releases of one branch: the second has one to be compared with."""
    world.project.branch("idea")
    world.types("alice", "/train idea v1.0.0")
    world.until_over("v1.0.0")
    world.project.retrain("idea")
    world.types("alice", "/train idea v1.1.0")
    return world.until_over("v1.1.0")


def buttons(message):
    elements = [each for block in message.blocks for each in block.get("elements", ())]
    return [each["action_id"] for each in elements if each.get("type") == "button"]


def test_the_card_and_the_last_message_have_the_buttons_that_fit(released):
    assert buttons(released.card) == ["again", "compare", "log"]
    assert buttons(released.terminal[0]) == ["again", "compare", "log"]


def test_the_log_is_for_whoever_asks(world, released):
    assert world.slack.press("bob", "log", on=released.terminal[0].ts) == ""
    view = until(lambda: world.slack.modal("bob"), "the log is shown")
    assert view["title"]["text"] == "Log of run 2"
    assert "Epoch" in json.dumps(view["blocks"])
    assert world.slack.modal("alice") is None


def test_compare_puts_the_release_beside_the_one_before_it_into_the_thread_once(world, released):
    assert world.slack.press("bob", "compare", on=released.card.ts) == ""
    world.until_said("v1.1.0", "*v1.0.0* (run 1, `idea`) beside *v1.1.0* (run 2, `idea`)")
    assert world.slack.press("alice", "compare", on=released.terminal[0].ts) == ""
    world.told("alice", "has that comparison already")
    world.until_all_is_said()
    assert world.thread("v1.1.0").text.count("*v1.0.0* (run 1, `idea`) beside") == 1


def test_train_again_opens_the_form_filled_in_and_it_trains(world, released):
    world.project.retrain("idea")
    assert world.slack.press("alice", "again", on=released.terminal[0].ts) == ""

    def form():
        modal = world.slack.modal("alice")
        text = json.dumps(modal["blocks"], ensure_ascii=False) if modal else ""
        return modal if "v1.1.1" in text and "idea" in text and "Looking" not in text else None

    until(form, "the form is open", context=lambda: str(world.slack.modal("alice")))
    assert world.slack.submit("alice") == {}
    assert "is released" in world.until_over("v1.1.1").last_word


def test_retry_makes_a_new_run_of_a_cancelled_one_and_its_card_says_so(world):
    world.project.branch("slow", gate=True)
    world.types("alice", "/train slow v4.0.0")
    world.until_training("slow")
    number = world.thread("v4.0.0").number
    world.slack.press("alice", "cancel", on=world.thread("v4.0.0").card.ts)
    cancelled = world.until_over("v4.0.0")
    world.project.open_gate("slow")
    assert world.slack.press("alice", "retry", on=cancelled.terminal[0].ts) == ""
    until(lambda: world.thread("v4.0.0").number != number, "there is a new card")
    assert f"Retry of run {number}" in world.thread("v4.0.0").headline
    assert "is released" in world.until_over("v4.0.0").last_word


def test_the_machine_of_a_failed_run_is_held_by_its_owner_and_not_by_others(world):
    world.project.branch("broken", script="raise SystemExit('no such layer')")
    world.types("alice", "/train broken v2.0.0")
    failed = world.until_over("v2.0.0")
    assert buttons(failed.terminal[0]) == ["retry", "again", "log", "hold"]
    assert world.slack.press("bob", "hold", on=failed.terminal[0].ts) == ""
    world.told("bob", "We have not met yet")
    world.types("bob", "/train main v3.0.0")
    world.until_over("v3.0.0")
    assert world.slack.press("bob", "hold", on=failed.terminal[0].ts) == ""
    world.told("bob", "only they or an admin can do that")
    assert world.slack.press("alice", "hold", on=failed.terminal[0].ts) == ""
    world.told("alice", "`alice` is yours for 20 minutes")
    held = world.types("bob", "/locations")
    assert "holds it for another" in held
    in_thread = [each for each in world.slack.ephemerals("alice") if "is yours for 20 minutes" in words_of(each)]
    assert [each.thread_ts for each in in_thread] == [failed.card.ts]
