"""The card of a run: what it says in each phase, and what it leaves out."""

import json

import pytest

from bot.runs.charges import Cost
from bot.runs.model import Kind, Phase, Reason
from bot.slack.buttons import can_cancel
from bot.slack.remaining import Usual
from bot.slack.turn import Turn, Use
from tests.doubles.cards import a_card, shown
from tests.doubles.runs import START, a_run

BUILT = {"kind": Kind.BUILD, "tag": "train_main-0d6e4079"}


def test_a_training_card_says_who_where_stage_epoch_metrics_and_what_is_left():
    run = a_run(
        times={
            Phase.QUEUED: START,
            Phase.STARTING: START + 10,
            Phase.PREPARING: START + 20,
            Phase.TRAINING: START + 30,
        },
        progress={
            "stage": {"name": "train", "index": 2, "of": 4, "state": "started"},
            "metric": {"step": 7, "of": 14, "values": {"accuracy": 0.93123, "loss": 0.21}},
        },
    )
    text = shown(a_card(run, usual=Usual(390)))
    assert "Run 42 · main → v1.0.0" in text
    assert "*Training, stage 2 of 4, `train`*" in text
    assert "██████████░░░░░░░░░░ epoch 7 of 14" in text
    assert "accuracy 0.9312 · loss 0.21" in text
    assert "alice on `rack-1` · commit `abcdef01`" in text
    assert "1 min 30 s so far, about 5 min left" in text
    assert "machine ✓ · data ✓ · *training* · saving · release" in text


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({"state": "building", "step": [3, 9]}, "████░░░░░░░░░░░░░░░░ step 3 of 9"),
        ({"state": "pushed", "step": [9, 9]}, ""),
        ({"state": "building", "step": [9, 0]}, ""),
        ({"state": "building"}, ""),
    ],
)
def test_the_card_of_a_build_says_how_far_it_is(image, said):
    text = shown(a_card(a_run(Phase.BUILDING, progress={"image": image}, **BUILT)))
    assert said in text
    assert ("step" in text) == bool(said)


def test_the_metrics_of_a_stage_without_epochs_name_none():
    stage = {"name": "export", "index": 4, "of": 4, "state": "started"}
    metric = {"step": 0, "of": None, "values": {"label_agreement": 1}}
    text = shown(a_card(a_run(progress={"stage": stage, "metric": metric})))
    assert "epoch" not in text
    assert "label_agreement 1" in text


def test_a_card_says_what_the_run_costs_so_far_and_an_hour_of_it():
    assert "$1.05 so far, at $0.53 an hour" in shown(a_card(a_run(), cost=Cost(1.052, 0.526)))
    assert "\n$0.53 an hour" in shown(a_card(a_run(), cost=Cost(0.0, 0.526)))


def test_the_card_of_a_run_that_ended_says_what_it_cost_in_the_end():
    text = shown(a_card(a_run(Phase.RELEASED, ended_at=START + 60), cost=Cost(1.052, 0.526)))
    assert "$1.05" in text
    assert "an hour" not in text


def test_a_card_says_nothing_of_money_while_the_price_is_not_known():
    assert "$" not in shown(a_card(a_run()))


def test_a_waiting_card_says_the_place_the_holder_and_the_expected_turn():
    holder = a_run(id=41, tag="v0.9.0", times={Phase.QUEUED: START - 700, Phase.STARTING: START - 600})
    turn = Turn(2, (Use("rack-1", run=holder, who="bob"),), START + 500)
    text = shown(a_card(a_run(Phase.QUEUED), queue=turn, now=START))
    assert "*Number 2 in line* for `rack-1`." in text
    assert "bob has it, with run 41 (`v0.9.0`), for 10 min so far." in text
    assert "Your turn should come in 9 min." in text
    assert "starts by itself" in text


def test_a_card_mentions_nobody():
    for phase in Phase:
        assert "<@" not in json.dumps(a_card(a_run(phase)).blocks)


def test_the_cancel_button_asks_before_it_acts_and_names_the_run():
    button = a_card(a_run()).blocks[-1]["elements"][0]
    assert (button["action_id"], button["value"]) == ("cancel", "42")
    assert button["confirm"]["title"]["text"] == "Cancel run 42?"


@pytest.mark.parametrize(
    ("run", "possible"),
    [
        (a_run(Phase.QUEUED), True),
        (a_run(Phase.PUBLISHING), True),
        (a_run(Phase.PUBLISHING, result={"commit": "c"}), False),
        (a_run(Phase.RELEASING), False),
        (a_run(Phase.FAILED), False),
        (a_run(cancelled_by="UALICE"), False),
    ],
)
def test_the_button_is_there_only_while_a_cancel_can_still_win(run, possible):
    assert can_cancel(run) is possible
    assert ("cancel" in json.dumps(a_card(run).blocks[-1])) is possible


def test_an_ended_card_links_the_release_or_names_the_cause():
    released = a_run(Phase.RELEASED, ended_at=START + 240, result={"release_url": "https://gitlab.test/r/v1.0.0"})
    assert "*Released* after 4 min. <https://gitlab.test/r/v1.0.0|Open the release v1.0.0>" in shown(a_card(released))
    failed = a_run(Phase.FAILED, reason=Reason.CODE, detail={"stage": "train"})
    assert "*Failed in train.* The project's own code failed." in shown(a_card(failed))


def test_a_run_that_moved_to_direct_messages_says_why_it_is_there():
    assert "/invite @Stationmaster" in shown(a_card(a_run(channel="UALICE")))


def test_trouble_is_said_with_how_long_it_lasts():
    run = a_run(Phase.STARTING, progress={"trouble": {"what": "No capacity for g5.xlarge.", "since": START + 70}})
    assert "No capacity for g5.xlarge. Trying again, for 30 s now." in shown(a_card(run))
