"""Batches for the network, gathered from the packed form while the one before is being computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.pipeline.backend import tf
from trainer.pipeline.packed import Images, Rows

BATCH = 64
"""Images at a time where nothing is learnt from them."""


def in_order(images: Images, rows: Rows | None = None) -> Any:
    """A `tf.data.Dataset` of batches (pixels float32 0 to 255, label) over `rows`, or over all images."""
    return _gathered(images, _numbers(np.arange(len(images.labels)) if rows is None else rows).batch(BATCH))


def shuffled(images: Images, rows: Rows, batch: int, seed: int) -> Any:
    """The same in an order that is new in each epoch, and the same in each run of one `seed`."""
    numbers = _numbers(rows).shuffle(len(rows), seed=seed, reshuffle_each_iteration=True)
    return _gathered(images, numbers.batch(batch))


def _numbers(rows: Rows) -> Any:
    return tf.data.Dataset.from_tensor_slices(rows)


def _gathered(images: Images, numbers: Any) -> Any:
    """The rows of each batch, read from the mapped file when the batch is needed: memory holds a few batches only."""
    shape = images.pixels.shape[1:]

    def gather(batch: Any) -> Any:
        pixels = tf.numpy_function(images.pixels.__getitem__, [batch], tf.uint8, stateful=False)
        return tf.cast(tf.ensure_shape(pixels, (None, *shape)), tf.float32), tf.gather(images.labels, batch)

    return numbers.map(gather).prefetch(2)
