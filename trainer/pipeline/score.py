"""Score pictures with a released model: `python -m trainer.pipeline.score apple.jpg [...]`.

This file needs `numpy`, `onnxruntime` and `pillow`, and nothing else of this repository: an application may copy it.

    model = Model.load(Path("models/fruits"))   # the folder with model.config, and the model that it names
    found = model.score(Path("apple.jpg"))      # or a file that is open for reading bytes
    print(found.label, found.probability)
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import onnxruntime
from PIL import Image

CONFIG = "model.config"
FORMAT = 1
"""The newest format of model.config that is understood here."""
MOST_PIXELS = 50_000_000
"""A picture of more is refused before it is decoded: a small file can hold a picture that fills the memory."""

_LAYOUTS = ("NHWC", "NCHW")
_MODES = {"RGB": 3, "L": 1}
"""What Pillow calls the colours of a picture, and how many channels that are."""


class ScoreError(Exception):
    """The model or the picture cannot be used; the message is a sentence for a person and says what to do."""


@dataclass(frozen=True)
class Score:
    """What is most likely on a picture, and how likely (0 to 1)."""

    label: str
    probability: float


@dataclass(frozen=True)
class Input:
    """What the model wants to be fed: `layout` says where the channels are; `resize` is one of Pillow's filters."""

    name: str
    layout: str
    height: int
    width: int
    colours: str
    resize: Image.Resampling
    multiply: float
    add: float

    def batch(self, picture: Image.Image) -> np.ndarray[Any, np.dtype[np.float32]]:
        """A batch of one picture: (1, height, width, channels), or (1, channels, height, width) for NCHW."""
        pixels = picture.convert(self.colours)
        if pixels.size != (self.width, self.height):
            pixels = pixels.resize((self.width, self.height), self.resize)
        array = np.asarray(pixels, dtype=np.float32).reshape(self.height, self.width, _MODES[self.colours])
        array = array * np.float32(self.multiply) + np.float32(self.add)
        return (array.transpose(2, 0, 1) if self.layout == "NCHW" else array)[np.newaxis]


class Model:
    """A model in memory. Threads may share one: scoring changes nothing in it."""

    def __init__(self, session: onnxruntime.InferenceSession, classes: Sequence[str], feed: Input, output: str) -> None:
        self.classes = tuple(classes)
        self._session = session
        self._feed = feed
        self._output = output

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The model that `folder/model.config` describes.

        Raises:
            ScoreError: a file is missing, is broken, or is of a newer format than this program knows.
        """
        config = _read(folder / CONFIG)
        try:
            classes = [str(name) for name in config["classes"]]
            file, output, feed = folder / str(config["model"]), str(config["output"]["name"]), _input(config)
        except (KeyError, TypeError, ValueError) as error:
            raise ScoreError(f"{folder / CONFIG} is not complete ({error!r}). Fetch it again.") from error
        if not file.is_file():
            raise ScoreError(f"{file} is missing, which {CONFIG} names. Fetch it with `dvc pull`.")
        try:
            session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime has a class of its own for each code, with no base among them
            raise ScoreError(f"{file} is no model that onnxruntime can load ({error}). Fetch it again.") from error
        return cls(session, classes, feed, output)

    def probabilities(self, picture: Path | IO[bytes]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """One probability (0 to 1) for each of `classes`, in their order: shape (classes,).

        Raises:
            ScoreError: it is no picture, is cut off, or has more than `MOST_PIXELS`.
        """
        batch = self._batch(picture)
        (scores,) = self._session.run([self._output], {self._feed.name: batch})
        return np.asarray(scores[0], dtype=np.float32)

    def score(self, picture: Path | IO[bytes]) -> Score:
        """The most likely class. Raises `ScoreError` as `probabilities` does."""
        probabilities = self.probabilities(picture)
        best = int(probabilities.argmax())
        return Score(self.classes[best], float(probabilities[best]))

    def _batch(self, picture: Path | IO[bytes]) -> np.ndarray[Any, np.dtype[np.float32]]:
        name = str(picture) if isinstance(picture, Path) else "This"
        try:
            with Image.open(picture) as image:
                if image.width * image.height <= MOST_PIXELS:
                    return self._feed.batch(image)
        except FileNotFoundError:
            raise ScoreError(f"{name} is not there.") from None
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise ScoreError(f"{name} is no picture that can be read. Take a whole JPEG or PNG file.") from error
        raise ScoreError(f"{name} has more than {MOST_PIXELS // 1_000_000} million pixels. Make it smaller first.")


def _read(file: Path) -> Mapping[str, Any]:
    try:
        config: Any = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        raise ScoreError(f"{file} is missing. Fetch the model with `dvc pull train.dvc`, or name its folder.") from None
    except ValueError as error:
        raise ScoreError(f"{file} is no valid JSON ({error}). Fetch it again.") from error
    if not isinstance(config, dict) or not isinstance(config.get("format"), int):
        raise ScoreError(f"{file} does not say its format. Fetch it again.")
    if config["format"] > FORMAT:
        raise ScoreError(
            f"{file} has format {config['format']}, and this program knows formats up to {FORMAT}. "
            "Take the score.py of the commit that the model was released from."
        )
    return config


def _input(config: Mapping[str, Any]) -> Input:
    """The part on the model's input.

    Raises:
        ValueError, KeyError, TypeError: it is not complete, or asks for what is not known here.
    """
    feed, scaling = config["input"], config["scaling"]
    if feed["layout"] not in _LAYOUTS or _MODES.get(feed["colours"]) != feed["channels"]:
        raise ValueError(f"layout {feed['layout']} with {feed['channels']} channels of {feed['colours']}")
    inside = scaling["inside_model"]
    return Input(
        name=str(feed["name"]),
        layout=str(feed["layout"]),
        height=int(feed["height"]),
        width=int(feed["width"]),
        colours=str(feed["colours"]),
        resize=Image.Resampling[str(feed["resize"]).upper()],
        multiply=1.0 if inside else float(scaling["multiply"]),
        add=0.0 if inside else float(scaling["add"]),
    )


def main(argv: list[str] | None = None) -> int:
    """Print a line for each picture: its name, class and probability, with tabs between them.

    Returns 0, or 1 when the model or one of the pictures could not be used; the others are scored all the same.
    """
    parser = argparse.ArgumentParser(prog="score", description="Say what is on pictures, with a released model.")
    parser.add_argument("pictures", nargs="+", type=Path, metavar="IMAGE")
    parser.add_argument("--model", type=Path, default=Path(), metavar="DIR", help=f"the folder of {CONFIG} (this one)")
    options = parser.parse_args(argv)
    status = 0
    try:
        model = Model.load(options.model)
    except ScoreError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    for picture in options.pictures:
        try:
            found = model.score(picture)
        except ScoreError as error:
            sys.stderr.write(f"error: {error}\n")
            status = 1
        else:
            sys.stdout.write(f"{picture}\t{found.label}\t{found.probability:.4f}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
