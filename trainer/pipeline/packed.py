"""The packed form of the images: a few arrays that every later stage maps into memory instead of decoding JPEGs.

    data/packed/classes.json            the class names; a label is an index into them
    data/packed/<part>_images.npy       uint8, (count, height, width, 3), RGB
    data/packed/<part>_labels.npy       int32, (count,)

The parts are `training` and `test`. The bytes depend on the images and on `prepare.image_size` alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from trainer.pipeline.stage import StageError

FOLDER = Path("data/packed")
CHANNELS = 3

Part = Literal["training", "test"]


@dataclass(frozen=True)
class Images:
    """One part: `pixels[i]` shows a fruit of class `classes[labels[i]]`."""

    classes: tuple[str, ...]
    pixels: np.ndarray[Any, np.dtype[np.uint8]]
    """Mapped from the file: only what is looked at is read."""
    labels: np.ndarray[Any, np.dtype[np.int32]]


def load(part: Part, folder: Path = FOLDER) -> Images:
    """Map one part into memory.

    Raises:
        StageError: there is no packed form at `folder`.
    """
    try:
        classes = json.loads((folder / "classes.json").read_text("utf-8"))
        pixels = np.load(images_file(part, folder), mmap_mode="r")
        labels = np.load(labels_file(part, folder))
    except FileNotFoundError as error:
        raise StageError(f"{error.filename} is missing. Run `dvc repro prepare` first.") from None
    return Images(classes=tuple(classes), pixels=pixels, labels=labels)


def images_file(part: Part, folder: Path = FOLDER) -> Path:
    """Where the pixels of a part are."""
    return folder / f"{part}_images.npy"


def labels_file(part: Part, folder: Path = FOLDER) -> Path:
    """Where the labels of a part are."""
    return folder / f"{part}_labels.npy"
