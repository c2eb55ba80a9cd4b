"""What a thread says of a result is what the repository says: each cell and point against json and csv read here."""

import csv
import io
import json
import os
import re
import subprocess
import textwrap

import numpy as np
import pytest
from PIL import Image

from bot.clock import SystemClock
from bot.runs.plots import Confusion, Lines, beside
from bot.runs.store import Store
from bot.slack import drawing, words
from tests.scenario.tiny_project import PIPELINE
from tests.scenario.waiting import until

PLOTS = """\
    plots:
      - Learning curve:
          x: step
          y:
            plots/train/score.tsv: score
            plots/eval/score.tsv: score
      - confusion.csv:
          template: confusion
          x: actual
          y: predicted
          title: Confusion matrix
    """
METRICS = """\
    metrics:
      - live/metrics.json
  export:
"""
INSTEAD = """\
      - live/metrics.json
    plots:
      - plots:
          cache: false
      - confusion.csv:
          cache: false
  export:
"""
TRAIN = """\
    import json, pathlib

    train = json.loads(pathlib.Path("params.json").read_text())["train"]
    with open(train["diary"], "a") as diary:
        diary.write(f"{train['seed']}\\n")
    for part, gap in (("train", 0.0), ("eval", 0.125)):
        folder = pathlib.Path("plots") / part
        folder.mkdir(parents=True, exist_ok=True)
        rows = [f"{step}\\t{step / (step + train['rate']) - gap}\\n" for step in range(train["epochs"])]
        (folder / "score.tsv").write_text("step\\tscore\\n" + "".join(rows))
    pairs = [("cat", "cat")] * (train["rate"] * 3) + [("cat", "dog")] * train["rate"] + [("dog", "dog")] * 5
    lines = "".join(f"{actual},{predicted}\\n" for actual, predicted in pairs)
    pathlib.Path("confusion.csv").write_text("actual,predicted\\n" + lines)
    live = pathlib.Path("live")
    live.mkdir(exist_ok=True)
    for epoch in range(train["epochs"]):
        print(f"Epoch {epoch + 1}/{train['epochs']}", flush=True)
        values = {"score": epoch / (epoch + train["rate"]), "loss": 1 / (epoch + train["rate"]), "rate": train["rate"]}
        (live / "metrics.json").write_text(json.dumps(values))
    pathlib.Path("model.txt").write_text(f"{train['seed']} " + pathlib.Path("ready.txt").read_text())
    """


@pytest.fixture(scope="module", autouse=True)
def bot(world):
    with world.serving() as bot:
        yield bot


def change(world, branch, *, rate, epochs, data=None, start="main"):
    """A branch whose training draws plots; they are in git, so that they can be read at each tag."""
    world.project.branch(branch, epochs=epochs, start=start)
    params = json.loads(world.show(branch, "params.json"))
    params["train"]["rate"] = rate
    pipeline = textwrap.dedent(PIPELINE).replace(METRICS, INSTEAD)
    assert INSTEAD in pipeline
    files = {
        "dvc.yaml": pipeline + textwrap.dedent(PLOTS),
        "src/train.py": textwrap.dedent(TRAIN),
        "params.json": json.dumps(params),
        **(data or {}),
    }
    world.project.change(branch, files, "Plots")


def release(world, branch, tag):
    assert world.types("alice", f"/train {branch} {tag}") == ""
    thread = world.until_over(tag)
    assert "*Released*" in thread.headline, thread.text
    return until(lambda: with_pictures(world, tag), f"{tag} has its pictures", 240, context=world._context)


def with_pictures(world, tag):
    thread = world.thread(tag)
    return thread if len(thread.files) == 2 else None


@pytest.fixture(scope="module")
def threads(world, bot):
    """Three releases: v1 of main's line, v2 on top of it, and t1 of another branch."""
    change(world, "main", rate=4, epochs=3)
    first = release(world, "main", "v1")
    change(world, "topic", rate=2, epochs=4, start="main")
    topic = release(world, "topic", "t1")
    change(
        world, "topic", rate=1, epochs=6, data=world.project.data({"a.txt": b"aaa\n", "c.txt": b"ccc\n"}), start="topic"
    )
    return {"v1": first, "t1": topic, "t2": release(world, "topic", "t2")}


def table_of(text, start):
    """The cells of the table behind `start`: row name -> cells."""
    block = text.split(start, 1)[1].split("```")[1] if start else text.split("```")[1]
    rows = [re.split(r"\s{2,}", line.strip()) for line in block.splitlines()]
    return rows[0], {row[0]: row[1:] for row in rows[1:]}


def metrics_at(world, tag):
    return json.loads(world.show(tag, "metrics.json"))


def test_the_metrics_are_those_of_the_commits_and_the_changes_are_their_differences(world, threads):
    now, before, default = (metrics_at(world, tag) for tag in ("t2", "t1", "v1"))
    heads, rows = table_of(threads["t2"].last_word, "")
    assert heads == ["t2", "vs t1", "vs v1"]
    assert set(rows) == set(now)
    for name, value in now.items():
        assert rows[name] == [words.number(value), signed(value - before[name]), signed(value - default[name])]
    assert "Compared with `t1`, the last release of `topic`, and `v1`, the last release of `main`." in (
        threads["t2"].last_word
    )


def signed(number):
    return f"{number:+.4g}" if number else "same"


