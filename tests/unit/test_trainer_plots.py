"""A project's plots as data: what DVC's declarations mean, and that nothing a project writes makes them large."""

import itertools
import json
import textwrap
from pathlib import Path
from types import SimpleNamespace

import pytest

from trainer.data.objects import Cache
from trainer.definition import graph
from trainer.project import plots
from trainer.project.rows import RowsError, number, rows

CURVE = "step\taccuracy\n0\t0.5\n1\t0.75\n2\t0.875\n"
HELD_OUT = "step\taccuracy\n0\t0.25\n1\t0.5\n2\t0.625\n"


def project(pipeline, files):
    """A result all of whose files are in git."""
    control = {"dvc.yaml": textwrap.dedent(pipeline).encode()}
    contents = {path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()}
    return SimpleNamespace(
        files=control,
        graph=graph.read(control),
        entries=contents,
        read_all=lambda paths: {path: contents[path] for path in paths if path in contents},
    )


def in_git(pipeline, files):
    it = project(pipeline, files)
    return plots.gather(plots.sources(it, Cache(Path("/nowhere"))))


def test_a_plot_of_two_files_has_a_series_for_each_named_after_what_differs():
    pipeline = """\
        plots:
          - Learning curve:
              x: step
              y:
                live/train/accuracy.tsv: accuracy
                live/validation/accuracy.tsv: accuracy
              x_label: epoch
        """
    (plot,) = in_git(pipeline, {"live/train/accuracy.tsv": CURVE, "live/validation/accuracy.tsv": HELD_OUT}).plots
    assert plot == {
        "kind": "lines",
        "title": "Learning curve",
        "x": "epoch",
        "y": "accuracy",
        "series": [
            {"name": "train", "points": [[0.0, 0.5], [1.0, 0.75], [2.0, 0.875]]},
            {"name": "validation", "points": [[0.0, 0.25], [1.0, 0.5], [2.0, 0.625]]},
        ],
    }


def test_a_folder_as_dvclive_writes_it_is_one_plot_for_each_metric():
    pipeline = "plots:\n  - live/plots:\n      x: step\n"
    files = {"live/plots/train/accuracy.tsv": CURVE, "live/plots/eval/accuracy.tsv": HELD_OUT}
    many = in_git(
        pipeline, {**files, "live/plots/train/loss.tsv": "step\tloss\n0\t1\n", "live/plots/a.png": b"\x89PNG"}
    )
    assert [(plot["title"], [each["name"] for each in plot["series"]]) for plot in many.plots] == [
        ("accuracy", ["train", "eval"]),
        ("loss", ["loss"]),
    ]
    assert many.problems == ()


def test_without_axes_the_last_column_is_drawn_against_the_number_of_the_row():
    (plot,) = in_git("plots:\n  - logs.csv\n", {"logs.csv": "epoch,loss\n5,0.5\n6,0.25\n"}).plots
    assert (plot["title"], plot["x"], plot["y"]) == ("logs", "step", "loss")
    assert plot["series"][0]["points"] == [[0.0, 0.5], [1.0, 0.25]]


def test_several_columns_of_one_file_and_an_x_of_another():
    pipeline = """\
        plots:
          both:
            x: {clock.json: seconds}
            y: {logs.csv: [loss, error]}
        """
    clock = json.dumps({"times": [{"seconds": 10}, {"seconds": 20}]})
    (plot,) = in_git(pipeline, {"logs.csv": "loss,error\n0.5,9\n0.25,8\n", "clock.json": clock}).plots
    assert [(each["name"], each["points"]) for each in plot["series"]] == [
        ("loss", [[10.0, 0.5], [20.0, 0.25]]),
        ("error", [[10.0, 9.0], [20.0, 8.0]]),
    ]


def test_a_stages_plot_has_its_properties_and_one_that_was_drawn_already_is_not_drawn_again():
    pipeline = """\
        stages:
          evaluate:
            cmd: x
            deps: [a]
            plots:
              - confusion.csv: {template: confusion, x: actual, y: predicted, title: Confusion, cache: false}
              - logs.csv: {x: epoch, cache: false}
        plots:
          - logs.csv: {x: epoch}
        """
    pairs = "actual,predicted\ncat,cat\ncat,dog\ndog,dog\ncat,cat\n"
    lines, matrix = in_git(pipeline, {"confusion.csv": pairs, "logs.csv": "epoch,loss\n1,0.5\n"}).plots
    assert lines["kind"] == "lines"
    assert matrix == {
        "kind": "confusion",
        "title": "Confusion",
        "x": "actual",
        "y": "predicted",
        "labels": ["cat", "dog"],
        "counts": [[2, 1], [0, 1]],
    }


