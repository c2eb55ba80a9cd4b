"""Whether the input pipeline keeps up with the training step, and how an epoch compares with decoding JPEGs in each.

    .venv/bin/python -m tests.benchmarks --only feeding

In turn, each in a process of its own with the same network and batch:

- `stage`: epochs as the stage `train` feeds them, and as many steps on one batch that lies in memory.
- `plain`: what one writes without the stage, with the defaults of TensorFlow and Keras: `model.fit` over
  `image_dataset_from_directory`.
- both again without a network, to know what reading costs.
"""

import json
import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from tests.benchmarks import turns

ROOT = Path(__file__).parents[2]
IMAGES = 2048
BATCH = 32
"""Keras's default."""
STEPS = IMAGES // BATCH
ROUNDS = 9
CLASSES = 8
SIZE = 100
SEED = 1
FEW, MANY = 5_000, 50_000
"""Images in the two files whose feeding is compared in memory."""
# ruff: noqa: PLC0415 - TensorFlow is imported in the workers alone


def measure() -> dict:
    with tempfile.TemporaryDirectory(prefix="stationmaster-feeding-") as name:
        folder = Path(name)
        draw(folder)
        pieces = {"stage": ("epoch", "cached"), "plain": ("epoch",)}
        reading = {f"{name}_reading": ("epoch",) for name in pieces}
        workers = {
            name: turns.Worker(__name__, (name, str(folder)), piece) for name, piece in {**pieces, **reading}.items()
        }
        memory = turns.in_turn(workers, ROUNDS)
        growth = {f"{count}_images": fed(folder / str(count), count) for count in (FEW, MANY)}
        seconds = {name: worker.seconds for name, worker in workers.items()}
        return {**told(seconds), "peak_memory_mb": memory, "peak_memory_mb_of_feeding": growth}


def told(seconds: dict[str, dict[str, turns.Times]]) -> dict:
    """Images a second, how many times longer the others take than the stage's epoch, and the costs of an image."""
    epoch, cached = seconds["stage"]["epoch"], seconds["stage"]["cached"]
    plain, read, decoded = (seconds[name]["epoch"] for name in ("plain", "stage_reading", "plain_reading"))
    costs = {"step": each(cached), "reading": each(read), "decoding": each(decoded)}
    return {
        "images_per_second": {
            name: round(IMAGES / median(wall for wall, _ in times))
            for name, times in (("stage", epoch), ("cached", cached), ("plain", plain))
        },
        "plain_over_stage": turns.ratios(epoch, plain),
        "stage_over_cached": turns.ratios(cached, epoch),
        "decoding_over_reading": turns.ratios(read, decoded),
        "microseconds_of_the_processors_per_image": {
            **costs,
            # decoding + step = 3 (reading + step)
            "step_at_which_plain_would_take_3_times_as_long": round((costs["decoding"] - 3 * costs["reading"]) / 2),
        },
    }


def each(times: turns.Times) -> int:
    """Microseconds of the processors for an image."""
    return round(median(processor for _, processor in times) / IMAGES * 1e6)


def draw(folder: Path) -> None:
    """`IMAGES` soft patterns as JPEGs, and the same in packed form."""
    random = np.random.default_rng(SEED)
    pixels = np.empty((IMAGES, SIZE, SIZE, 3), np.uint8)
    for number in range(IMAGES):
        coarse = Image.fromarray(random.integers(0, 255, (12, 12, 3)).astype(np.uint8))
        path = folder / "jpegs" / str(number % CLASSES) / f"{number}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC).save(path, quality=90)
        pixels[number] = np.asarray(Image.open(path))
    write_packed(folder, pixels)


def write_packed(folder: Path, pixels: np.ndarray) -> None:
    np.save(folder / "training_images.npy", pixels)
    np.save(folder / "training_labels.npy", np.arange(len(pixels), dtype=np.int32) % CLASSES)
    (folder / "classes.json").write_text(json.dumps([str(label) for label in range(CLASSES)]))


def fed(folder: Path, count: int) -> float:
    """The most memory, in MB, that an epoch of feeding takes, over `count` images that take no room on the disk."""
    from trainer.pipeline import packed

    folder.mkdir()
    write_packed(folder, np.empty((0, SIZE, SIZE, 3), np.uint8))
    np.save(folder / "training_labels.npy", np.zeros(count, np.int32))
    path = packed.images_file("training", folder)
    path.unlink()
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, SIZE, SIZE, 3)).flush()
    return turns.Worker(__name__, ("memory", str(folder)), ()).end()


def stage(folder: Path) -> None:
    """One `fit` whose epochs are fed and from memory by turns, so that nothing else differs between the two."""
    from trainer.pipeline import backend, feed, fit, packed
    from trainer.pipeline.params import Train

    params = replace(Train.read(ROOT / "params.yaml"), batch_size=BATCH)
    backend.repeatable(params.seed)
    images = packed.load("training", folder)
    model = fit.compiled(fit.built(images, params, "float32"), params, STEPS)
    rows, epochs = np.arange(IMAGES), ROUNDS + 1
    fed = feed.shuffled(images, rows, BATCH, params.seed, range(epochs))
    data = backend.tf.data.Dataset
    held = data.from_tensors((images.pixels[:BATCH], images.labels[:BATCH])).repeat()
    turn = data.range(2 * epochs * STEPS).map(lambda step: step // STEPS % 2)
    model.fit(
        data.choose_from_datasets([fed, held], turn),
        epochs=2 * epochs,
        steps_per_epoch=STEPS,
        callbacks=[one_turn_an_epoch(backend.keras)],
        shuffle=False,
        verbose=0,
    )


def plain(folder: Path) -> None:
    """Keras as it comes: it has started, with its own settings, before anything of ours is imported."""
    import keras

    images = decoded(folder)
    model = as_it_comes()
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, epochs=ROUNDS + 1, callbacks=[one_turn_an_epoch(keras)], verbose=0)


def as_it_comes():
    """The same network."""
    from trainer.pipeline import network
    from trainer.pipeline.params import Train

    params = Train.read(ROOT / "params.yaml")
    return network.build(SIZE, 3, CLASSES, filters=params.filters, dropout=params.dropout)


def decoded(folder: Path):
    import keras

    return keras.utils.image_dataset_from_directory(folder / "jpegs", image_size=(SIZE, SIZE), verbose=False)


def one_turn_an_epoch(keras):
    """A callback that lets each epoch begin when it is asked for."""

    began = []
    return keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda *_: began.append(turns.begin()), on_epoch_end=lambda *_: turns.done(began.pop())
    )


def stage_reading(folder: Path) -> None:
    from trainer.pipeline import feed, packed

    batches = iter(feed.shuffled(packed.load("training", folder), np.arange(IMAGES), BATCH, SEED, range(ROUNDS + 1)))
    read(lambda: (next(batches) for _ in range(STEPS)))


def plain_reading(folder: Path) -> None:
    images = decoded(folder)
    read(partial(iter, images))


def read(epoch) -> None:
    for _ in range(ROUNDS + 1):
        began = turns.begin()
        for _ in epoch():
            pass
        turns.done(began)


def memory(folder: Path) -> None:
    from trainer.pipeline import feed, packed

    images = packed.load("training", folder)
    for _ in feed.shuffled(images, np.arange(len(images.labels)), BATCH, SEED, range(1)):
        pass


WORK = {
    "stage": stage,
    "plain": plain,
    "stage_reading": stage_reading,
    "plain_reading": plain_reading,
    "memory": memory,
}

if __name__ == "__main__":
    with turns.telling_memory():
        WORK[sys.argv[1]](Path(sys.argv[2]))
