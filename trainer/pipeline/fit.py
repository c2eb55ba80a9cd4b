"""The stage `train`: fit the network on the training images and log every epoch with DVCLive.

The same commit gives the same bits on the same kind of processor, however many of them there are, and whether or not
the training was interrupted on the way.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from dvclive import Live

from trainer.pipeline import augment, feed, network, packed, precision
from trainer.pipeline.backend import keras, repeatable
from trainer.pipeline.checkpoint import Checkpoint, Keep, Progress
from trainer.pipeline.params import Train
from trainer.pipeline.stage import run, say
from trainer.pipeline.stopping import Stopping

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
    used = precision.policy(params.mixed_precision, precision.capabilities())
    plain = built(images, params, used)
    steps = math.ceil(len(train) / params.batch_size)
    progress = Progress(compiled(plain, params, steps), Stopping(params.patience))
    checkpoint = Checkpoint.named(f"{params} {used} {images.pixels.shape} {len(train)}")
    checkpoint.restore(progress)
    # No experiment, no dvc.yaml of its own: the pipeline says what is tracked, and a plain folder will do.
    with Live(str(LOG), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        log = Log(live)
        for epoch, logs in enumerate(progress.history):
            log.on_epoch_end(epoch, logs)
        _fit(progress, images, (train, held_out), params, [log, progress.stopping, Keep(checkpoint, progress)])
    progress.stopping.take_best(progress.model)
    network.save(in_full(plain, images, params) if used != precision.FULL else plain)


def _fit(
    progress: Progress,
    images: packed.Images,
    rows: tuple[packed.Rows, packed.Rows],
    params: Train,
    callbacks: list[Any],
) -> None:
    """The epochs that are not done yet."""
    train, held_out = rows
    done = len(progress.history)
    if done:
        say(f"Going on after epoch {done} of {params.epochs}, where this training was interrupted.")
    if done == params.epochs or progress.stopping.over:
        return
    progress.model.fit(
        feed.shuffled(images, train, params.batch_size, params.seed, range(done, params.epochs)),
        validation_data=feed.in_order(images, held_out),
        initial_epoch=done,
        epochs=params.epochs,
        steps_per_epoch=math.ceil(len(train) / params.batch_size),
        class_weight=weights(images.labels[train], len(images.classes)) if params.class_weights else None,
        callbacks=callbacks,
        shuffle=False,  # `feed` does
        verbose=2,  # a line `Epoch 3/12` an epoch, which the progress is read from
    )


def built(images: packed.Images, params: Train, policy: str) -> Any:
    """The network for these images, not yet trained, that computes as the Keras policy of that name says."""
    keras.config.set_dtype_policy(policy)
    try:
        _, size, _, channels = images.pixels.shape
        return network.build(size, channels, len(images.classes), filters=params.filters, dropout=params.dropout)
    finally:
        keras.config.set_dtype_policy(precision.FULL)


def compiled(plain: Any, params: Train, steps: int) -> Any:
    """What is fitted to train the network: itself, or with changing images in front; `steps` batches are an epoch."""
    model = augment.augmented(plain, params.seed) if params.augment else plain
    warmup = params.warmup_epochs * steps
    rate = keras.optimizers.schedules.CosineDecay(
        0.0 if warmup else params.learning_rate,
        params.epochs * steps - warmup,
        warmup_target=params.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    optimizer = keras.optimizers.Adam(rate)
    if plain.dtype_policy.name == precision.MIXED:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)  # small gradients would be 0 as half floats
    model.compile(
        optimizer=optimizer,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        auto_scale_loss=False,  # Keras looks at the policy of what stands in front
    )
    return model


def weights(labels: packed.Labels, classes: int) -> dict[int, float]:
    """By how much an image of each class counts, so that all classes count the same and the mean over images is 1."""
    counts = np.bincount(labels, minlength=classes)
    return {label: len(labels) / (classes * int(count)) for label, count in enumerate(counts)}


def in_full(trained: Any, images: packed.Images, params: Train) -> Any:
    """The same network with the same weights, that computes with float32: what is exported, wherever it was trained."""
    model = built(images, params, precision.FULL)
    model.set_weights(trained.get_weights())
    return model


if __name__ == "__main__":
    run(main)