def test_pictures_scatter_plots_and_bars_are_left_to_others_without_a_word():
    pipeline = """\
        plots:
          - shap.png
          - points.csv: {template: scatter, x: a, y: b}
          - importance.csv: {template: bar_horizontal, x: a, y: b}
        """
    table = "a,b\n1,2\n"
    assert in_git(pipeline, {"shap.png": b"x", "points.csv": table, "importance.csv": table}) == plots.Found((), ())


@pytest.mark.parametrize(
    ("pipeline", "content", "why"),
    [
        ("plots: [logs.csv]", None, "logs.csv is not there, or is too large"),
        ("plots: [logs.csv]", "epoch,name\n1,a\n2,b\n", "logs.csv has no numbers in name"),
        ("plots: [logs.csv]", "epoch,loss\n", "logs.csv has no rows"),
        ("plots: [{logs.csv: {y: acc}}]", "epoch,loss\n1,2\n", "logs.csv has no column acc"),
        ("plots: [logs.json]", "{" * 90_000, "logs.json cannot be read"),
        ("plots: [logs.yaml]", "a: 1\n" * 200_000, "logs.yaml is too large"),
        ("plots: [logs.csv]", 'a,b\n"' + "x" * 200_000 + '",1\n', "logs.csv cannot be read"),
    ],
)
def test_a_plot_that_cannot_be_read_is_named_and_the_others_stay(pipeline, content, why):
    name = pipeline.split("logs.")[1].split("]")[0].split(":")[0]
    files = {"good.csv": "a\n1\n", **({} if content is None else {f"logs.{name}": content})}
    it = in_git(f"{pipeline.rstrip(']')}, good.csv]", files)
    assert [plot["title"] for plot in it.plots] == ["good"]
    assert it.problems == (f"The plot logs was left out: {why}.",)


def test_what_leaves_the_repository_or_needs_a_template_is_left_out():
    pipeline = "plots:\n  - ../secret.csv\n  - /etc/passwd.csv\n  - ${where}.csv\n  - 7\n  - {a: {y: {../b.csv: c}}}\n"
    it = in_git(pipeline, {"secret.csv": "a\n1\n"})
    assert it.plots == ()


def test_a_long_line_keeps_its_ends_and_two_hundred_points():
    text = "loss\n" + "".join(f"{at}\n" for at in range(12_345))
    (plot,) = in_git("plots: [logs.csv]", {"logs.csv": text}).plots
    points = plot["series"][0]["points"]
    assert len(points) == plots.POINTS
    assert (points[0], points[-1]) == ([0.0, 0.0], [12_344.0, 12_344.0])
    gaps = {round(after[0] - before[0]) for before, after in itertools.pairwise(points)}
    assert gaps <= {61, 62, 63}


def test_of_many_classes_those_stay_that_were_mistaken_most():
    pairs = {(f"c{at:03}", f"c{at:03}"): 10 for at in range(131)} | {("c007", "c100"): 5, ("c130", "c007"): 1}
    labels, counts = plots.folded(pairs, 4)
    assert labels == ["c007", "c100", "c130", "128 others"]
    assert counts == [[10, 5, 0, 0], [0, 10, 0, 0], [1, 0, 10, 0], [0, 0, 0, 1280]]
    assert sum(map(sum, counts)) == sum(pairs.values())


def test_classes_that_are_numbers_stand_in_their_order():
    assert plots.folded({("10", "9"): 1, ("2", "10"): 1}, 60)[0] == ["2", "9", "10"]


def test_all_plots_together_stay_small_whatever_the_names_are():
    names = [f"{'x' * 3_000}{at}\x1b[31m<!channel>" for at in range(40)]
    header = ",".join(names)
    table = header + "\n" + "\n".join(",".join(["0.123456789"] * 40) for _ in range(300)) + "\n"
    body = "".join(f"  - p{at}: {{y: {{logs.csv: {json.dumps(names)}}}}}\n" for at in range(30))
    it = in_git(f"plots:\n{body}", {"logs.csv": table})
    assert it.plots
    assert len(json.dumps(it.plots)) < plots.ALL * 1.1
    assert all(len(each["name"]) <= 80 for plot in it.plots for each in plot["series"])
    assert "there are too many" in it.problems[-1]


def test_rows_of_a_document_are_its_lists_of_records():
    document = {"meta": {"n": 2}, "roc": [{"fpr": 0, "tpr": 0}, {"fpr": 1, "tpr": 1}], "auc": [{"t": 5}]}
    assert rows("a.json", json.dumps(document).encode()) == [{"fpr": 0, "tpr": 0, "t": 5}, {"fpr": 1, "tpr": 1}]
    assert rows("a.csv", b"1;2\n3;4\n", header=False) == [{"0": "1;2"}, {"0": "3;4"}]
    with pytest.raises(RowsError):
        rows("a.json", b"[]")


def test_only_finite_numbers_are_numbers():
    assert [number(value) for value in ("1.5", 2, True, "nan", float("inf"), None, "x", [], 10**400)] == [
        1.5, 2.0, 1.0, None, None, None, None, None, None,
    ]  # fmt: skip
