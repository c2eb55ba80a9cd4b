"""The demo project's images: drawn here, or copied from a folder in the layout of Fruits-360."""

from __future__ import annotations

import shutil
from pathlib import Path

from bot.errors import UserError

PARTS = ("Training", "Test")
SUFFIXES = (".jpg", ".jpeg", ".png")
FEWEST_CLASSES = 2
NAMED = 3
"""How many of several missing things a sentence names."""


def check(source: Path) -> int:
    """How many images `source` has in `Training/<class>/` and `Test/<class>/`.

    Raises:
        UserError: it has another layout, a class on one side only, or a class without images.
    """
    if not source.is_dir():
        raise UserError(f"There is no folder {source} (--data).")
    for part in PARTS:
        if not (source / part).is_dir():
            raise UserError(
                f"{source} has no folder `{part}`. --data takes a folder in the layout of Fruits-360: "
                "`Training/<class>/*.jpg` and `Test/<class>/*.jpg`."
            )
    training, test = (_classes(source / part) for part in PARTS)
    if only := sorted(training ^ test):
        where = "Training" if only[0] in training else "Test"
        raise UserError(f"{source}: the class {_some(only)} is in `{where}` only. Each class needs images in both.")
    if len(training) < FEWEST_CLASSES:
        raise UserError(f"{source / 'Training'} has {len(training)} classes; at least {FEWEST_CLASSES} are needed.")
    counts = {f"{part}/{name}": len(images(source / part / name)) for part in PARTS for name in sorted(training)}
    if empty := [folder for folder, count in counts.items() if count == 0]:
        raise UserError(f"{source}: no images in {_some(empty)}. Expected are files such as {', '.join(SUFFIXES)}.")
    return sum(counts.values())


def copy(source: Path, target: Path) -> None:
    """Copy the images of `source`, and what stands beside them on its top level (such as a licence), to `target`."""
    target.mkdir(parents=True)
    for file in source.iterdir():
        if file.is_file() and not file.name.startswith("."):
            shutil.copyfile(file, target / file.name)
    for part in PARTS:
        for name in sorted(_classes(source / part)):
            folder = target / part / name
            folder.mkdir(parents=True)
            for image in images(source / part / name):
                shutil.copyfile(image, folder / image.name)


def images(folder: Path) -> list[Path]:
    """The image files of one class, sorted."""
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())


def _classes(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}


def _some(names: list[str]) -> str:
    quoted = [f"`{name}`" for name in names]
    return ", ".join(quoted[:NAMED]) + (f" and {len(quoted) - NAMED} more" if len(quoted) > NAMED else "")
