"""The stage `export`: `model.onnx` and `model.config`, all that an application needs to score an image.

The scaling is inside the model: an application hands over pixels from 0 to 255 as they are, as float32.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime

from trainer.pipeline import network, packed
from trainer.pipeline.backend import tf
from trainer.pipeline.params import Export
from trainer.pipeline.stage import StageError, run

MODEL = Path("model.onnx")
CONFIG = Path("model.config")
METRICS = Path("onnx.json")
FORMAT = 1
"""Of `model.config`; counts up when a key changes its meaning or goes."""
OPSET = 17
INPUT = "image"
OUTPUT = "probabilities"
BATCH = 64

Floats = np.ndarray[Any, np.dtype[np.float32]]


def main() -> None:
    """Write the model and its description, then compare it with Keras on every test image.

    Raises:
        StageError: a probability differs by more than `export.max_difference`.
    """
    limit = Export.read().max_difference
    images = packed.load("test")
    model = network.load()
    convert(model, MODEL)
    CONFIG.write_text(json.dumps(describe(images), ensure_ascii=False, indent=1) + "\n", "utf-8")
    agreement = compare(_by_keras(model, images), _by_onnx(MODEL, images))
    METRICS.write_text(json.dumps(agreement, indent=1) + "\n", "utf-8")
    print(
        f"{MODEL}: {agreement['images']} test images, largest difference to Keras "
        f"{agreement['max_abs_difference']:.1e}, same label for {agreement['label_agreement']:.2%}"
    )
    accept(agreement, limit)


def convert(model: Any, path: Path) -> None:
    """Write the Keras model as ONNX: float32 in, batch of any size, names `INPUT` and `OUTPUT`."""
    import tf2onnx  # noqa: PLC0415 - 

    signature = [tf.TensorSpec((None, *model.input_shape[1:]), tf.float32, name=INPUT)]
    function = tf.function(lambda image: {OUTPUT: model(image, training=False)}, input_signature=signature)
    proto, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    onnx.checker.check_model(proto)
    onnx.save(proto, path)


def describe(images: packed.Images) -> dict[str, Any]:
    """What `model.config` says; see docs in the keys themselves."""
    _, height, width, channels = images.pixels.shape
    return {
        "format": FORMAT,
        "classes": list(images.classes),
        "input": {
            "name": INPUT,
            "type": "float32",
            "layout": "NHWC",
            "height": height,
            "width": width,
            "channels": channels,
            "colours": "RGB",
            "range": [0, 255],
            "resize": "bilinear",
        },
        "scaling": {
            "inside_model": True,
            "multiply": network.SCALE,
            "add": 0.0,
        },
        "output": {"name": OUTPUT, "type": "float32", "layout": "NC", "meaning": "one probability for each class"},
    }


def compare(keras: Floats, onnx: Floats) -> dict[str, Any]:
    """How far two (images, classes) arrays of probabilities are apart."""
    same = keras.argmax(axis=1) == onnx.argmax(axis=1)
    return {
        "images": len(keras),
        "max_abs_difference": float(np.abs(keras.astype(np.float64) - onnx).max()),
        "label_agreement": float(same.mean()),
    }
