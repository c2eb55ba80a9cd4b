"""Batches for the network, read from the packed form while the ones before are being computed.

Pixels stay bytes until the device that computes has them: a quarter of what floats would move.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.pipeline import packed
from trainer.pipeline.backend import tf
from trainer.pipeline.packed import Images, Rows

BATCH = 64
"""Images at a time where nothing is learnt from them."""


def in_order(images: Images, rows: Rows | None = None) -> Any:
    """A `tf.data.Dataset` of batches (pixels uint8, label) over `rows`, or over all images."""
    numbers = np.arange(len(images.labels)) if rows is None else rows
    return _read(images, tf.data.Dataset.from_tensor_slices(numbers).batch(BATCH))


def shuffled(images: Images, rows: Rows, batch: int, seed: int, epochs: range) -> Any:
    """The same for all `epochs`, one after the other without a pause between two.

    The order is another one in each epoch, and depends on `seed` and the epoch's number alone: a training that goes on
    in the middle sees what it would have seen.
    """

    def one(epoch: Any) -> Any:
        order = tf.random.experimental.stateless_shuffle(rows, seed=tf.stack([tf.constant(seed, tf.int64), epoch]))
        return tf.data.Dataset.from_tensor_slices(order).batch(batch)

    return _read(images, tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(one))


def _read(images: Images, numbers: Any) -> Any:
    """The rows of each batch, read when it is needed, several batches at once; memory holds those alone."""
    shape = images.pixels.shape[1:]

    def read(batch: Any) -> Any:
        pixels = tf.numpy_function(lambda rows: packed.read(images.pixels, rows), [batch], tf.uint8, stateful=False)
        return tf.ensure_shape(pixels, (None, *shape)), tf.gather(images.labels, batch)

    return numbers.map(read, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)
