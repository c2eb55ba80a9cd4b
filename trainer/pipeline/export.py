"""The stage `export`: write `model.onnx` and `model.config`, and prove that the model scores as Keras does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from trainer.pipeline import config, feed, network, packed
from trainer.pipeline.backend import THREADS, repeatable, tf
from trainer.pipeline.measures import Floats, accept, compare
from trainer.pipeline.params import Export
from trainer.pipeline.stage import run, say

MODEL = Path(config.MODEL)
CONFIG = Path("model.config")
METRICS = Path("onnx.json")
OPSET = 17
FOLDED = "const_fold_opt__"
"""What tf2onnx calls the constants that it computed, with a number behind."""


def main() -> None:
    """Convert `model.keras`, then compare the two on every test image.

    Raises:
        StageError: a probability differs by more than `export.max_difference`.
    """
    limit = Export.read().max_difference
    images = packed.load("test")
    repeatable(seed=0)
    model = network.load()
    convert(model, MODEL)
    description = config.describe(images.classes, *images.pixels.shape[1:], scale=network.SCALE)
    CONFIG.write_text(json.dumps(description, ensure_ascii=False, indent=1) + "\n", "utf-8")
    agreement = compare(model.predict(feed.in_order(images), verbose=0), score(MODEL, images.pixels))
    METRICS.write_text(json.dumps(agreement, indent=1) + "\n", "utf-8")
    say(
        f"{MODEL} and Keras on {agreement['images']} test images: largest difference "
        f"{agreement['max_abs_difference']:.1e}, same label for {agreement['label_agreement']:.2%}"
    )
    accept(agreement, limit)


def convert(model: Any, path: Path) -> None:
    """Write the Keras model as ONNX with the names of `config`, for batches of any size."""
    import tf2onnx  # noqa: PLC0415 - imports TensorFlow, so it must come after `backend` has made that quiet

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name=config.INPUT)]
    proto, _ = tf2onnx.convert.from_keras(model, input_signature=signature, opset=OPSET)
    for tensor in (*proto.graph.input, *proto.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    settle(proto.graph)
    onnx.checker.check_model(proto)
    onnx.save(proto, path)


def settle(graph: onnx.GraphProto) -> None:
    """Give the constants that tf2onnx computed names and places that depend on the graph alone.

    It counts them in the order of a Python set, which is another one in each process: other bytes for the same model.
    """
    constants = {constant.name: constant for constant in graph.initializer}
    places = {name: place for place, name in enumerate(dict.fromkeys(_used(graph)))}
    for node in graph.node:
        node.input[:] = [_lasting(name, places) if name in constants else name for name in node.input]
    ordered = sorted(constants.values(), key=lambda constant: places.get(constant.name, len(places)))
    for constant in ordered:
        constant.name = _lasting(constant.name, places)
    del graph.initializer[:]
    graph.initializer.extend(ordered)


def score(model: Path, pixels: packed.Mapped) -> Floats:
    """The probabilities, (images, classes), that onnxruntime computes with the model file."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    numbers = np.arange(len(pixels))
    batches = [numbers[start : start + feed.BATCH] for start in range(0, len(pixels), feed.BATCH)]
    return np.concatenate(
        [
            session.run([config.OUTPUT], {config.INPUT: packed.read(pixels, rows).astype(np.float32)})[0]
            for rows in batches
        ]
    )


def _used(graph: onnx.GraphProto) -> Iterator[str]:
    """What the nodes take in, in their order."""
    for node in graph.node:
        yield from node.input


def _lasting(name: str, places: Mapping[str, int]) -> str:
    return f"{FOLDED}{places[name]}" if name in places and name.startswith(FOLDED) else name


if __name__ == "__main__":
    run(main)
