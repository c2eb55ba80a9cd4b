"""`stationmaster init`, on a person's own machine: make a DVC project ready for the bot, and say what is left to do.

    python -P -m trainer.onboarding [--check] [FOLDER]

Exit codes: 0 it can be trained; 1 something is left to do; 2 there is no DVC project here, and nothing was changed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from trainer.code.git import GitError
from trainer.failure import StepError
from trainer.onboarding import additions, by_dvc, history, leaks, params, pipeline, storage
from trainer.onboarding.finding import Finding, State, todo
from trainer.onboarding.worktree import Worktree, open_worktree

READY, LEFT, NO_PROJECT = 0, 1, 2


def main(argv: list[str]) -> int:
    """Look at the project, add what it lacks unless told otherwise, print a line for each finding; the exit code."""
    parser = argparse.ArgumentParser(prog="stationmaster init")
    parser.add_argument("folder", nargs="?", type=Path, default=Path())
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(argv)
    try:
        tree = open_worktree(options.folder.resolve())
    except (GitError, StepError) as error:
        return _refuse(str(error))
    if tree is None:
        return _refuse(f"{options.folder.resolve()} is in no git repository. Go to your project, or begin: `git init`")
    if tree.read(storage.CONFIG) is None:
        return _refuse(f"{tree.root} has no .dvc/config. Begin: `cd {tree.root} && dvc init`")
    left = 0
    for finding in examine(tree, only_check=options.check):
        sentence = finding.sentence.encode("utf-8", "backslashreplace").decode()  # a file's name may be any bytes
        sys.stdout.write(f"{finding.state.value:7}{sentence}\n")
        sys.stdout.flush()
        left += finding.state is State.TODO
    sys.stdout.write(f"\n{_last_word(left)}\n")
    return LEFT if left else READY


def examine(tree: Worktree, *, only_check: bool) -> Iterator[Finding]:
    """Every finding, the quick ones first; what was just added counts as not committed yet."""
    try:
        found = pipeline.read(tree)
    except StepError as error:
        found = None
        yield todo(str(error))
    yield from additions.add(tree, found, only_check=only_check)
    yield from params.check(tree.read(params.FILE) or b"")
    if found is not None:
        yield from pipeline.check(tree, found)
    yield from storage.check(tree)
    yield from leaks.check(tree)
    if found is not None:
        understood = by_dvc.check(tree.root)
        yield understood
        if understood.state is State.OK:
            yield from by_dvc.check_data(tree.root)
    yield from history.check(tree)


def _last_word(left: int) -> str:
    if left:
        return (
            f"{left} {'things are' if left > 1 else 'thing is'} left to do; then look again: stationmaster init --check"
        )
    return "Ready. In Slack: /train <branch> <tag>"


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return NO_PROJECT


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
