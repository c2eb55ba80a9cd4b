"""Whether the input pipeline keeps up with the training step, and how it compares with decoding JPEGs in each epoch.

    .venv/bin/python -m tests.benchmarks --only feeding

In one process and in turn, with one network: epochs over the packed images as the stage `train` feeds them, the same
number of steps on one batch that lies in memory, and epochs over `image_dataset_from_directory` as Keras gives it.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

IMAGES = 1024
BATCH = 64
ROUNDS = 5
CLASSES = 8
SIZE = 100
FEW, MANY = 5_000, 50_000
"""Images in the two files whose feeding is compared in memory."""


def measure() -> dict:
    """Medians over the rounds; ratios are taken within a round."""
    with tempfile.TemporaryDirectory(prefix="stationmaster-feeding-") as name:
        folder = Path(name)
        draw(folder)
        return {
            "repeatable": in_a_process("loops", str(folder), "repeatable"),
            "not_repeatable": in_a_process("loops", str(folder), "free"),
            "peak_memory_mb": {
                f"{count}_images": in_a_process("memory", str(folder / str(count)), str(count))["mb"]
                for count in (FEW, MANY)
            },
        }


def draw(folder: Path) -> None:
    """`IMAGES` soft patterns as JPEGs, and the same in packed form."""
    random = np.random.default_rng(1)
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


def in_a_process(*words: str) -> dict:
    """A process of its own each time: what makes TensorFlow repeatable cannot be taken back."""
    command = [sys.executable, "-m", "tests.benchmarks.feeding", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def loops(folder: Path, *, repeatable: bool) -> dict:
    from trainer.pipeline import backend, feed, network, packed  # noqa: PLC0415 - TensorFlow, in this process alone

    if repeatable:
        backend.repeatable(1)
    tf, keras = backend.tf, backend.keras
    images = packed.load("training", folder)
    model = network.build(SIZE, 3, CLASSES, filters=16, dropout=0.2)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.make_train_function()
    plain = keras.utils.image_dataset_from_directory(
        folder / "jpegs", image_size=(SIZE, SIZE), batch_size=BATCH, seed=1, verbose=False
    )
    held = (tf.constant(images.pixels[:BATCH]), tf.constant(images.labels[:BATCH]))

    def endless() -> Iterator:
        """As in one long training."""
        return iter(feed.shuffled(images, np.arange(IMAGES), BATCH, 1, range(10**6)))

    packed_images = endless()
    sources = {
        "packed": lambda: packed_images,
        "cached": lambda: iter(tf.data.Dataset.from_tensors(held).repeat()),
        "plain": lambda: iter(plain),
    }

    def train(name: str) -> None:
        source = sources[name]()
        for _ in range(IMAGES // BATCH):
            model.train_function(source)

    def read(name: str) -> None:
        source = sources[name]()
        for _ in range(IMAGES // BATCH):
            next(source)

    trained = in_turn(train, ("packed", "cached", "plain"))
    packed_images = endless()  # nothing of it was prepared while the network was busy
    return {
        "training": compared(trained),
        "input_alone": compared(in_turn(read, ("packed", "plain"))),
    }


def in_turn(act, names: tuple[str, ...]) -> dict[str, list[tuple[float, float]]]:
    """Seconds of each, by the wall and of the processors; the first turn warms up and is not counted."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
    for turn in range(ROUNDS + 1):
        for name in names:
            began = time.perf_counter(), time.process_time()
            act(name)
            if turn:
                seconds[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return seconds


def compared(seconds: dict[str, list[tuple[float, float]]]) -> dict:
    """Images a second, and how many `packed` sees for one of each other source: medians of the turns' ratios.

    By the wall is what a person waits; by the processors is what a machine with other work to do can still tell.
    """
    answer: dict = {"images_per_second": {name: rate(turns) for name, turns in seconds.items()}}
    for name in sorted(seconds.keys() - {"packed"}):
        pairs = list(zip(seconds[name], seconds["packed"], strict=True))
        by_clock = [median(other[clock] / ours[clock] for other, ours in pairs) for clock in (0, 1)]
        answer[f"packed_over_{name}"] = {"by_wall": round(by_clock[0], 3), "by_processor": round(by_clock[1], 3)}
    return answer


def rate(turns: list[tuple[float, float]]) -> int:
    return round(IMAGES / median(wall for wall, _ in turns))


def memory(folder: Path, count: int) -> dict:
    """The most memory that an epoch of feeding takes, over a file of `count` images that takes no room on the disk."""
    from trainer.pipeline import feed, packed  # noqa: PLC0415 - TensorFlow, in this process alone

    folder.mkdir()
    write_packed(folder, np.empty((0, SIZE, SIZE, 3), np.uint8))
    np.save(folder / "training_labels.npy", np.zeros(count, np.int32))
    path = packed.images_file("training", folder)
    path.unlink()
    np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, SIZE, SIZE, 3)).flush()
    for _ in feed.shuffled(packed.load("training", folder), np.arange(count), BATCH, 1, range(1)):
        pass
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return {"mb": round(int(peak.split()[1]) / 1024)}


if __name__ == "__main__":
    what, where, how = sys.argv[1:]
    if what == "memory":
        print(json.dumps(memory(Path(where), int(how))))
    else:
        print(json.dumps(loops(Path(where), repeatable=how == "repeatable")))
