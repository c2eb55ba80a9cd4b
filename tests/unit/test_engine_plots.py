"""A run's plots on their way from the publishing step to its thread."""

import json

import pytest

from bot.errors import Conflict
from bot.runs.model import Phase
from bot.runs.plots import Lines, read
from tests.doubles.station import Station

CURVE = {
    "kind": "lines",
    "title": "Accuracy",
    "x": "epoch",
    "y": "accuracy",
    "series": [{"name": "train", "points": [[1, 0.5], [2, 0.75]]}],
}
MATRIX = {"kind": "confusion", "title": "Fruits", "x": "a", "y": "p", "labels": ["x", "y"], "counts": [[8, 1], [0, 9]]}


@pytest.fixture
def station(tmp_path):
    station = Station(tmp_path)
    station.train()
    return station


def publish(station, *plots):
    for step in ("prepare", "repro"):
        station.until_step(step).play(step)
    machine = station.until_step("publish")
    machine.emit("plots", plots=plots)
    machine.play("publish")


def pictures(station):
    return [json.loads(row["data"])["picture"] for row in station.said(kind="picture")]


def test_the_pictures_follow_the_last_message_of_a_release(station):
    publish(station, CURVE, MATRIX)
    station.until_phase(Phase.RELEASED)
    assert [row["kind"] for row in station.said()][-3:] == ["terminal", "picture", "picture"]
    assert pictures(station) == ["learning-curves", "confusion-matrix"]
    assert station.store.gallery.of(1) == read([CURVE, MATRIX])


def test_they_are_said_once_whatever_is_tried_again(station):
    publish(station, CURVE)
    station.boot()
    station.until_phase(Phase.RELEASED)
    assert pictures(station) == ["learning-curves"]


def test_a_result_without_its_release_has_its_pictures_too(station):
    station.code.errors = []
    publish(station, CURVE)
    station.code.release_errors = [Conflict("another release")]
    station.until_phase(Phase.FAILED)
    assert [row["kind"] for row in station.said()][-3:] == ["terminal", "picture", "log-file"]


def test_a_training_that_fails_or_is_cancelled_shows_its_curves_as_far_as_they_came(station):
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    machine.emit("stage", name="train", index=1, of=1, state="started")
    for step, loss in enumerate((0.9, 0.5), 1):
        machine.emit("metric", step=step, of=5, values={"loss": loss})
    machine.finish(1)
    station.until_phase(Phase.FAILED)
    assert [row["kind"] for row in station.said()][-2:] == ["terminal", "picture"]
    assert pictures(station) == ["learning-curves"]


def test_one_epoch_is_no_curve(station):
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    machine.emit("metric", step=1, of=5, values={"loss": 0.9})
    machine.finish(1)
    station.until_phase(Phase.FAILED)
    assert pictures(station) == []


def test_the_teams_code_cannot_bring_pictures_of_its_own(station):
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    machine.emit("plots", plots=[CURVE])
    machine.play("repro")
    station.until_step("publish").play("publish")
    station.until_phase(Phase.RELEASED)
    assert pictures(station) == []
    assert station.store.gallery.of(1) == ()


def test_plots_that_are_none_are_no_pictures(station):
    publish(station, {"kind": "lines"}, 7)
    station.until_phase(Phase.RELEASED)
    assert pictures(station) == []


def test_an_event_that_a_shell_brings_in_pieces_is_heard_whole(station, monkeypatch):
    machine = station.machines["alice"]
    whole = machine.read
    monkeypatch.setattr(machine, "read", lambda path, offset, limit: whole(path, offset, min(limit, 100)))
    publish(station, CURVE, MATRIX)
    station.until_phase(Phase.RELEASED)
    (curve, _matrix) = station.store.gallery.of(1)
    assert isinstance(curve, Lines)


def test_a_line_that_is_too_long_for_an_event_is_passed_over(station):
    station.until_step("prepare").play("prepare")
    machine = station.until_step("repro")
    machine.emit("metric", step=1, of=1, values={"x" * 2_500_000: 1})
    machine.play("repro")
    station.until_step("publish").play("publish")
    station.until_phase(Phase.RELEASED)
    assert station.run().progress["stages"] == {"train": "finished"}


def test_what_usually_follows_a_stage_is_known_from_released_runs(station):
    publish(station, CURVE)
    station.until_phase(Phase.RELEASED)
    run = station.run()
    whole = run.times[Phase.RELEASING] - run.times[Phase.TRAINING]
    assert run.progress["stage_seconds"] == {"train": 2.0}
    assert station.store.usual_after("team/fruits", "alice", "train") == pytest.approx(max(0.0, whole - 2.0))
    assert station.store.usual_after("team/fruits", "alice", "no-such") is None
