"""What is measured on the test images: pure functions of probabilities and labels."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainer.pipeline.packed import Labels
from trainer.pipeline.stage import StageError

DIGITS = 6
FLOOR = 1e-7
"""The smallest probability that a loss is computed from, as in Keras."""

Floats = np.ndarray[Any, np.dtype[np.float32]]


def measure(probabilities: Floats, labels: Labels, classes: Sequence[str]) -> dict[str, Any]:
    """Accuracy and loss (mean cross-entropy, natural logarithm) over all images, and accuracy by class.

    `probabilities` is (images, classes); every class has at least one image.
    """
    right = probabilities.argmax(axis=1) == labels
    truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return {
        "accuracy": round(float(right.mean()), DIGITS),
        "loss": round(float(-np.log(truth.clip(FLOOR)).mean()), DIGITS),
        "per_class": {name: round(float(right[labels == label].mean()), DIGITS) for label, name in enumerate(classes)},
    }


def write_confusion(path: Path, probabilities: Floats, labels: Labels, classes: Sequence[str]) -> None:
    """A row for each image, its class and the one it was taken for; DVC's template `confusion` counts them."""
    predicted = probabilities.argmax(axis=1)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("actual", "predicted"))
        rows.writerows((classes[a], classes[p]) for a, p in zip(labels, predicted, strict=True))


def compare(by_keras: Floats, by_onnx: Floats) -> dict[str, int | float]:
    """How far two (images, classes) arrays of probabilities are apart."""
    same = by_keras.argmax(axis=1) == by_onnx.argmax(axis=1)
    return {
        "images": len(by_keras),
        "max_abs_difference": float(np.abs(by_keras - by_onnx).max()),
        "label_agreement": float(same.mean()),
    }


def accept(agreement: Mapping[str, float], limit: float) -> None:
    """Refuse an exported model that does not score as the trained one does.

    Raises:
        StageError: the largest difference is above `limit`, or is no number.
    """
    difference = agreement["max_abs_difference"]
    if not difference <= limit:
        raise StageError(
            f"model.onnx does not score as the Keras model does: on the test images a probability differs by up to "
            f"{difference:.1e}, and export.max_difference in params.yaml allows {limit:.1e}. Nothing should be "
            f"released from it; look at the layers that changed since the last export that passed."
        )
