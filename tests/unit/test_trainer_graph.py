"""The pipeline as its files say, without DVC."""

from __future__ import annotations

import textwrap

import pytest

from trainer.definition import graph
from trainer.definition.graph import TemplatedError
from trainer.failure import StepError

LOCK = """\
    schema: '2.0'
    stages:
      train:
        cmd: python train.py
        deps:
        - path: data/ready
          hash: md5
          md5: 11111111111111111111111111111111
        outs:
        - path: model.txt
          hash: md5
          md5: 22222222222222222222222222222222
          size: 7
    """


def read(**files):
    return graph.read(
        {name.replace("__", "/").replace("_", "."): textwrap.dedent(text).encode() for name, text in files.items()}
    )


def test_outputs_carry_what_the_lock_says_of_them():
    found = read(
        dvc_yaml="stages:\n  train:\n    cmd: x\n    deps: [data/ready]\n    outs: [model.txt]\n", dvc_lock=LOCK
    )
    (out,) = found.stages[0].outs
    assert (out.path, out.oid, out.size, out.algorithm, out.kind) == ("model.txt", "2" * 32, 7, "md5", "out")


def test_flags_of_outputs_metrics_and_plots_are_read():
    pipeline = """\
        stages:
          train:
            cmd: x
            deps: [a]
            outs:
              - weights: {persist: true, push: false}
            metrics:
              - m.json: {cache: false}
            plots:
              - p.csv: {x: epoch}
        """
    outs = {out.path: out for out in read(dvc_yaml=pipeline).stages[0].outs}
    assert outs["weights"].persist
    assert not outs["weights"].pushed
    assert (outs["m.json"].kind, outs["m.json"].cached) == ("metric", False)
    assert (outs["p.csv"].kind, outs["p.csv"].cached) == ("plot", True)


def test_paths_count_from_the_root_whatever_folder_the_file_is_in():
    found = read(
        sub__dvc_yaml="stages:\n  a:\n    cmd: x\n    wdir: deep\n    deps: [../in.txt]\n    outs: [out.txt]\n"
    )
    (stage,) = found.stages
    assert stage.name == "sub/dvc.yaml:a"
    assert stage.deps == ("sub/in.txt",)
    assert stage.outs[0].path == "sub/deep/out.txt"


def test_what_dvc_2_wrote_keeps_its_own_algorithm():
    found = read(old_dvc="outs:\n- md5: 33333333333333333333333333333333\n  path: old\n")
    assert found.data[0].outs[0].algorithm == "md5-dos2unix"


def test_data_of_another_repository_is_known_as_such():
    found = read(
        a_dvc="deps:\n- path: x\n  repo: {url: elsewhere}\nouts:\n- md5: 33333333333333333333333333333333\n  path: x\n"
    )
    assert found.data[0].imported


@pytest.mark.parametrize(
    "body", ["foreach: [1]\n    do: {cmd: x}", "matrix: {n: [1]}\n    cmd: x", "cmd: x\n    outs: ['${w}']"]
)
def test_templates_are_left_to_dvc(body):
    with pytest.raises(TemplatedError):
        read(dvc_yaml=f"stages:\n  a:\n    {body}\n")


def test_a_template_in_a_command_alone_does_not_matter():
    assert read(dvc_yaml="stages:\n  a:\n    cmd: echo ${x}\n    outs: [o]\n").stages[0].outs[0].path == "o"


@pytest.mark.parametrize(
    "text", ["stages: [", "- a list\n", "stages: 3\n", "stages:\n  a: 3\n", "stages:\n  a:\n    cmd: x\n    deps: 7\n"]
)
def test_a_file_that_is_wrong_is_named(text):
    with pytest.raises(StepError, match=r"dvc\.yaml") as caught:
        read(dvc_yaml=text)
    assert caught.value.cause == "pipeline"


@pytest.mark.parametrize(
    "path", ["../away", "/etc/passwd", "s3://bucket/key", ".git/hooks/pre-push", ".dvc/config", "."]
)
def test_outputs_that_leave_the_repository_are_refused(path):
    found = read(dvc_yaml=f"stages:\n  a:\n    cmd: x\n    outs: ['{path}']\n")
    with pytest.raises(StepError, match="not allowed"):
        found.check_paths()


def test_only_what_the_top_pipeline_needs_is_reproduced():
    found = read(
        dvc_yaml="stages:\n  a:\n    cmd: x\n    deps: [lib/made, data]\n    outs: [o]\n",
        lib__dvc_yaml="stages:\n  b:\n    cmd: x\n    outs: [made]\n  ",
        docs__dvc_yaml="stages:\n  c:\n    cmd: x\n    outs: [d]\n",
        data_dvc="outs:\n- md5: 33333333333333333333333333333333\n  path: data\n",
        other_dvc="outs:\n- md5: 33333333333333333333333333333333\n  path: other\n",
    ).reproduced()
    assert [stage.name for stage in found.stages] == ["a", "lib/dvc.yaml:b"]
    assert [item.file for item in found.data] == ["data.dvc"]


def test_plots_name_their_files_by_axis_or_by_name():
    found = read(dvc_yaml="plots:\n- curve.csv\n- Loss:\n    y: {live/loss.tsv: loss}\n- shape.csv: {x: a}\n")
    assert found.plots == ("curve.csv", "live/loss.tsv", "shape.csv")
