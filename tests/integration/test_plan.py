"""Which stages would run, as the bot reads it from a commit alone: the same as DVC says of a checkout of it."""

from __future__ import annotations

import json
import shutil
import textwrap

import pytest

from bot.engine.plan import plan
from bot.runs.model import TrainOptions
from tests.integration.trainer_world import dvc, git

PIPELINE = """\
    stages:
      ready:
        cmd: cat data/raw/*.txt > ready.txt
        deps:
          - data/raw
        outs:
          - ready.txt
      train:
        cmd: sh src/train.sh
        deps:
          - ready.txt
          - src
        params:
          - train.epochs
          - train.flips
        outs:
          - model.txt
        metrics:
          - metrics.json:
              cache: false
      export:
        cmd: cp model.txt out.txt
        deps:
          - model.txt
        outs:
          - out.txt
      lint:
        cmd: wc -c < README.md > size.txt
        deps:
          - README.md
        outs:
          - size.txt
    """
PARAMS = "train:\n  epochs: 3   # rounds\n  flips: true\n  name: first\n"
TRAIN = "cat ready.txt src/more/words.txt > model.txt\necho '{\"loss\": 0.5}' > metrics.json\n"
BELOW = {"train", "export"}


def write(folder, **files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(content), encoding="utf-8")


def commit(folder):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "A change")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A project whose pipeline ran, committed, with its data in DVC's cache."""
    folder = tmp_path_factory.mktemp("plan") / "project"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    dvc(folder, "init", "--quiet")
    files = {"dvc.yaml": PIPELINE, "params.yaml": PARAMS, "src/train.sh": TRAIN, "src/more/words.txt": "more\n"}
    write(folder, **files, **{"README.md": "# Plan\n", "data/raw/a.txt": "a\n", "data/raw/b.txt": "b\n"})
    dvc(folder, "add", "--quiet", "data/raw")
    dvc(folder, "repro", "--quiet")
    commit(folder)
    return folder


def nothing(_folder):
    """As it was."""


def code(folder):
    write(folder, **{"src/train.sh": TRAIN + "# a remark\n"})


def code_deep_in_the_folder(folder):
    write(folder, **{"src/more/words.txt": "others\n"})


def file_added_to_the_folder(folder):
    write(folder, **{"src/more/new.txt": "new\n"})


def file_removed_from_the_folder(folder):
    write(folder, **{"src/train.sh": TRAIN.replace("src/more/words.txt", "")})
    (folder / "src/more/words.txt").unlink()


def parameter(folder):
    write(folder, **{"params.yaml": PARAMS.replace("3", "4")})


def parameter_of_another_type(folder):
    write(folder, **{"params.yaml": PARAMS.replace("flips: true", "flips: 'true'")})


def comment_in_the_parameters(folder):
    write(folder, **{"params.yaml": PARAMS.replace("rounds", "of all images")})


def parameter_that_no_stage_names(folder):
    write(folder, **{"params.yaml": PARAMS.replace("first", "second")})


def data(folder):
    write(folder, **{"data/raw/b.txt": "bb\n"})
    dvc(folder, "add", "--quiet", "data/raw")


def command(folder):
    write(folder, **{"dvc.yaml": PIPELINE.replace("cp model.txt out.txt", "cat model.txt > out.txt")})


def new_stage(folder):
    more = "  last:\n    cmd: cp out.txt last.txt\n    deps:\n      - out.txt\n    outs:\n      - last.txt\n"
    write(folder, **{"dvc.yaml": textwrap.dedent(PIPELINE) + more})


def readme_that_a_stage_reads(folder):
    write(folder, **{"README.md": "# Another plan\n"})


def file_that_no_stage_reads(folder):
    write(folder, **{"NOTES.md": "Nothing\n"})


def metrics_by_hand(folder):
    write(folder, **{"metrics.json": '{"loss": 0.0}\n'})


def lock_removed(folder):
    (folder / "dvc.lock").unlink()


CHANGES = [
    (nothing, set()),
    (code, BELOW),
    (code_deep_in_the_folder, BELOW),
    (file_added_to_the_folder, BELOW),
    (file_removed_from_the_folder, BELOW),
    (parameter, BELOW),
    (parameter_of_another_type, BELOW),
    (comment_in_the_parameters, set()),
    (parameter_that_no_stage_names, set()),
    (data, {"ready", *BELOW}),
    (command, {"export"}),
    (new_stage, {"last"}),
    (readme_that_a_stage_reads, {"lint"}),
    (file_that_no_stage_reads, set()),
    (metrics_by_hand, BELOW),
    (lock_removed, {"ready", "lint", *BELOW}),
]


def planned(folder, **given):
    """What the bot says of HEAD: it sees the commit's files, and nothing of the checkout."""
    lines = [line.split("\t") for line in git(folder, "ls-tree", "-r", "HEAD").splitlines()]
    paths = {path: about.split()[2] for about, path in lines}

    def read(path):
        return (folder / path).read_bytes() if path in paths else None

    return plan(paths, read, TrainOptions(set=given))


def fresh(trained, tmp_path):
    folder = tmp_path / "project"
    shutil.copytree(trained, folder, symlinks=True)
    return folder


@pytest.mark.parametrize(("change", "running"), CHANGES, ids=lambda each: getattr(each, "__name__", ""))
def test_the_stages_that_would_run_are_those_that_dvc_calls_changed_and_those_below(trained, tmp_path, change, running):
    folder = fresh(trained, tmp_path)
    change(folder)
    commit(folder)
    found = planned(folder)
    assert set(found.running) == running
    assert found.unsure == ()
    assert found.unchanged == (not running)
    changed = {name for name in json.loads(dvc(folder, "status", "--json")) if not name.endswith(".dvc")}
    assert changed <= running
    assert bool(changed) == bool(running)


def test_a_parameter_that_is_set_for_one_run_counts_as_changed(trained, tmp_path):
    folder = fresh(trained, tmp_path)
    assert set(planned(folder, **{"train.epochs": "5"}).running) == BELOW
    assert planned(folder, **{"train.epochs": "3"}).unchanged
    assert "no parameter `train.epoch`" in planned(folder, **{"train.epoch": "3"}).problem


def test_what_is_needed_is_what_the_running_stages_read(trained, tmp_path):
    folder = fresh(trained, tmp_path)
    assert {out.path for out in planned(folder, **{"train.epochs": "5"}).needed} == {"ready.txt"}
    assert planned(folder).needed == ()


@pytest.mark.parametrize(
    "lines",
    [
        "  each:\n    foreach: [1, 2]\n    do:\n      cmd: touch ${item}\n      outs:\n        - ${item}\n",
        "  each:\n    matrix:\n      n: [1, 2]\n    cmd: touch ${item.n}\n    outs:\n      - ${item.n}\n",
    ],
    ids=["foreach", "matrix"],
)
def test_a_templated_pipeline_is_left_to_the_machine(trained, tmp_path, lines):
    folder = fresh(trained, tmp_path)
    write(folder, **{"dvc.yaml": textwrap.dedent(PIPELINE) + lines})
    commit(folder)
    found = planned(folder)
    assert "only DVC can read" in found.problem
    assert not found.unchanged


def test_what_a_dvcignore_may_leave_out_of_a_folder_is_not_guessed(trained, tmp_path):
    folder = fresh(trained, tmp_path)
    write(folder, **{".dvcignore": "*.log\n"})
    commit(folder)
    found = planned(folder)
    assert found.unsure == ("train",)
    assert not found.unchanged
