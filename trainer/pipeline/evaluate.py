"""The stage `evaluate`: score the test images; write `metrics.json` and the confusion matrix."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainer.pipeline import feed, network, packed
from trainer.pipeline.stage import run

METRICS = Path("metrics.json")
CONFUSION = Path("confusion.csv")
BATCH = 64
DIGITS = 6
FLOOR = 1e-7
"""The smallest probability a loss is computed from, as in Keras."""

Floats = np.ndarray[Any, np.dtype[np.float32]]
Labels = np.ndarray[Any, np.dtype[np.int32]]


def main() -> None:
    """Score `model.keras` on the test part of `data/packed`."""
    images = packed.load("test")
    rows = np.arange(len(images.labels))
    probabilities = network.load().predict(feed.batches(images, rows, BATCH), verbose=0)
    metrics = measure(probabilities, images.labels, images.classes)
    METRICS.write_text(json.dumps(metrics, ensure_ascii=False, indent=1) + "\n", "utf-8")
    write_confusion(CONFUSION, probabilities.argmax(axis=1), images.labels, images.classes)
    print(f"accuracy {metrics['accuracy']:.4f}, loss {metrics['loss']:.4f} on {len(rows)} test images")


def measure(probabilities: Floats, labels: Labels, classes: Sequence[str]) -> dict[str, Any]:
    """Accuracy and loss (mean cross-entropy, natural logarithm) over all images, and accuracy by class.

    `probabilities` is (count, classes); every class has at least one image.
    """
    right = probabilities.argmax(axis=1) == labels
    truth = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return {
        "accuracy": round(float(right.mean()), DIGITS),
        "loss": round(float(-np.log(truth.clip(FLOOR)).mean()), DIGITS),
        "per_class": {
            name: round(float(right[labels == label].mean()), DIGITS) for label, name in enumerate(classes)
        },
    }


def write_confusion(path: Path, predicted: Labels, actual: Labels, classes: Sequence[str]) -> None:
    """A row for each image, as DVC's `confusion` template counts them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("actual", "predicted"))
        rows.writerows((classes[a], classes[p]) for a, p in zip(actual, predicted, strict=True))


if __name__ == "__main__":
    run(main)
