"""`model.config`: what an application has to know, beside `model.onnx`, to score an image.

The scaling is inside the model: an application hands over pixels from 0 to 255 as they are, as float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FORMAT = 1
"""Counts up when a key goes or changes its meaning."""
MODEL = "model.onnx"
INPUT = "image"
OUTPUT = "probabilities"


def describe(classes: Sequence[str], height: int, width: int, channels: int, *, scale: float) -> dict[str, Any]:
    """The content of `model.config`, for a model of that input size; `scale` is what it multiplies pixels by."""
    return {
        "format": FORMAT,
        "model": MODEL,
        "classes": list(classes),
        "input": {
            "name": INPUT,
            "type": "float32",
            "layout": "NHWC",
            "height": height,
            "width": width,
            "channels": channels,
            "colours": "RGB",
            "lowest": 0,
            "highest": 255,
            "resize": "bilinear",
        },
        "scaling": {
            "inside_model": True,
            "multiply": scale,
            "add": 0.0,
            "note": "The model scales by itself: feed pixel values from 0 to 255 as float32, unscaled.",
        },
        "output": {
            "name": OUTPUT,
            "type": "float32",
            "meaning": "For each image one probability a class, in the order of `classes`; they add up to 1.",
        },
    }
