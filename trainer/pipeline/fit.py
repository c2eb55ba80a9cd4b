"""The stage `train`: fit the network on the training images and log every epoch with DVCLive.

The same commit gives the same bits on the same kind of processor, however many of them there are.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from dvclive import Live

from trainer.pipeline import feed, network, packed
from trainer.pipeline.backend import keras, repeatable
from trainer.pipeline.params import Train
from trainer.pipeline.stage import run

LOG = Path("dvclive")


class Log(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Forwards each epoch's metrics to DVCLive as `train/<name>` and `validation/<name>`."""

    def __init__(self, live: Live) -> None:
        super().__init__()
        self._live = live

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """See `keras.callbacks.Callback`."""
        del epoch
        for name, value in (logs or {}).items():
            part, metric = ("validation", name[4:]) if name.startswith("val_") else ("train", name)
            self._live.log_metric(f"{part}/{metric}", round(float(value), 6))
        self._live.next_step()


def main() -> None:
    """Train on `data/packed`; write `model.keras` and `dvclive/`."""
    params = Train.read()
    images = packed.load("training")
    train, held_out = packed.split(images, params.validation_share, params.seed)
    repeatable(params.seed)
    steps = params.epochs * math.ceil(len(train) / params.batch_size)
    model = compiled(images, params, steps)
    # No experiment, no dvc.yaml of its own: the pipeline says what is tracked, and a plain folder will do.
    with Live(str(LOG), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        model.fit(
            feed.shuffled(images, train, params.batch_size, params.seed),
            validation_data=feed.in_order(images, held_out),
            epochs=params.epochs,
            callbacks=[Log(live)],
            shuffle=False,  # `feed` does
            verbose=2,  # a line `Epoch 3/12` an epoch, which the progress is read from
        )
    network.save(model)


def compiled(images: packed.Images, params: Train, steps: int) -> Any:
    """The network for these images, ready to be fitted; the learning rate falls to 0 over `steps` batches."""
    _, size, _, channels = images.pixels.shape
    model = network.build(size, channels, len(images.classes), filters=params.filters, dropout=params.dropout)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(params.learning_rate, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


if __name__ == "__main__":
    run(main)
