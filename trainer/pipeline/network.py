"""The network, and how it is kept on disk."""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from trainer.pipeline.backend import keras
from trainer.pipeline.stage import StageError

FILE = Path("model.keras")
SCALE = 1 / 255
"""Pixels come in as 0 to 255; the network's first layer brings them to 0 to 1."""
BLOCKS = 3
SHARED_ID = re.compile(rb'("shared_object_id": )(\d+)')


def build(size: int, channels: int, classes: int, *, filters: int, dropout: float) -> Any:
    """A small convolutional network, not yet trained.

    In: float32 (batch, size, size, channels), pixels 0 to 255. Out: float32 (batch, classes), probabilities.
    """
    layers = keras.layers
    image = keras.Input((size, size, channels), name="image")
    x = layers.Rescaling(SCALE, name="scaling")(image)
    x = layers.Conv2D(filters, 5, strides=2, padding="same", use_bias=False)(x)
    for block in range(1, BLOCKS):
        x = _activated(x)
        x = layers.Conv2D(filters * 2**block, 3, padding="same", use_bias=False)(x)
    x = layers.GlobalAveragePooling2D()(_activated(x))
    x = layers.Dropout(dropout)(x)
    probabilities = layers.Dense(classes, activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(image, probabilities, name="fruits")


def save(model: Any, path: Path = FILE) -> None:
    """Write `model` so that the same weights give the same bytes.

    Keras itself puts the date, and addresses in memory, into the file.
    """
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / FILE.name
        model.save(fresh)
        with zipfile.ZipFile(fresh) as source, zipfile.ZipFile(path, "w") as target:
            for name in sorted(source.namelist()):
                target.writestr(zipfile.ZipInfo(name), _timeless(name, source.read(name)))


def load(path: Path = FILE) -> Any:
    """The trained network.

    Raises:
        StageError: it is not there.
    """
    if not path.exists():
        raise StageError(f"{path} is missing. Run `dvc repro train` first.")
    return keras.saving.load_model(path)


def _activated(x: Any) -> Any:
    """What follows each convolution. It is pooled first, so that the rest has a quarter of the values to compute.

    A memory of 0.9, shorter than Keras's, suits the few steps of a small data set.
    """
    x = keras.layers.BatchNormalization(momentum=0.9)(keras.layers.MaxPooling2D()(x))
    return keras.layers.ReLU()(x)


def _timeless(name: str, content: bytes) -> bytes:
    if name == "metadata.json":
        return json.dumps({**json.loads(content), "date_saved": ""}).encode()
    if name == "config.json":
        numbers: dict[bytes, int] = {}  # an address -> its place in the order of appearance
        return SHARED_ID.sub(lambda found: b"%s%d" % (found[1], numbers.setdefault(found[2], len(numbers))), content)
    return content
