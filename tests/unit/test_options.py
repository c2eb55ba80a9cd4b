"""What a `/train` asks for beside branch and tag, from the ledger to the job that does it."""

import json

import pytest

from bot.runs.model import FREED, Kind, Note, Phase, Reason, TrainOptions
from bot.slack.asked import command
from bot.slack.card import card
from bot.slack.ending import terminal
from tests.doubles.runs import a_run
from tests.doubles.station import Station

PARAMETERS = b"train:\n  epochs: 9\n  lr: 0.1\nsmoke:\n  train: {epochs: 1}\n"
SMOKE = TrainOptions(smoke=True)
POOL = {"gpus": ("gpu-1", "gpu-2")}


@pytest.fixture
def station(tmp_path):
    station = Station(tmp_path)
    station.code.files["params.yaml", "a" * 40] = PARAMETERS
    return station


def whispers(station):
    return [row["text"] for row in station.said(None)]


def texts(blocks):
    return json.dumps(list(blocks), ensure_ascii=False)


def test_options_are_kept_with_the_run_and_reach_every_step(station):
    options = TrainOptions(set={"train.epochs": "3"}, force=True, notify=("UBOB",))
    station.train(options=options)
    run = station.train_to_release()
    assert run.options == options
    specs = [job.spec for job in station.machines["alice"].jobs.values()]
    assert [(spec["set"], spec["force"], spec["retries"]) for spec in specs] == [({"train.epochs": "3"}, True, [])] * 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (TrainOptions(set={"train.epoch": "3"}), "Did you mean `train.epochs`?"),
        (TrainOptions(set={"train.epochs": "many"}), "takes a whole number (now `9`), not `many`"),
    ],
)
def test_a_parameter_that_cannot_be_set_is_refused_before_any_machine_starts(station, options, sentence):
    station.train(options=options)
    station.tick()
    assert sentence in whispers(station)[0]
    assert station.store.runs() == []
    assert station.machines["alice"].starts == 0


def test_a_smoke_test_of_a_branch_without_small_values_is_told_what_to_add(station):
    station.train("feature/mobilenet", "smoke-of-x", options=SMOKE)
    station.code.files["params.yaml", "b" * 40] = b"train: {epochs: 9}\n"
    station.tick()
    assert "`smoke: {train: {epochs: 1}}`" in whispers(station)[0]
    assert station.machines["alice"].starts == 0


def test_a_smoke_test_trains_and_ends_without_publishing_anything(station):
    station.train(tag="smoke-of-main", options=SMOKE)
    for step in ("prepare", "repro"):
        station.until_step(step).play(step)
    station.until(lambda: station.run().phase is Phase.TESTED and not station.run().holds)
    run = station.run()
    assert run.kind is Kind.SMOKE
    assert FREED in run.times
    assert {job.spec["kind"] for job in station.machines["alice"].jobs.values()} == {"smoke"}
    assert station.code.releases == {}
    assert len(station.said(kind="terminal")) == 1


def test_a_smoke_test_builds_the_branchs_image_first_where_images_are_built(tmp_path):
    station = Station(tmp_path, builds=True)
    station.code.files["params.yaml", "a" * 40] = PARAMETERS
    station.train(tag="smoke-of-main", options=SMOKE)
    for step in ("prepare", "build", "repro"):
        station.until_step(step).play(step)
    station.until_phase(Phase.TESTED)


def test_a_smoke_test_is_in_the_way_of_no_release_and_may_be_called_like_one(station):
    station.code.tags_made["v0.9.0"] = "e" * 40
    station.train(tag="v0.9.0", user="UBOB", options=SMOKE)
    station.train(tag="v1.0.0", options=SMOKE)
    station.train(tag="v1.0.0", user="UBOB")
    station.tick()
    assert whispers(station) == []
    assert [run.kind for run in station.store.runs()] == [Kind.TRAIN, Kind.SMOKE, Kind.SMOKE]
    assert station.store.run_of_tag("team/fruits", "v1.0.0").kind is Kind.TRAIN


def test_the_same_smoke_test_is_not_made_twice_at_a_time(station):
    station.train(tag="smoke-of-main", options=SMOKE)
    station.tick()
    station.train(tag="smoke-of-main", options=SMOKE)
    station.train(tag="smoke-of-main", options=TrainOptions(smoke=True, set={"train.lr": "0.5"}))
    station.tick()
    assert len(station.store.runs()) == 2
    assert "in the same way already" in whispers(station)[0]


