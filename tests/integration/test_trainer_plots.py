"""What a result's plots say is what its files say: from DVC's cache, from the remote, and from git."""

import csv
import json
import shutil

import pytest

from tests.integration.trainer_world import World, git

PIPELINE = """\
    stages:
      train:
        cmd: python src/train.py
        deps:
          - data/raw
          - src/train.py
        outs:
          - model.txt
          - live/plots
        plots:
          - confusion.csv:
              template: confusion
              x: actual
              y: predicted
          - curve.json:
              cache: false
              x: epoch
              y: loss
          - broken.csv
    plots:
      - Accuracy:
          x: step
          y:
            live/plots/train/accuracy.tsv: accuracy
            live/plots/eval/accuracy.tsv: accuracy
    """
TRAIN = """\
import json, pathlib
for part in ("train", "eval"):
    folder = pathlib.Path("live/plots") / part
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{step}\\t{0.5 + step / 8}\\n" for step in range(3)]
    (folder / "accuracy.tsv").write_text("step\\taccuracy\\n" + "".join(lines))
pathlib.Path("confusion.csv").write_text("actual,predicted\\na,a\\na,b\\nb,b\\n")
pathlib.Path("curve.json").write_text(json.dumps([{"epoch": 1, "loss": 0.5}, {"epoch": 2, "loss": 0.25}]))
pathlib.Path("broken.csv").write_bytes(b"\\xff\\xfe\\x00")
pathlib.Path("model.txt").write_text("model")
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("plots")
    world = World(root, str(root / "store")).make(PIPELINE)
    world.change(src__train_py=TRAIN)
    return world


def test_a_result_tells_its_plots_and_its_data_also_where_nothing_is_cached_any_more(world):
    run = world.new_run()
    run.all_steps()
    (event,) = run.events("plots")
    check(world, run, event["plots"])
    (warning,) = run.events("warning")
    assert warning["text"] == "The plot broken was left out: broken.csv has no rows."
    oid = git(world.origin, "show", f"{run.tag}:data/raw.dvc").split("md5: ")[1].split()[0]
    assert run.published()["data"] == {"data/raw": oid}

    shutil.rmtree(world.places.cache)
    again = world.new_run()
    again.all_steps()
    (event,) = again.events("plots")
    check(world, again, event["plots"])


def check(world, run, plots):
    accuracy, confusion, curve = plots
    steps = [[0.0, 0.5], [1.0, 0.625], [2.0, 0.75]]
    assert (accuracy["title"], accuracy["x"], accuracy["y"]) == ("Accuracy", "step", "accuracy")
    assert accuracy["series"] == [{"name": "train", "points": steps}, {"name": "eval", "points": steps}]
    assert (confusion["labels"], confusion["counts"]) == (["a", "b"], [[1, 1], [0, 1]])
    records = json.loads(git(world.origin, "show", f"{run.tag}:curve.json"))
    assert curve["series"][0]["points"] == [[each["epoch"], each["loss"]] for each in records]
    pairs = list(csv.reader((world.repo / "confusion.csv").read_text().splitlines()))[1:]
    assert sum(map(sum, confusion["counts"])) == len(pairs)
