"""Plots to pictures: what is drawn is what was told, the same each time, and nothing that is told can stop the bot."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from bot.clock import SystemClock
from bot.runs.plots import Confusion, Lines, Series, as_far_as_it_came, beside, pictures, read, written
from bot.slack import drawing
from bot.slack.pictures import LONGEST_CAPTION, caption, title
from bot.slack.plots import PATIENCE, CannotDrawError, Painter, _environment
from tests.doubles.clock import TestClock
from tests.scenario.waiting import until

TRAIN = Series("train", ((1.0, 0.5), (2.0, 0.75), (3.0, 0.875)))
HELD_OUT = Series("validation", ((1.0, 0.25), (2.0, 0.5), (3.0, 0.625)))
ACCURACY = Lines("Accuracy", "epoch", "accuracy", (TRAIN, HELD_OUT))
FRUITS = Confusion("Fruits", "actual", "predicted", ("apple", "pear"), ((8, 1), (0, 9)))
NASTY = "$\\frac{1}{0}$ _x ```<!channel>``` \x1b[31m 漢字 \ud800"


def decoded(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_each_series_is_drawn_with_its_points_its_name_and_a_colour_of_its_own():
    (axes,) = drawing.figure([ACCURACY]).axes
    train, held_out = axes.lines
    assert train.get_xydata().tolist() == [list(point) for point in TRAIN.points]
    assert held_out.get_xydata().tolist() == [list(point) for point in HELD_OUT.points]
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ("Accuracy", "epoch", "accuracy")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["train", "validation"]
    assert train.get_color() != held_out.get_color()
    assert train.get_linestyle() != held_out.get_linestyle()


def test_a_confusion_matrix_has_the_labels_of_x_across_and_a_number_in_every_cell_that_is_not_empty():
    (axes,) = drawing.figure([FRUITS]).axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["apple", "pear"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["apple", "pear"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("actual", "predicted")
    cells = {text.get_position(): text.get_text() for text in axes.texts}
    assert cells == {(0, 0): "8", (0, 1): "1", (1, 1): "9"}


def test_the_same_plots_are_the_same_picture_on_white():
    first, second = (decoded(drawing.png([ACCURACY, FRUITS])) for _ in range(2))
    assert (first == second).all()
    assert first[0, 0].tolist() == first[-1, -1].tolist() == [255, 255, 255]
    assert (first != 255).any()
    other = decoded(drawing.png([ACCURACY, Confusion("Fruits", "actual", "predicted", ("a", "b"), ((8, 0), (1, 9)))]))
    assert first.shape != other.shape or (first != other).any()


def test_a_picture_has_twice_the_pixels_of_a_preview_and_never_too_many():
    assert decoded(drawing.png([ACCURACY])).shape[:2] == (760, 1280)
    labels = tuple(f"class {number}" for number in range(60))
    counts = tuple(tuple(9 if x == y else 0 for y in range(60)) for x in range(60))
    assert max(decoded(drawing.png([Confusion("Many", "x", "y", labels, counts)])).shape) <= 2_400


def test_four_plots_are_two_by_two():
    assert [(axes.get_subplotspec().rowspan.start, axes.get_subplotspec().colspan.start)
            for axes in drawing.figure([ACCURACY] * 4).axes] == [(0, 0), (0, 1), (1, 0), (1, 1)]  # fmt: skip


@pytest.mark.parametrize(("count", "text"), [(7, "7"), (9_999, "9999"), (12_345, "12k"), (3_400_000, "3M")])
def test_a_large_count_fits_into_its_cell(count, text):
    assert drawing._count(count) == text


# what a location tells is not believed


def test_what_is_no_plot_is_left_out():
    plots = [
        7,
        {"kind": "lines", "series": []},
        {"kind": "lines", "series": [{"name": "x", "points": [[1, "2"], [1], "ab", [True, 1], [float("nan"), 1]]}]},
        {"kind": "confusion", "labels": ["a"], "counts": [[1, 2]], "title": 5},
        {"kind": "confusion", "labels": ["a", "b"], "counts": [[1, 2]]},
        {"kind": "confusion", "labels": [], "counts": []},
        {"kind": "image"},
    ]
    assert read(plots) == (Confusion("5", "", "", ("a",), ((1,),)),)
    assert read("plots") == read(None) == ()


def test_a_plot_survives_the_ledger():
    assert read(json.loads(json.dumps([written(ACCURACY), written(FRUITS)]))) == (ACCURACY, FRUITS)


def test_hostile_names_are_drawn_as_they_are_and_cut():
    lines = {"kind": "lines", "title": NASTY * 900, "x": NASTY, "y": "y" * 100_000,
             "series": [{"name": NASTY * 50, "points": [[0, -1e299], [1, 1e299]]}] * 90}  # fmt: skip
    matrix = {
        "kind": "confusion",
        "title": NASTY,
        "labels": [NASTY] * 60,
        "counts": [[10**40 * (x == 0) for x in range(60)]] * 60,
    }
    plots = read([lines, matrix] * 50)
    assert len(plots) == 20
    assert all(len(plot.title) <= 80 and plot.title.isprintable() for plot in plots)
    assert decoded(drawing.png([plots[0]])).size
    assert decoded(drawing.png([plots[1]])).size


def test_an_empty_matrix_and_a_single_point_are_pictures_too():
    nothing = Confusion("Nothing", "x", "y", ("a",), ((0,),))
    assert decoded(drawing.png([nothing, Lines("One", "x", "y", (Series("", ((0.5, 1.0),)),))])).size


# which pictures there are


def test_a_run_has_its_lines_in_one_picture_and_each_matrix_in_its_own():
    assert pictures([ACCURACY, FRUITS, ACCURACY, FRUITS, FRUITS]) == {
        "learning-curves": (ACCURACY, ACCURACY),
        "confusion-matrix": (FRUITS,),
        "confusion-matrix-2": (FRUITS,),
    }
    assert pictures([]) == {}


def test_the_metrics_of_a_training_that_did_not_end_are_drawn_in_groups_of_the_same_name():
    line = [[1, 0.5], [2, 0.75]]
    names = ("train.accuracy", "validation/accuracy", "val_accuracy", "loss")
    points = {**dict.fromkeys(names, line), "once": [[1, 3]], "\x1b[31m<!channel>": line}
    accuracy, loss, hostile = as_far_as_it_came({"points": points, "epochs": []})
    assert [series.name for series in accuracy.series] == ["train.accuracy", "validation/accuracy", "val_accuracy"]
    assert (accuracy.title, accuracy.x, loss.title) == ("accuracy", "epoch", "loss")
    assert loss.series[0].points == ((1, 0.5), (2, 0.75))
    assert "\x1b" not in hostile.title
    assert as_far_as_it_came({}) == ()


def test_the_curves_of_two_runs_stand_in_one_plot_with_the_runs_names():
    loss = Lines("Loss", "epoch", "loss", (TRAIN,))
    both, alone = beside([ACCURACY, FRUITS], [ACCURACY, loss], ("v1", "v2"))
    assert [series.name for series in both.series] == ["v1 train", "v1 validation", "v2 train", "v2 validation"]
    assert (alone.title, [series.name for series in alone.series]) == ("Loss", ["v2 train"])


def test_a_picture_can_be_read_aloud_and_pings_nobody():
    assert title("learning-curves", "v1.0.0") == "Learning curves of v1.0.0"
    assert caption([ACCURACY, FRUITS]) == (
        "Accuracy: accuracy over epoch, train from 0.5 to 0.875 and validation from 0.25 to 0.625. "
        "Fruits: actual and predicted are the same for 17 of 18. Most often apart: actual apple with pear (1 time)."
    )
    assert len(caption([Lines(NASTY * 90, "x", "y", (TRAIN,) * 9)] * 20)) <= LONGEST_CAPTION
    assert "<" not in caption([Lines("<!channel>", "x", "y", (TRAIN,))])


# the process


def test_the_painter_draws_in_a_process_and_never_waits_for_it(tmp_path):
    painter = Painter(tmp_path / "fonts", SystemClock())
    assert painter.draw("a", [ACCURACY]) is None
    assert painter.draw("b", [FRUITS]) is None  # has its turn after the first
    first = until(lambda: painter.draw("a", [ACCURACY]), "the picture is drawn", 200)
    second = until(lambda: painter.draw("b", [FRUITS]), "the second picture is drawn", 200)
    assert (decoded(first) == decoded(drawing.png([ACCURACY]))).all()
    assert (decoded(second) == decoded(drawing.png([FRUITS]))).all()
    painter.close()


def test_a_picture_that_takes_too_long_is_given_up(tmp_path):
    clock = TestClock()
    painter = Painter(tmp_path, clock)
    assert painter.draw("a", [ACCURACY]) is None
    process = painter._running.process
    process.send_signal(19)  # it stops, and would never be done
    clock.advance(PATIENCE + 1)
    with pytest.raises(CannotDrawError, match="longer than 120 s"):
        painter.draw("a", [ACCURACY])
    assert process.returncode is not None


def test_a_process_that_fails_is_named_and_the_next_picture_has_its_turn(tmp_path, monkeypatch):
    painter = Painter(tmp_path, SystemClock())
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/bin/false")
        assert painter.draw("a", [ACCURACY]) is None
    failed = until(lambda: refusal(painter, "a"), "it has failed", 60)
    assert "ended with 1" in failed
    assert painter.draw("b", [FRUITS]) is None
    painter.close()


def refusal(painter, key):
    try:
        painter.draw(key, [ACCURACY])
    except CannotDrawError as error:
        return str(error)
    return None


def test_the_process_gets_no_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "canary")
    given = _environment(tmp_path)
    assert "MPLCONFIGDIR" in given
    assert "canary" not in given.values()


def test_the_bot_itself_does_not_load_matplotlib():
    code = "import sys, bot.wiring; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