def test_how_long_smoke_tests_take_says_nothing_of_trainings(station):
    station.train(tag="smoke-of-main", options=SMOKE)
    for step in ("prepare", "repro"):
        station.until_step(step).play(step)
    station.until_phase(Phase.TESTED)
    assert station.store.usual_seconds("team/fruits", "alice") is None


def test_a_run_goes_to_the_machine_that_was_asked_for(station):
    station.train(options=TrainOptions(on="bob"))
    station.tick()
    assert (station.run().queue, station.run().location) == ("bob", "bob")


def test_a_run_for_one_machine_of_a_pool_waits_for_it_and_holds_up_nobody_on_the_others(tmp_path):
    station = Station(tmp_path, "gpu-1", "gpu-2", pools=POOL)
    station.train(tag="v1", options=TrainOptions(on="gpu-1"))
    station.train(tag="v2", user="UBOB", options=TrainOptions(on="gpu-1"))
    station.train(tag="v3", options=TrainOptions(on="gpus"))
    station.tick()
    assert [(run.location, run.phase is Phase.QUEUED) for run in map(station.run, (1, 2, 3))] == [
        ("gpu-1", False),
        ("gpu-1", True),
        ("gpu-2", False),
    ]
    assert {run.queue for run in map(station.run, (1, 2, 3))} == {"gpus"}
    station.store.cancel(1, "UALICE")
    station.until(lambda: station.run(2).holds)
    assert station.run(2).location == "gpu-1"


# What people read


def test_the_card_says_what_was_asked_for():
    options = TrainOptions(set={"train.epochs": "3"}, force=True)
    said = texts(card(a_run(options=options, retry_of=41), now=0.0).blocks)
    assert "Retry of run 41 · with `train.epochs = 3` · every stage runs" in said


def test_a_smoke_test_is_called_so_on_its_card_and_shows_only_its_own_way():
    run = a_run(Phase.TRAINING, kind=Kind.SMOKE, tag="smoke-of-main", times={"starting": 1.0, "preparing": 2.0})
    said = texts(card(run, now=3.0).blocks)
    assert "Run 42 · smoke test of main" in said
    assert "machine ✓ · data ✓ · *training*" in said
    assert "saving" not in said


def test_a_smoke_test_that_passed_says_what_it_shows_and_how_to_do_it_for_real():
    stages = {"prepare": "finished", "train": "finished", "export": "skipped"}
    options = TrainOptions(smoke=True, set={"train.lr": "0.5"}, on="rack-1")
    run = a_run(Phase.TESTED, kind=Kind.SMOKE, tag="v2.0.0", options=options, progress={"stages": stages})
    said = texts(terminal(run, Note("terminal")).blocks)
    assert "*The smoke test of `main` passed.*" in said
    assert "2 stages ran to the end" in said
    assert "Nothing was committed, pushed or released." in said
    assert "`/train main v2.0.0 --on rack-1 --set train.lr=0.5`" in said


def test_a_smoke_test_in_which_nothing_ran_says_that_it_shows_little():
    run = a_run(Phase.TESTED, kind=Kind.SMOKE, tag="smoke-of-main", progress={"stages": {"train": "skipped"}})
    said = texts(terminal(run, Note("terminal")).blocks)
    assert "No stage had to run" in said
    assert "`/train main &lt;tag&gt;`" in said


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [(Reason.CODE, "would most likely fail in the same way"), (Reason.NETWORK, "says nothing of `main`: `/retry 42`")],
)
def test_a_smoke_test_that_failed_says_whether_that_means_the_branch(reason, sentence):
    run = a_run(Phase.FAILED, kind=Kind.SMOKE, tag="smoke-of-main", options=SMOKE, reason=reason)
    assert sentence in texts(terminal(run, Note("terminal")).blocks)


def test_whoever_was_to_be_told_is_mentioned_at_the_end_beside_the_person_and_nobody_else():
    run = a_run(Phase.CANCELLED, options=TrainOptions(notify=("UBOB", "UALICE", "!channel", "here")))
    assert terminal(run, Note("terminal")).text.startswith("<@UALICE> <@UBOB> Run 42")


def test_the_command_that_asks_for_the_same_is_typed_as_it_would_be_read():
    options = TrainOptions(on="rack-1", set={"a.b": "two words", "c": "1"}, force=True)
    assert command(a_run(options=options)) == '/train main v1.0.0 --on rack-1 --set "a.b=two words" --set c=1 --force'
