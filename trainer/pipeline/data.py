"""The stage `prepare`: decode every image once and write the packed form (see `packed`).

The folder has the layout of Fruits-360: `Training/<class>/*.jpg` and `Test/<class>/*.jpg`. Nothing here imports
TensorFlow. Memory stays small however many images there are: each worker writes its rows straight into the file.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import starmap
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap
from PIL import Image

from trainer.pipeline import packed
from trainer.pipeline.params import Prepare
from trainer.pipeline.stage import StageError, run, say

SOURCE = Path("data/fruits-360")
FOLDERS: dict[packed.Part, str] = {"training": "Training", "test": "Test"}
SUFFIXES = (".jpg", ".jpeg", ".png")
CHUNK = 256
"""Images that a worker decodes at a time: 8 MB at 100 x 100."""
POOL_FROM = 8
"""Chunks from which on more processes are worth their start."""


@dataclass(frozen=True)
class Listing:
    """The images of one part in their final order (by class, then by file name), and their labels."""

    files: tuple[Path, ...]
    labels: tuple[int, ...]


def main() -> None:
    """Pack `data/fruits-360` into `data/packed`."""
    wanted = Prepare.read()
    classes = class_names(SOURCE)
    for part, folder in FOLDERS.items():
        listing = list_images(SOURCE / folder, classes, most=wanted.images_per_class)
        pack(listing, part, wanted.image_size, packed.FOLDER)
        say(f"{folder}: {len(listing.files)} images of {len(classes)} classes")
    (packed.FOLDER / "classes.json").write_text(json.dumps(classes, ensure_ascii=False, indent=1) + "\n", "utf-8")


def class_names(source: Path) -> list[str]:
    """The classes, sorted; they are the folders in `Training`, and `Test` must have the same.

    Raises:
        StageError: a folder is missing, or a class is on one side only.
    """
    training, test = (_subfolders(source / folder) for folder in FOLDERS.values())
    if missing := sorted(training - test):
        raise StageError(f"{source / 'Test'} has no folder for the class {_names(missing)}.")
    if missing := sorted(test - training):
        raise StageError(f"{source / 'Training'} has no folder for the class {_names(missing)}.")
    if len(training) < 2:  # noqa: PLR2004 - one class leaves nothing to tell apart
        raise StageError(f"{source / 'Training'} has {len(training)} classes; at least 2 are needed.")
    return sorted(training)


def list_images(folder: Path, classes: Sequence[str], *, most: int = 0) -> Listing:
    """Every image in `folder/<class>`, in the order of `classes` and then of the file names; at most `most` of a class.

    0 takes all.

    Raises:
        StageError: a class has no image.
    """
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(path for path in (folder / name).iterdir() if path.suffix.lower() in SUFFIXES)
        if not found:
            raise StageError(f"{folder / name} has no images ({', '.join(SUFFIXES)}).")
        kept = found[: most or None]
        files += kept
        labels += [label] * len(kept)
    return Listing(files=tuple(files), labels=tuple(labels))


def pack(listing: Listing, part: packed.Part, size: int, folder: Path, *, chunk: int = CHUNK) -> None:
    """Write the images of one part, resized to `size` x `size`, and their labels into `folder`.

    Raises:
        StageError: an image cannot be read; the sentence has its path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    np.save(packed.labels_file(part, folder), np.asarray(listing.labels, dtype=np.int32))
    target = packed.images_file(part, folder)
    shape = (len(listing.files), size, size, packed.CHANNELS)
    open_memmap(target, mode="w+", dtype=np.uint8, shape=shape).flush()
    jobs = [(target, start, listing.files[start : start + chunk]) for start in range(0, shape[0], chunk)]
    for _ in _everywhere(jobs):
        pass


def decode(path: Path, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """One image as RGB, (size, size, 3).

    Raises:
        StageError: the file is no image, or is cut off.
    """
    try:
        with Image.open(path) as image:
            pixels = image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise StageError(f"{path} is no readable image ({error}). Replace or remove it.") from error
    if pixels.size != (size, size):
        pixels = pixels.resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(pixels)


def _write_chunk(target: Path, start: int, files: Sequence[Path]) -> None:
    rows = open_memmap(target, mode="r+")
    for row, path in enumerate(files, start):
        rows[row] = decode(path, rows.shape[1])


def _everywhere(jobs: Sequence[tuple[Path, int, Sequence[Path]]]) -> Iterator[None]:
    """Do the jobs on all processors, or a few of them in this process; the first error ends it."""
    if len(jobs) < POOL_FROM:
        yield from starmap(_write_chunk, jobs)
        return
    # "spawn": numpy has threads by now, and a fork would copy their locks as they happen to stand.
    with ProcessPoolExecutor(_processors(), multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(_write_chunk, *zip(*jobs, strict=True))


def _processors() -> int:
    """Processors this process may use; a container often has fewer than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _subfolders(folder: Path) -> set[str]:
    if not folder.is_dir():
        raise StageError(f"{folder} is missing. Get the images with `dvc pull {SOURCE}.dvc`.")
    return {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}


def _names(classes: Iterable[str]) -> str:
    names = [f"`{name}`" for name in classes]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")  # noqa: PLR2004 - as cut


if __name__ == "__main__":
    run(main)
