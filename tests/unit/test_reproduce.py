"""`/reproduce <tag>`: what it asks for, what becomes of it, and what people read at the end."""

import json

import pytest

from bot.errors import UserError
from bot.runs.model import Kind, Note, Phase, Reason, TrainOptions
from bot.runs.retries import nothing_to_retry
from bot.slack import reproduction
from bot.slack.card import card, status
from bot.slack.ending import terminal
from bot.slack.heads_up import heads_up
from commands import request
from tests.doubles.runs import a_run
from tests.doubles.station import Station

STEPS = ("prepare", "repro", "compare")
DIFFERENT = {
    "outputs": 6,
    "different": 2,
    "outs": [
        {"path": "model.keras", "equal": False, "size": 2_012, "size_before": 2_000},
        {"path": "metrics.json", "equal": False, "size": 20, "size_before": 20},
        *({"path": f"data/{name}", "equal": True, "size": 9, "size_before": 9} for name in "abcd"),
    ],
    "metrics_different": 1,
    "metrics": [{"name": "accuracy", "now": 0.94, "before": 0.93}],
}
EQUAL = {"outputs": 6, "different": 0, "outs": [{"path": "out", "equal": True}], "metrics_different": 0, "metrics": []}


@pytest.fixture
def station(tmp_path):
    """One release is there: v1.0.0, which run 1 made at alice's machine."""
    station = Station(tmp_path)
    station.train()
    run = station.train_to_release()
    station.code.tags_made["v1.0.0"] = run.result["commit"]
    return station


def compared(**changes):
    values = {"kind": Kind.REPRODUCE, "result": {"compared": EQUAL}}
    return a_run(Phase.COMPARED, **(values | changes))


def texts(message):
    return json.dumps(message.blocks, ensure_ascii=False)


def whisper(station):
    (row,) = station.said(None)
    return row["text"]


def test_a_release_is_made_again_at_the_persons_machine_and_nothing_is_published(station):
    station.reproduce(user="UBOB")
    for step in STEPS:
        station.until_step(step, 2).play(step)
    station.until(lambda: station.run(2).phase is Phase.COMPARED and not station.run(2).holds)
    run = station.run(2)
    assert (run.kind, run.location, run.branch, run.commit) == (Kind.REPRODUCE, "bob", "main", "c" * 40)
    assert run.result["compared"]["outputs"] == 6
    specs = [job.spec for job in station.machines["bob"].jobs.values()]
    assert {(spec["kind"], spec["force"]) for spec in specs} == {("reproduce", True)}
    assert list(station.code.releases) == ["v1.0.0"]
    assert len(station.said(2, "terminal")) == 1


def test_what_the_teams_code_says_of_the_comparison_is_not_believed(station):
    station.reproduce()
    station.until_step("prepare", 2).play("prepare")
    machine = station.until_step("repro", 2)
    machine.emit("compared", **EQUAL)
    machine.play("repro")
    machine = station.until_step("compare", 2)
    assert "compared" not in station.run(2).result
    machine.emit("step", name="compare", state="finished", seconds=1.0)
    machine.finish()
    run = station.until_phase(Phase.FAILED, 2)
    assert run.reason is Reason.INTERNAL


def test_the_same_release_is_not_made_again_twice_at_a_time_but_others_may(station):
    station.reproduce()
    station.tick()
    station.reproduce()
    station.reproduce(user="UBOB")
    station.tick()
    assert [run.user for run in station.store.runs() if run.kind is Kind.REPRODUCE] == ["UBOB", "UALICE"]
    assert "you are reproducing `v1.0.0` already" in whisper(station)


def test_a_reproduction_is_in_the_way_of_no_run_of_that_tag(station):
    station.reproduce(user="UBOB")
    station.tick()
    assert station.store.run_of_tag("team/fruits", "v1.0.0").kind is Kind.TRAIN
    del station.code.tags_made["v1.0.0"]
    station.train()
    station.tick()
    assert station.run(3).tag == "v1.0.0"


def test_an_unknown_tag_is_refused_with_the_nearest_release(station):
    station.reproduce("v1.0.1")
    station.tick()
    assert whisper(station) == "Nothing was started: `team/fruits` has no tag `v1.0.1`. Did you mean `v1.0.0`?"


def test_a_tag_that_is_no_release_of_ours_is_refused_with_those_that_are(station):
    station.code.tags_made["nightly"] = "d" * 40
    station.reproduce("nightly")
    station.tick()
    assert "the tag `nightly` is no release that Stationmaster made" in whisper(station)
    assert "The newest releases are `v1.0.0`." in whisper(station)
    assert len(station.store.runs()) == 1


def test_a_release_of_a_ledger_that_was_lost_is_known_by_its_tag(tmp_path):
    station = Station(tmp_path)
    station.code.tags_made["v0.9.0"] = "d" * 40
    station.code.messages["v0.9.0"] = "Model\n\nRun: 7\nRun-Uid: 7-abcd\n"
    station.reproduce("v0.9.0")
    station.tick()
    assert (station.run(1).branch, station.run(1).commit) == ("main", "d" * 40)


