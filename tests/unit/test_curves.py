"""What the card makes of a training's metrics: a line that stays small, and how long it will still take."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from bot.runs import curves
from bot.runs.model import Phase
from bot.runs.progress import METRICS, after_stage, fold
from bot.slack import words
from bot.slack.card import card
from bot.slack.remaining import Remaining, Usual, remaining
from tests.doubles.runs import START, a_run
from trainer.events import Event


def stamp(seconds):
    return datetime.fromtimestamp(START + seconds, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def event(kind, seconds=0.0, **data):
    return Event(1, stamp(seconds), kind, data)


def begin(seconds=0.0, name="train", index=1, of=1):
    return event("stage", seconds, name=name, index=index, of=of, state="started")


def metric(step, seconds, of=10, **values):
    return event("metric", seconds, step=step, of=of, values=values or {"accuracy": step / 10})


def training(*events, **changes):
    times = {Phase.QUEUED: START, Phase.STARTING: START, Phase.TRAINING: START}
    return a_run(times=times, progress=fold({}, events), **changes)


# the line


def test_each_metric_keeps_its_values_by_step():
    progress = fold({}, [begin(), metric(1, 60, a=1, b=2), metric(2, 120, a=3)])
    assert progress["curve"]["points"] == {"a": [[1, 1], [2, 3]], "b": [[1, 2]]}


def test_a_long_training_keeps_its_ends_and_sixty_points_evenly():
    progress = fold({}, [begin(), *(metric(step, step, loss=1 / step) for step in range(1, 2_001))])
    steps = [step for step, _ in progress["curve"]["points"]["loss"]]
    assert (len(steps), steps[0], steps[-1]) == (curves.POINTS, 1, 2_000)
    gaps = [after - before for before, after in pairwise(steps[1:])]
    assert max(gaps[:-1]) <= 4 * min(gaps[:-1])


def test_a_step_that_comes_again_is_corrected_and_one_that_goes_back_begins_anew():
    progress = fold({}, [begin(), metric(1, 1, a=1), metric(2, 2, a=2), metric(2, 3, a=5)])
    assert progress["curve"]["points"]["a"] == [[1, 1], [2, 5]]
    assert fold(progress, [metric(1, 9, a=7)])["curve"]["points"]["a"] == [[1, 7]]


def test_each_stage_begins_a_curve_of_its_own():
    progress = fold({}, [begin(), metric(1, 1), begin(5, name="evaluate")])
    assert progress["curve"]["points"] == {}
    assert "metric" not in progress


def test_hostile_metrics_keep_the_record_small():
    names = {f"{number}{'x' * 50}": number for number in range(5_000)}
    values = {"y" * 100_000: 1.0, "text": "z" * 100_000, "nan": float("nan"), "huge": 10**400, **names}
    events = [begin(), *(event("metric", step=step, of=9, values=values) for step in range(1, 200))]
    progress = fold({}, [*events, event("metric", step="1", values=7), event("metric")])
    assert len(repr(progress["curve"])) < 40_000
    assert len(progress["curve"]["points"]) == curves.NAMES
    many = fold({}, [begin(), event("metric", step=1, of=9, values=names)])
    assert len(many["metric"]["values"]) == METRICS


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["train/accuracy", "train/loss", "validation/accuracy", "validation/loss"], "validation/accuracy"),
        (["loss", "val_loss", "val_f1"], "val_f1"),
        (["train_loss", "eval_loss"], "eval_loss"),
        (["lr", "loss"], "loss"),
        (["learning_rate"], "learning_rate"),
    ],
)
def test_the_line_shows_the_metric_that_says_most(names, said):
    curve = {"points": {name: [[1, 0.1], [2, 0.2]] for name in names}}
    assert curves.main(curve) == (said, [0.1, 0.2])


def test_what_never_changes_says_least_and_one_point_is_no_line():
    assert curves.main({"points": {"constant": [[1, 5], [2, 5]], "loss": [[1, 2], [2, 1]]}}) == ("loss", [2, 1])
    assert curves.main({"points": {"a": [[1, 5]]}}) is None
    assert curves.main({}) is None


def test_a_sparkline_has_the_least_at_the_bottom_and_the_most_at_the_top():
    assert words.sparkline([0, 1, 2, 3, 4, 5]) == "▁▂▃▅▆▇"
    assert words.sparkline([2, 2]) == "▃▃"
    assert words.sparkline([]) == ""
    line = words.sparkline(list(range(1_000)))
    assert (len(line), line[0], line[-1]) == (20, "▁", "▇")


# the time that is left


def test_the_time_left_is_that_of_the_epochs_to_come_as_the_last_ones_went():
    # The first epoch took 100 s, the others 60 s: the median does not know of the first.
    run = training(begin(), metric(1, 100), metric(2, 160), metric(3, 220), metric(4, 280))
    assert remaining(run, START + 280, Usual()) == Remaining(360)
    assert remaining(run, START + 300, Usual()) == Remaining(340)
    assert remaining(run, START + 9_999, Usual()) == Remaining(
        300
    )  # it is the fifth that runs, whatever the clock says
    assert remaining(run, START - 9_999, Usual()) == Remaining(360)


def test_it_knows_nothing_before_the_first_epoch_and_falls_back_on_what_is_usual():
    run = training(begin())
    assert remaining(run, START + 100, Usual()) is None
    assert remaining(run, START + 100, Usual(390)) == Remaining(290)
    unknown_end = training(begin(), metric(1, 60, of=None), metric(2, 120, of=None))
    assert remaining(unknown_end, START + 100, Usual(390)) == Remaining(290)


def test_what_usually_follows_the_stage_is_added():
    run = training(begin(of=4), metric(9, 540))
    assert remaining(run, START + 540, Usual(9_999, after_stage=100)) == Remaining(160)
    assert remaining(run, START + 540, Usual(9_999)) == Remaining(60, of_stage=True)


def test_the_card_shows_the_line_and_the_time_left():
    run = training(begin(of=4), *(metric(step, 60 * step, accuracy=step) for step in range(1, 7)))
    text = str(card(run, now=START + 360, usual=Usual(9_999, after_stage=60)).blocks)
    assert "epoch 6 of 10" in text
    assert "accuracy ▁▂▃▅▆▇ from 1 to 6" in text
    assert text.count("accuracy") == 1
    assert "6 min so far, about 5 min left" in text
    text = str(card(run, now=START + 360, usual=Usual()).blocks)
    assert "about 4 min left in this stage" in text


@pytest.mark.parametrize("at", ["", "yesterday", "9999-99-99T00:00:00Z", "0001-01-01T00:00:00+23:59"])
def test_a_time_that_is_none_is_no_time(at):
    progress = fold({}, [begin(), Event(1, at, "metric", {"step": 1, "of": 2, "values": {"a": 1}})])
    assert curves.seconds_left(progress["curve"], 2, START) is None


def test_a_clock_that_goes_back_begins_anew():
    progress = fold({}, [begin(500), metric(1, 400), metric(2, 460)])
    assert curves.seconds_left(progress["curve"], 10, START + 460) == 480


def test_the_time_after_a_stage_is_what_the_stages_before_it_leave():
    stages = {"prepare": 10, "train": 100, "evaluate": 5}
    assert after_stage(130, stages, "train") == 20
    assert after_stage(130, stages, "export") is None
    assert after_stage(None, stages, "train") is None
