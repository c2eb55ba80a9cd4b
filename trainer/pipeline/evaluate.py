"""The stage `evaluate`: score the test images; write `metrics.json` and the confusion matrix."""

from __future__ import annotations

import json
from pathlib import Path

from trainer.pipeline import feed, network, packed
from trainer.pipeline.backend import repeatable
from trainer.pipeline.measures import measure, write_confusion
from trainer.pipeline.stage import run, say

METRICS = Path("metrics.json")
CONFUSION = Path("confusion.csv")


def main() -> None:
    """Score `model.keras` on the test part of `data/packed`."""
    images = packed.load("test")
    repeatable(seed=0)
    probabilities = network.load().predict(feed.in_order(images), verbose=0)
    metrics = measure(probabilities, images.labels, images.classes)
    METRICS.write_text(json.dumps(metrics, ensure_ascii=False, indent=1) + "\n", "utf-8")
    write_confusion(CONFUSION, probabilities, images.labels, images.classes)
    say(f"accuracy {metrics['accuracy']:.4f}, loss {metrics['loss']:.4f} on {len(images.labels)} test images")


if __name__ == "__main__":
    run(main)
