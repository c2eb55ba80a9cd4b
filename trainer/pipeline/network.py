"""The network, and how it is kept on disk."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

from trainer.pipeline.backend import keras
from trainer.pipeline.stage import StageError

FILE = Path("model.keras")
SCALE = 1 / 255
"""Pixels come in as 0 to 255; the network's first layer brings them to 0 to 1."""
BLOCKS = 4


def build(size: int, channels: int, classes: int, *, filters: int, dropout: float) -> Any:
    """A small convolutional network, not yet trained.

    In: float32 (batch, size, size, channels), pixels 0 to 255. Out: float32 (batch, classes), probabilities.
    """
    layers = keras.layers
    image = keras.Input((size, size, channels), name="image")
    x = layers.Rescaling(SCALE, name="scaling")(image)
    for block in range(BLOCKS):
        x = layers.Conv2D(filters * 2**block, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.8)(x)
        x = layers.ReLU()(x)
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(dropout)(x)
    probabilities = layers.Dense(classes, activation="softmax", name="probabilities")(x)
    return keras.Model(image, probabilities, name="fruits")


def save(model: Any, path: Path = FILE) -> None:
    """Write `model` so that the same weights give the same bytes (Keras itself writes the date into the file)."""
    buffer = io.BytesIO()
    model.save(buffer)  # a path would work too
    with zipfile.ZipFile(buffer) as dated, zipfile.ZipFile(path, "w") as undated:
        for name in sorted(dated.namelist()):
            content = dated.read(name)
            if name == "metadata.json":
                content = json.dumps({**json.loads(content), "date_saved": ""}).encode()
            undated.writestr(zipfile.ZipInfo(name), content)


def load(path: Path = FILE) -> Any:
    """The trained network.

    Raises:
        StageError: it is not there.
    """
    if not path.exists():
        raise StageError(f"{path} is missing. Run `dvc repro train` first.")
    return keras.saving.load_model(path)