def test_how_long_reproductions_take_says_nothing_of_trainings(station):
    before = station.store.usual_seconds("team/fruits", "alice")
    station.reproduce()
    for step in STEPS:
        station.until_step(step, 2)
        station.tick(500)
        station.machines["alice"].play(step)
    station.until_phase(Phase.COMPARED, 2)
    assert station.store.usual_seconds("team/fruits", "alice") == before


def test_an_old_releases_image_stays_at_the_machine_unless_the_branch_trains_in_it_still(tmp_path):
    station = Station(tmp_path, builds=True)
    machine = station.machines["alice"]
    station.train()
    for step in ("prepare", "build", "repro", "publish"):
        station.until_step(step).play(step)
    run = station.until_phase(Phase.RELEASED)
    station.code.tags_made["v1.0.0"] = run.result["commit"]
    machine.images.clear()
    names = []
    for number, inputs in ((2, "1" * 64), (3, "2" * 64)):
        machine.inputs = inputs
        station.reproduce()
        station.until_step("prepare", number).play("prepare")
        station.until_step("build", number)
        names.append(machine.current().spec["build"]["registry"])
        for step in ("build", "repro", "compare"):
            station.until_step(step, number).play(step)
        station.until_phase(Phase.COMPARED, number)
    assert names == ["registry.test", ""]
    assert station.store.last_image("team/fruits", "main", before=9)["inputs"] == "1" * 64


def test_a_reproduction_that_failed_is_tried_again_as_one(station):
    station.reproduce()
    station.until_step("prepare", 2).play("prepare")
    machine = station.until_step("repro", 2)
    machine.emit("failed", step="repro", stage="train", cause="code", message="no", lines=[])
    machine.finish(1)
    run = station.until_phase(Phase.FAILED, 2)
    station.until(lambda: not station.run(2).holds)
    station.retry(run)
    for step in STEPS:
        station.until_step(step, 3).play(step)
    assert station.until_phase(Phase.COMPARED, 3).commit == "c" * 40


def test_there_is_nothing_to_retry_once_the_two_are_compared():
    refusal = nothing_to_retry(compared(), retried=None, newest=None)
    assert "was compared with its release" in refusal


@pytest.mark.parametrize("text", ["", "v1 v2", "v1..2", "--force"])
def test_what_is_no_tag_is_said_at_once(text):
    with pytest.raises(UserError, match=r"/reproduce v1\.0\.0"):
        request.reproduce(text)


def test_a_tag_may_be_typed_as_people_copy_it():
    assert request.reproduce("`refs/tags/v1.0.0`") == "v1.0.0"


# What people read


def test_equal_outputs_are_said_in_one_line():
    said = texts(terminal(compared(), Note("terminal")))
    assert "*Reproduced: all 6 outputs are equal.*" in said
    assert "nothing was committed or pushed" in said
    assert status(compared()) == "Reproduced: all 6 outputs are equal"
    assert "Reproduced: all 6 outputs are equal." in heads_up(compared()).text


def test_different_outputs_are_named_and_metrics_by_how_much():
    run = compared(result={"compared": DIFFERENT})
    said = "2 of 6 outputs differ: `model.keras`, `metrics.json`; accuracy 0.93 → 0.94 (+0.01)"
    assert reproduction.headline(run) == said
    outs, metrics = reproduction.tables(run)
    rows = [line.split() for line in outs.splitlines()]
    assert ["model.keras", "differs", "+12", "B"] in [[word.strip("`") for word in row] for row in rows]
    assert ["metrics.json", "differs", "same", "size"] in rows
    assert ["data/a", "equal"] in rows
    assert ["accuracy", "0.93", "0.94", "+0.01"] in [
        [word.strip("`") for word in r.split()] for r in metrics.split("\n")
    ]


@pytest.mark.parametrize("hostile", [None, [], 7, {"outs": [1, {"path": None}], "metrics": "x", "outputs": "many"}])
def test_a_comparison_of_a_strange_shape_breaks_nothing(hostile):
    run = compared(result={"compared": hostile})
    assert terminal(run, Note("terminal")).text
    assert card(run, now=0.0).text


def test_many_outputs_are_cut_and_counted_and_foreign_names_ping_nobody():
    outs = [{"path": f"<!channel>{at}", "equal": False} for at in range(100)]
    found = {"outputs": 300, "different": 300, "outs": outs, "metrics_different": 0, "metrics": []}
    run = compared(result={"compared": found})
    said = texts(terminal(run, Note("terminal")))
    assert "<!channel>" not in said
    assert "and 285 more" in said
    assert "97 more" in said


def test_the_card_shows_the_way_of_a_reproduction_and_its_button():
    run = a_run(Phase.COMPARING, kind=Kind.REPRODUCE, times={"starting": 1.0, "preparing": 2.0, "training": 3.0})
    said = texts(card(run, now=4.0))
    assert "Run 42 · reproduction of v1.0.0" in said
    assert "machine ✓ · data ✓ · training ✓ · *comparing*" in said
    assert "nothing is said of v1.0.0" in said


def test_a_reproduction_that_failed_leaves_the_release_out_of_doubt():
    run = a_run(Phase.FAILED, kind=Kind.REPRODUCE, reason=Reason.CODE, options=TrainOptions())
    said = texts(terminal(run, Note("terminal")))
    assert "The release `v1.0.0` is as it was" in said
    assert "`/retry 42` tries once more" in said
