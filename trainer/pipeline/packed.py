"""The packed form of the images: a few arrays that every later stage maps into memory instead of decoding JPEGs.

    data/packed/classes.json            the class names; a label is an index into them
    data/packed/<part>_images.npy       uint8, (count, height, width, 3), RGB
    data/packed/<part>_labels.npy       int32, (count,)

The parts are `training` and `test`. The bytes depend on the images and on the section `prepare` alone.
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
Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Mapped = np.memmap[Any, np.dtype[np.uint8]]
Labels = np.ndarray[Any, np.dtype[np.int32]]
Rows = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Images:
    """One part: `pixels[i]` shows a fruit of class `classes[labels[i]]`."""

    classes: tuple[str, ...]
    pixels: Mapped
    """Mapped from the file: only what is looked at is read."""
    labels: Labels


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


def read(pixels: Mapped, rows: Rows) -> Pixels:
    """Copies of some rows, read from the file behind `pixels` and not through the mapping.

    What a mapping has shown stays counted as memory of the process, in the end the whole file; this keeps nothing, and
    holds Python's lock only between two rows.

    Raises:
        StageError: the file is shorter than it was.
    """
    found = np.empty((len(rows), *pixels.shape[1:]), np.uint8)
    size = int(np.prod(pixels.shape[1:]))
    with Path(str(pixels.filename)).open("rb", buffering=0) as file:
        for target, row in zip(found, rows.tolist(), strict=True):
            file.seek(pixels.offset + row * size)
            if file.readinto(target) != size:
                raise StageError(f"{pixels.filename} was cut off. Run `dvc repro --force prepare`.")
    return found


def split(images: Images, share: float, seed: int) -> tuple[Rows, Rows]:
    """The rows to train with and the rows held out to watch with: `share` of each class, one image at least.

    Raises:
        StageError: a class has no image left to train with.
    """
    random = np.random.default_rng(seed)
    train, held_out = [], []
    for label, name in enumerate(images.classes):
        rows = random.permutation(np.flatnonzero(images.labels == label))
        cut = max(1, round(share * len(rows)))
        if cut >= len(rows):
            raise StageError(
                f"The class `{name}` has {len(rows)} training images, and {cut} would be held out: none is left to "
                f"train with. Add images, or lower train.validation_share in params.yaml."
            )
        held_out.append(rows[:cut])
        train.append(rows[cut:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(held_out))


def images_file(part: Part, folder: Path = FOLDER) -> Path:
    """Where the pixels of a part are."""
    return folder / f"{part}_images.npy"


def labels_file(part: Part, folder: Path = FOLDER) -> Path:
    """Where the labels of a part are."""
    return folder / f"{part}_labels.npy"
