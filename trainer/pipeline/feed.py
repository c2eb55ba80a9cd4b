"""Batches for the network, gathered from the packed form while the one before is being computed."""

from __future__ import annotations

from typing import Any

import numpy as np

from trainer.pipeline.backend import tf
from trainer.pipeline.packed import Images

Rows = np.ndarray[Any, np.dtype[np.int64]]


def split(images: Images, share: float, seed: int) -> tuple[Rows, Rows]:
    """Row numbers to train with and to watch with: `share` of each class, at least one image, is held out."""
    random = np.random.default_rng(seed)
    train, held_out = [], []
    for label in range(len(images.classes)):
        rows = random.permutation(np.flatnonzero(images.labels == label))
        cut = max(1, round(share * len(rows)))
        held_out.append(rows[:cut])
        train.append(rows[cut:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(held_out))


def batches(images: Images, rows: Rows, size: int, *, shuffle_seed: int | None = None) -> Any:
    """A `tf.data.Dataset` of (pixels float32 0 to 255, label) over `rows`.

    Only row numbers are shuffled, all of them, anew for each epoch and the same in each run of one seed; a batch's
    pixels are read from the mapped file when it is needed.
    """
    numbers = tf.data.Dataset.from_tensor_slices(rows)
    if shuffle_seed is not None:
        numbers = numbers.shuffle(len(rows), seed=shuffle_seed, reshuffle_each_iteration=True)
    shape = images.pixels.shape[1:]

    def gather(batch: Any) -> Any:
        pixels = tf.numpy_function(images.pixels.__getitem__, [batch], tf.uint8, stateful=False)
        labels = tf.gather(images.labels, batch)
        return tf.cast(tf.ensure_shape(pixels, (None, *shape)), tf.float32), labels

    return numbers.batch(size).map(gather).prefetch(2)
