"""The pointer and what a release consists of."""

from __future__ import annotations

import pytest
from ruamel.yaml import YAML

from tests.unit.test_trainer_spec import GOOD
from trainer import spec
from trainer.data import objects
from trainer.data.objects import Object, matches
from trainer.definition.graph import Graph, Out, Stage
from trainer.failure import StepError
from trainer.project import pointer


def stage(name, deps, *outs):
    return Stage(name, "dvc.yaml", "x", deps, {}, outs)


MODEL = Out("out/model.onnx", "1" * 32, 10)
CONFIG = Out("out/model.config", "2" * 32, 5)
PIPELINE = Graph(
    (
        stage("ready", ("raw",), Out("ready", "3" * 32 + ".dir", 9, 3)),
        stage("train", ("ready",), MODEL, CONFIG, Out("m.json", "4" * 32, 2, kind="metric")),
    )
)


def paths(outs):
    return [out.path for out in outs]


def test_what_was_asked_for_is_released():
    assert paths(pointer.release_outs(PIPELINE, ["ready"])) == ["ready"]


def test_without_a_wish_the_artifacts_are_released():
    graph = Graph(PIPELINE.stages, artifacts=("out/model.config",))
    assert paths(pointer.release_outs(graph, None)) == ["out/model.config"]


def test_without_artifacts_the_ends_of_the_pipeline_are_released_and_no_metrics():
    assert paths(pointer.release_outs(PIPELINE, None)) == ["out/model.onnx", "out/model.config"]


def test_a_wish_that_is_no_output_is_refused():
    with pytest.raises(StepError, match=r"nothing\.txt"):
        pointer.release_outs(PIPELINE, ["nothing.txt"])


def test_a_pipeline_without_outputs_says_what_to_do():
    with pytest.raises(StepError, match="artifacts"):
        pointer.release_outs(Graph((stage("a", ()),)), None)


def test_the_pointer_is_yaml_with_checksums_and_origin():
    text = pointer.text(spec.parse(GOOD), [MODEL, CONFIG], "a" * 40)
    assert YAML(typ="safe").load(text) == {
        "desc": "model.onnx, model.config of team/fruits v1.0.0",
        "meta": {"project": "team/fruits", "tag": "v1.0.0", "commit": "a" * 40, "run": 42},
        "outs": [
            {"md5": "1" * 32, "size": 10, "hash": "md5", "path": "model.onnx"},
            {"md5": "2" * 32, "size": 5, "hash": "md5", "path": "model.config"},
        ],
    }


def test_names_stay_whole_where_two_would_be_the_same():
    assert pointer.flattened(["a/x", "b/y"]) == ["x", "y"]
    assert pointer.flattened(["a/x", "b/x"]) == ["a/x", "b/x"]


def test_objects_lie_where_dvc_puts_them():
    assert Object("ab" + "1" * 30, "md5", "x").key == "files/md5/ab/" + "1" * 30
    assert Object("ab" + "1" * 30 + ".dir", "md5-dos2unix", "x").key == "ab/" + "1" * 30 + ".dir"


def test_text_that_dvc_2_hashed_matches_with_either_line_ends():
    oid = "b1946ac92492d2347c6235b4d2611184"  # "hello\n"
    assert matches(Object(oid, "md5-dos2unix", "x"), b"hello\r\n")
    assert matches(Object(oid, "md5", "x"), b"hello\n")
    assert not matches(Object(oid, "md5", "x"), b"hello\r\n")


@pytest.mark.parametrize("content", [b"{", b'{"a": 1}', b'[{"md5": "x", "relpath": "y"}]', b'[{"relpath": "y"}]'])
def test_a_folder_s_list_that_is_none_is_called_damaged(content):
    with pytest.raises(StepError) as caught:
        objects.tree_of(Out("d", "5" * 32 + ".dir"), lambda _: content)
    assert caught.value.cause == "corrupt-data"
