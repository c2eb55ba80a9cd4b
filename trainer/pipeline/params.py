"""`params.yaml`, read and checked: each stage asks for its own section and gets a frozen record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from trainer.pipeline.stage import StageError

FILE = Path("params.yaml")


def _within(low: float, high: float = math.inf) -> Any:
    """A field whose value lies in `low` .. `high`, both included."""
    return field(metadata={"low": low, "high": high})


def _yes_or_no() -> Any:
    """A field that is `true` or `false`."""
    return field()


def _one_of(*words: str) -> Any:
    """A field whose value is one of `words`."""
    return field(metadata={"words": words})


@dataclass(frozen=True)
class Section:
    """A section of `params.yaml`: every field is a key, and every key a field."""

    name: ClassVar[str]

    @classmethod
    def read(cls, path: Path = FILE) -> Self:
        """The section as it stands in `path`.

        Raises:
            StageError: the file or the section is missing, or a key is missing, unknown, of another type, or out of
                its range.
        """
        section = _section(path, cls.name)
        known = {item.name: item for item in fields(cls)}
        if unknown := sorted(section.keys() - known.keys()):
            names = ", ".join(known)
            raise StageError(f"{path}: `{cls.name}.{unknown[0]}` is no known key. Known are: {names}.")
        return cls(**{key: _value(section, item, f"{path}: `{cls.name}.{key}`") for key, item in known.items()})


@dataclass(frozen=True)
class Prepare(Section):
    """How the images are packed."""

    name: ClassVar[str] = "prepare"
    image_size: int = _within(16, 1024)
    """Height and width in pixels; an image of another size is resized to it."""
    images_per_class: int = _within(0)
    """Of each class the first ones by name, in both parts; 0 takes all."""


@dataclass(frozen=True)
class Train(Section):
    """How the network is trained."""

    name: ClassVar[str] = "train"
    seed: int = _within(0, 2**31 - 1)
    epochs: int = _within(1)
    batch_size: int = _within(1)
    learning_rate: float = _within(1e-9, 10)
    filters: int = _within(1)
    """Of the first convolution; each later one has twice as many as the one before."""
    dropout: float = _within(0, 0.95)
    validation_share: float = _within(0.01, 0.9)
    """The share of each class's training images that is held out to watch the training."""
    warmup_epochs: int = _within(0)
    """Epochs in which the learning rate rises from 0 before it falls."""
    patience: int = _within(0)
    """Epochs without a better validation loss after which the training ends, with the best weights; 0 never does."""
    augment: bool = _yes_or_no()
    """Whether the training sees flipped, shifted, turned, lighter and darker images."""
    class_weights: bool = _yes_or_no()
    """Whether a class with few images counts as much as one with many."""
    mixed_precision: str = _one_of("auto", "off")
    """`auto` computes with half floats on GPUs that are made for it; never on a CPU."""

    def __post_init__(self) -> None:
        if self.warmup_epochs >= self.epochs:
            raise StageError(
                f"`train.warmup_epochs` must be less than `train.epochs` ({self.epochs}), not {self.warmup_epochs}."
            )


@dataclass(frozen=True)
class Export(Section):
    """What the exported model must hold to."""

    name: ClassVar[str] = "export"
    max_difference: float = _within(0, 1)
    """The largest difference of a probability between ONNX and Keras that is accepted."""


def _section(path: Path, name: str) -> Mapping[str, Any]:
    try:
        document = YAML(typ="safe").load(path)
    except FileNotFoundError:
        raise StageError(f"{path} is missing. Run the stage from the project's root folder.") from None
    except YAMLError as error:
        raise StageError(f"{path} is no valid YAML: {' '.join(str(error).split())}") from error
    section = document.get(name) if isinstance(document, dict) else None
    if not isinstance(section, dict):
        raise StageError(f"{path} has no section `{name}:`.")
    return section


def _value(section: Mapping[str, Any], item: Field[Any], label: str) -> bool | float | str:
    value = section.get(item.name)
    if value is None:
        raise StageError(f"{label} is missing.")
    if item.type == "bool":
        if not isinstance(value, bool):
            raise StageError(f"{label} must be `true` or `false`, not {value!r}.")
        return value
    if item.type == "str":
        if value not in item.metadata["words"]:
            raise StageError(f"{label} must be one of {', '.join(item.metadata['words'])}, not {value!r}.")
        return str(value)
    return _number(value, item, label)


def _number(value: Any, item: Field[Any], label: str) -> int | float:
    whole = item.type == "int"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        raise StageError(f"{label} must be a {'whole ' * whole}number, not {value!r}.")
    low, high = item.metadata["low"], item.metadata["high"]
    if not low <= value <= high:
        bounds = f"at least {low:g}" if high == math.inf else f"from {low:g} to {high:g}"
        raise StageError(f"{label} must be {bounds}, not {value!r}.")
    return int(value) if whole else float(value)
