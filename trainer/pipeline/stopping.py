"""Ending a training that gets no better, with the weights of its best epoch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from trainer.pipeline.backend import keras
from trainer.pipeline.stage import say

Array = np.ndarray[Any, np.dtype[Any]]


class Stopping(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Watches the validation loss. `patience` epochs without a better one end the training; 0 watches nothing.

    Unlike `keras.callbacks.EarlyStopping` it can say all that it remembers, so that a training that was interrupted
    stops where it would have stopped.
    """

    def __init__(self, patience: int) -> None:
        super().__init__()
        self._patience = patience
        self.best = math.inf
        self.best_epoch = 0
        """Counted from 1; 0 before the first one."""
        self.weights: Sequence[Array] = ()
        self.over = False

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """See `keras.callbacks.Callback`."""
        if not self._patience:
            return
        loss = float((logs or {})["val_loss"])
        if loss < self.best:
            self.best, self.best_epoch, self.weights = loss, epoch + 1, self.model.get_weights()
        elif epoch + 1 - self.best_epoch >= self._patience:
            self.over = self.model.stop_training = True

    def take_best(self, model: Any) -> None:
        """Give `model` the weights of the best epoch, if there is one."""
        if self.best_epoch:
            say(f"The best epoch was {self.best_epoch} (validation loss {self.best:.4f}); its weights are kept.")
            model.set_weights(self.weights)