def test_a_first_release_of_a_branch_is_compared_with_the_default_branch_alone(world, threads):
    heads, rows = table_of(threads["t1"].last_word, "")
    assert heads == ["t1", "vs v1"]
    now, default = metrics_at(world, "t1"), metrics_at(world, "v1")
    assert rows["loss"] == [words.number(now["loss"]), signed(now["loss"] - default["loss"])]


def test_only_parameters_that_differ_are_told_with_the_values_of_the_commits(world, threads):
    now, before, default = (json.loads(world.show(tag, "params.json"))["train"] for tag in ("t2", "t1", "v1"))
    heads, rows = table_of(threads["t2"].last_word, "*Parameters that differ*")
    assert heads == ["t2", "t1", "v1"]
    differing = {name for name in now if not now[name] == before[name] == default[name]}
    assert {name.removeprefix("train.") for name in rows} == differing
    assert rows["train.epochs"] == [str(now["epochs"]), str(before["epochs"]), str(default["epochs"])]
    assert rows["train.rate"] == [str(now["rate"]), str(before["rate"]), str(default["rate"])]


def plots_of(world, tag):
    number = world.thread(tag).number
    store = Store(world.bot_home / "ledger.sqlite", SystemClock())
    try:
        return store.gallery.of(number)
    finally:
        store.close()


def decoded(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


@pytest.mark.parametrize("tag", ["v1", "t1", "t2"])
def test_the_curves_that_are_drawn_are_those_of_the_commit(world, threads, tag):
    lines, confusion = plots_of(world, tag)
    assert isinstance(lines, Lines)
    (axes,) = drawing.figure([lines]).axes
    drawn = {line.get_label(): line.get_xydata().tolist() for line in axes.lines}
    for part in ("train", "eval"):
        table = csv.DictReader(world.show(tag, f"plots/{part}/score.tsv").splitlines(), delimiter="\t")
        told = [[float(row["step"]), float(row["score"])] for row in table]
        assert np.allclose(drawn[part], told, rtol=1e-6)
    picture = world.file(threads[tag].files[0])
    assert threads[tag].files[0].name == f"run-{threads[tag].number}-learning-curves.png"
    assert (decoded(picture) == decoded(drawing.png([lines]))).all()
    assert isinstance(confusion, Confusion)


@pytest.mark.parametrize("tag", ["v1", "t2"])
def test_the_confusion_matrix_counts_what_the_commit_holds(world, threads, tag):
    _, confusion = plots_of(world, tag)
    pairs = [(row["actual"], row["predicted"]) for row in csv.DictReader(world.show(tag, "confusion.csv").splitlines())]
    assert (confusion.x, confusion.y, confusion.labels) == ("actual", "predicted", ("cat", "dog"))
    for x, actual in enumerate(confusion.labels):
        for y, predicted in enumerate(confusion.labels):
            assert confusion.counts[x][y] == pairs.count((actual, predicted))
    (axes,) = drawing.figure([confusion]).axes
    cells = {text.get_position(): int(text.get_text()) for text in axes.texts}
    assert cells == {(0, 0): pairs.count(("cat", "cat")), (0, 1): pairs.count(("cat", "dog")), (1, 1): 5}
    assert (decoded(world.file(threads[tag].files[1])) == decoded(drawing.png([confusion]))).all()


def test_the_pictures_come_after_the_last_message_and_ping_nobody(threads):
    for thread in threads.values():
        assert [bool(reply.files) for reply in thread.replies][-3:] == [False, True, True]
        assert len(thread.terminal) == 1


def git(world, *words):
    plain = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}
    done = subprocess.run(["git", *words], cwd=world.bare, env=plain, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_a_comparison_says_what_git_says(world, threads):
    before = len(world.slack.messages())
    answer = world.types("bob", "/compare v1 t2")
    told = until(lambda: comparison(world, before), "the comparison is told", context=world._context)
    only_new, only_old = (git(world, "rev-list", two) for two in ("v1..t2", "t2..v1"))
    assert only_old == []
    files = git(world, "diff", "--name-only", "--no-renames", "v1", "t2")
    assert f"{len(only_new)} commits only in `t2`, {len(files)} files not the same" in told
    assert all(f"`{path}`" in told for path in sorted(files)[:8])
    now, then = metrics_at(world, "t2"), metrics_at(world, "v1")
    _, rows = table_of(answer, "*Metrics*")
    assert rows == {
        name: [words.number(then[name]), words.number(value), signed(value - then[name])] for name, value in now.items()
    }
    assert world.show("v1", "data/raw.dvc") != world.show("t2", "data/raw.dvc")
    assert "*Data that differs*: `data/raw`" in answer


def comparison(world, before):
    found = [message for message in world.slack.messages()[before:] if "*Code*" in str(message.blocks)]
    return str(found[0].blocks) if found else None


def test_a_comparison_has_both_curves_in_one_picture(world, threads):
    before = len(world.slack.messages())
    world.types("alice", "/compare t1 t2")
    until(lambda: comparison(world, before), "the comparison is told", context=world._context)
    (root,) = [message for message in world.slack.messages()[before:] if "*Code*" in str(message.blocks)]

    def shared():
        return [file for reply in world.slack.thread("#training", root.ts)[1:] for file in reply.files]

    (picture,) = until(shared, "the curves are shared", 240, context=world._context)
    both = beside(plots_of(world, "t1"), plots_of(world, "t2"), ("t1", "t2"))
    assert [series.name for series in both[0].series] == ["t1 train", "t1 eval", "t2 train", "t2 eval"]
    assert (decoded(world.file(picture)) == decoded(drawing.png(both))).all()
