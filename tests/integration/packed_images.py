"""The packed form of some coloured noise: three classes that a network of a few filters tells apart in a few epochs."""

import json
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
SIZE = 24
CLASSES = ("a", "b", "c")


def pack(folder: Path, count: int = 72) -> None:
    """Write both parts into `folder`; the test part has a third of `count` images."""
    random = np.random.default_rng(7)
    folder.mkdir(parents=True)
    for part, images in (("training", count), ("test", count // 3)):
        labels = np.arange(images, dtype=np.int32) % len(CLASSES)
        pixels = random.integers(0, 128, (images, SIZE, SIZE, 3)).astype(np.uint8)
        pixels[..., 0] += (40 * labels[:, None, None]).astype(np.uint8)
        np.save(folder / f"{part}_images.npy", pixels)
        np.save(folder / f"{part}_labels.npy", labels)
    (folder / "classes.json").write_text(json.dumps(CLASSES))


def project(folder: Path, **train: object) -> Path:
    """A folder that the stages after `prepare` run in, with other values in the section `train`."""
    pack(folder / "data/packed")
    yaml = YAML()
    params = yaml.load(ROOT / "params.yaml")
    params["train"] |= train
    yaml.dump(params, folder / "params.yaml")
    return folder
