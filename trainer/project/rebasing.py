"""Whether a result is still right on a branch that moved: only when nothing would run there, as DVC itself says."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from trainer.data.objects import Cache
from trainer.failure import StepError
from trainer.project import results, scratch_repo
from trainer.project.commit import Project, load


def onto(tip: str, base: Project, files: Mapping[str, bytes], scratch: Path, cache: Cache) -> str | None:
    """The id of `tip`'s tree with our files; None when somebody changed one of them, or a stage would run there."""
    try:
        theirs = load(base.mirror, tip)
    except StepError:
        return None
    if any(base.entries.get(path) != theirs.entries.get(path) for path in files):
        return None
    tree = results.tree_with(theirs, dict(files), scratch)
    folder = scratch / "rebased"
    shutil.rmtree(folder, ignore_errors=True)
    scratch_repo.check_out(base.mirror, tree, folder, cache=cache.root)
    return tree if not scratch_repo.would_run(folder) else None
