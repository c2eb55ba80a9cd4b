"""The stage `train`: fit the network on the training images and log every epoch with DVCLive.

The same commit gives the same bits on the same kind of machine: seeds are fixed and every operation is deterministic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dvclive import Live

from trainer.pipeline import feed, network, packed
from trainer.pipeline.backend import keras, repeatable
from trainer.pipeline.params import Train
from trainer.pipeline.stage import StageError, run

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
    train, held_out = feed.split(images, params.validation_share, params.seed)
    if not len(train):
        raise StageError("No image is left to train with: lower `train.validation_share` in params.yaml.")
    repeatable(params.seed)
    model = compiled(images, params)
    # No experiment, no dvc.yaml of its own: the pipeline says what is tracked, and a plain folder will do.
    with Live(str(LOG), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        model.fit(
            feed.batches(images, train, params.batch_size, shuffle_seed=params.seed),
            validation_data=feed.batches(images, held_out, params.batch_size),
            epochs=params.epochs,
            callbacks=[Log(live)],
            verbose=2,
        )
    network.save(model)


def compiled(images: packed.Images, params: Train) -> Any:
    """The network for these images, ready to be fitted."""
    _, size, _, channels = images.pixels.shape
    model = network.build(size, channels, len(images.classes), filters=params.filters, dropout=params.dropout)
    model.compile(
        optimizer=keras.optimizers.Adam(params.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


if __name__ == "__main__":
    run(main)
