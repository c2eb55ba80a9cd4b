"""Keras and TensorFlow, imported in one place: without their noise, and so that the same seed gives the same bits."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _quietly() -> Iterator[None]:
    """Hold back what is written to standard error; shown after all when the import fails.

    TensorFlow 2.21 writes a few lines before its logging is set up, and no setting stops those
    (tensorflow/tensorflow#100442); they would push a failure's real last lines out of sight.
    """
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            held.seek(0)
            os.write(kept, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


os.environ.update(
    KERAS_BACKEND="tensorflow",  # whatever a ~/.keras/keras.json says
    TF_CPP_MIN_LOG_LEVEL="3",
    # Twice as fast on a CPU. Its kernels are chosen by the kind of processor, and so are those that TensorFlow has
    # without it: the last bits are those of a kind of processor either way.
    TF_ENABLE_ONEDNN_OPTS="1",
)
with _quietly():
    import keras
    import tensorflow as tf

__all__ = ["keras", "repeatable", "tf"]

THREADS = 4
"""Sums are split among this many threads, however many processors there are: else their number changes last bits."""


def repeatable(seed: int) -> None:
    """Make what follows depend on `seed` alone: weights, shuffling, dropout, and every operation's result."""
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
