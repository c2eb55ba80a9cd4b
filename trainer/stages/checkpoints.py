"""Folders that outlive an interrupted stage, so that its next try need not begin anew.

A stage finds its own in the variable `STATIONMASTER_CHECKPOINTS` and may write there whatever it needs to go on: after
a power cut, a spot notice, a cancel. The folder's name is a digest of the project, the commit, params.yaml as it
stands (what `--set` and a smoke test change is in it), the stage, its command and the content of its dependencies; so
nobody else ever finds it. It goes when the stage has succeeded. Standard library only.

They lie in the workspace under `.dvc/tmp`: the one folder that the training's container may write, that git and DVC
leave alone, and that no checkout clears.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from trainer.parameters import FILE as PARAMETERS

VARIABLE = "STATIONMASTER_CHECKPOINTS"
FOLDER = Path(".dvc/tmp/checkpoints")
MAX_AGE = 14 * 24 * 3600.0
"""Seconds after its last change that a folder is kept."""
MAX_COUNT = 8
MAX_BYTES = 20_000_000_000
"""Of all of them; the oldest go first."""


class Checkpoints:
    """Those of one workspace. `identity` are the project and the commit that the stages belong to."""

    def __init__(self, repo: Path, identity: Sequence[str]) -> None:
        self._repo = repo
        self._identity = identity

    @contextmanager
    def of(self, stage: str, command: str, dependencies: Mapping[str, str]) -> Iterator[None]:
        """Name the stage's folder in the environment meanwhile; a stage that succeeds has no use for it any more.

        `dependencies` are paths with a digest of what is there.
        """
        folder = self._repo / FOLDER / self._name(stage, command, dependencies)
        folder.mkdir(parents=True, exist_ok=True)
        os.environ[VARIABLE] = str(folder.resolve())
        try:
            yield
        finally:
            del os.environ[VARIABLE]
        shutil.rmtree(folder, ignore_errors=True)

    def tidy(self, now: float | None = None) -> None:
        """Remove what is too old, and of the rest the oldest while there is too much. `now`: seconds since 1970."""
        above = self._repo / FOLDER
        if above.is_symlink():
            above.unlink()
        now = time.time() if now is None else now
        taken = 0
        found = sorted(((*_age_and_size(path, now), path) for path in above.glob("*")), key=lambda each: each[0])
        for place, (age, size, path) in enumerate(found):
            taken += size
            if age > MAX_AGE or place >= MAX_COUNT or taken > MAX_BYTES or not size:
                shutil.rmtree(path, ignore_errors=True)

    def _name(self, stage: str, command: str, dependencies: Mapping[str, str]) -> str:
        try:
            parameters = hashlib.sha256((self._repo / PARAMETERS).read_bytes()).hexdigest()
        except OSError:
            parameters = ""
        belongs_to = [*self._identity, parameters, stage, command, sorted(dependencies.items())]
        return hashlib.sha256(json.dumps(belongs_to).encode()).hexdigest()[:32]


def _age_and_size(folder: Path, now: float) -> tuple[float, int]:
    """Seconds since anything in it was changed, and its bytes."""
    changed, size = 0.0, 0
    for path in (folder, *folder.rglob("*")):
        found = path.lstat()
        changed = max(changed, found.st_mtime)
        size += 0 if path.is_dir() else found.st_size
    return now - changed, size
