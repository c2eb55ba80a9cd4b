"""Where the project's data is, as everybody else will see it: by the .dvc/config that is in git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trainer.data import remote
from trainer.failure import StepError
from trainer.onboarding.finding import Finding, note, ok, todo
from trainer.onboarding.worktree import Worktree

CONFIG = ".dvc/config"


def check(tree: Worktree) -> Iterator[Finding]:
    """The default remote."""
    config = tree.read(CONFIG) or b""
    try:
        found = remote.find(config, None, tree.root / ".dvc")
    except StepError as error:
        yield todo(f"{error}")
        return
    if found.scheme:
        yield ok(f"The data is on the remote `{found.name}`: {found.url}")
        return
    take = "Take a remote that every machine reaches, such as s3://bucket/folder: `dvc remote modify`"
    where = Path(found.url)
    if where.is_relative_to(tree.root.parent) or where.is_relative_to(Path.home()):
        yield todo(f"The remote `{found.name}` is a folder of this machine, {where}. {take}")
    else:
        yield note(
            f"The remote `{found.name}` is a folder, {where}. It must be the same one at each machine that trains."
        )
