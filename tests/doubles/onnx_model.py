"""A model of three operations, in the form that the example pipeline exports: which of the three colours prevails."""

import json

import onnx
from onnx import TensorProto, helper

from trainer.pipeline import config

CLASSES = ("red", "green", "blue")


def write_colour_model(folder, *, size=8, layout="NHWC", **changes):
    """Write model.onnx and model.config; `changes` replaces keys of the latter.

    The model takes the mean of each channel, divided by 10 so that full colours differ by many times e, and of these
    the softmax.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shape, axes = (["batch", size, size, 3], [1, 2]) if layout == "NHWC" else (["batch", 3, size, size], [2, 3])
    nodes = [
        helper.make_node("ReduceMean", [config.INPUT], ["means"], axes=axes, keepdims=0),
        helper.make_node("Div", ["means", "ten"], ["logits"]),
        helper.make_node("Softmax", ["logits"], [config.OUTPUT], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info(config.INPUT, TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(config.OUTPUT, TensorProto.FLOAT, ["batch", 3])],
        [helper.make_tensor("ten", TensorProto.FLOAT, [1], [10.0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, folder / config.MODEL)
    described = config.describe(CLASSES, size, size, 3, scale=1 / 255)
    described["input"]["layout"] = layout
    (folder / "model.config").write_text(json.dumps(described | changes))
    return folder
