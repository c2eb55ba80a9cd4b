"""What a training that was interrupted goes on from: everything that its next epoch depends on.

Stationmaster names a folder in the environment that outlives the stage and belongs to this commit, these parameters
and this data alone; without one nothing is kept. The file is replaced whole after each epoch. Keras's own
`BackupAndRestore` forgets the state of dropout and augmentation, of early stopping and of the learning curve, so what
it continues is not what would have been.
"""

from __future__ import annotations

import json
import os
import signal
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trainer.pipeline.backend import keras, tf
from trainer.pipeline.stage import say
from trainer.pipeline.stopping import Stopping

VARIABLE = "STATIONMASTER_CHECKPOINTS"
FILE = "training.npz"

History = list[dict[str, float]]


@dataclass
class Progress:
    """A training on its way: the compiled model, its early stopping, and what each finished epoch logged."""

    model: Any
    stopping: Stopping
    history: History = field(default_factory=list)

    @property
    def variables(self) -> list[Any]:
        """Weights, statistics, the state of each random layer, and the optimizer's; always in the same order."""
        measured = {id(variable) for metric in self.model.metrics for variable in metric.variables}
        own = [variable for variable in self.model.variables if id(variable) not in measured]
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        return own + list(self.model.optimizer.variables)


class Checkpoint:
    """The file in `folder`; None keeps nothing. A file that was written for another `key` is as good as none."""

    def __init__(self, folder: Path | None, key: str) -> None:
        self._path = folder / FILE if folder else None
        self._key = f"{key} keras {keras.__version__} tensorflow {tf.__version__}"

    @classmethod
    def named(cls, key: str) -> Checkpoint:
        """The one whose folder the environment names."""
        folder = os.environ.get(VARIABLE)
        return cls(Path(folder) if folder else None, key)

    def save(self, progress: Progress) -> None:
        """Replace the file; a request to end the process that comes meanwhile is obeyed afterwards."""
        if not self._path:
            return
        stopping = progress.stopping
        note = {
            "key": self._key,
            "history": progress.history,
            "best": [stopping.best, stopping.best_epoch, stopping.over],
        }
        arrays = {
            "note": np.frombuffer(json.dumps(note).encode(), np.uint8),
            **_named("variable", [variable.numpy() for variable in progress.variables]),
            **_named("weight", stopping.weights),
        }
        with _undisturbed():
            try:
                _write(self._path, arrays)
            except OSError as error:  # a full disk; the training itself may well come to its end
                say(f"This epoch could not be kept for the case of an interruption ({error}). The training goes on.")

    def restore(self, progress: Progress) -> None:
        """Bring `progress` to where the file's training was; without a fitting file it stays as it is."""
        found = self._read()
        if found is None:
            return
        note, arrays = found
        variables = progress.variables
        for place, variable in enumerate(variables):
            variable.assign(arrays[f"variable{place}"])
        progress.history = note["history"]
        stopping = progress.stopping
        stopping.best, stopping.best_epoch, stopping.over = note["best"]
        stopping.weights = [arrays[f"weight{place}"] for place in range(len(arrays) - len(variables) - 1)]

    def _read(self) -> tuple[dict[str, Any], dict[str, Any]] | None:
        if not self._path:
            return None
        try:
            with self._path.open("rb") as raw, np.load(raw) as file:
                arrays = dict(file)
            note = json.loads(arrays["note"].tobytes())
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            return None
        return (note, arrays) if note.get("key") == self._key else None


class Keep(keras.callbacks.Callback):  # type: ignore[misc]  # Keras has no types
    """Saves after each epoch; must be the last callback, so that what the others remember is complete."""

    def __init__(self, checkpoint: Checkpoint, progress: Progress) -> None:
        super().__init__()
        self._checkpoint = checkpoint
        self._progress = progress

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """See `keras.callbacks.Callback`."""
        del epoch
        self._progress.history.append({name: float(value) for name, value in (logs or {}).items()})
        self._checkpoint.save(self._progress)


def _write(path: Path, arrays: dict[str, Any]) -> None:
    """A reader sees the old file or the new one, whenever the power goes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    try:
        with fresh.open("wb") as file:
            np.savez(file, **arrays)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    asked: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
    if asked:
        signal.raise_signal(signal.SIGTERM)


def _named(name: str, arrays: Sequence[Any]) -> dict[str, Any]:
    return {f"{name}{place}": array for place, array in enumerate(arrays)}
