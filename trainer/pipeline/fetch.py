"""Bring the public Fruits-360 images into the project and put them under DVC: `python -m trainer.pipeline.fetch`.

About 140,000 images of 100 x 100 pixels by now, under CC BY-SA 4.0. They come through git, some thousand files at a
time; what has arrived is kept, so an interrupted call goes on where it was, with the commit that it began with.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from trainer.pipeline.data import FOLDERS, SOURCE, class_names, list_images
from trainer.pipeline.stage import StageError, run, say

PUBLIC = "https://github.com/fruits-360/fruits-360-100x100.git"
KEPT = Path(".dvc/tmp/fruits-360.git")
"""What has arrived, until all of it has; git and DVC leave the folder alone."""
BATCH = 4000
"""Files that are asked for at once: some 20 MB."""
BESIDE = ("LICENSE", "README.md")
"""What comes along with the images, where it is there."""
_PINNED = "refs/heads/wanted"


class Fetch:
    """One repository in the layout of Fruits-360, on its way into `target`."""

    def __init__(self, source: str, target: Path, kept: Path = KEPT) -> None:
        self._source = source
        self._target = target
        self._kept = kept

    @property
    def begun(self) -> bool:
        """Whether an earlier call was interrupted."""
        return self._kept.exists()

    def open(self) -> None:
        """Know the list of the files; a list that is there stays, whatever this source has become since.

        Raises:
            StageError: the source cannot be reached.
        """
        if self.begun and self._git("config", "--default", "", "--get", "remote.origin.url").strip() != self._source:
            self.forget()
        if not self.begun:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            _run("git", "init", "--quiet", "--bare", str(self._kept))
        self._git("config", "remote.origin.url", self._source)
        self._git("config", "remote.origin.promisor", "true")
        self._git("config", "remote.origin.partialclonefilter", "blob:none")
        if not self._git("for-each-ref", _PINNED):
            self._ask("--depth=1", "--filter=blob:none", "--", "origin", f"+HEAD:{_PINNED}")

    def files(self) -> list[str]:
        """The paths of all images."""
        return self._git("ls-tree", "-r", "-z", "--name-only", _PINNED, "--", *FOLDERS.values()).split("\0")[:-1]

    def missing(self) -> list[str]:
        """The git ids of what has not arrived yet."""
        wanted = (*FOLDERS.values(), *BESIDE)
        listed = self._git("rev-list", "--objects", "--missing=print", _PINNED, "--", *wanted)
        return sorted(line[1:] for line in listed.splitlines() if line.startswith("?"))

    def bring(self, ids: Sequence[str]) -> None:
        """Have these arrive.

        Raises:
            StageError: the source cannot be reached.
        """
        options = ("--no-tags", "--no-write-fetch-head", "--filter=blob:none", "--stdin")
        self._ask(*options, "--", "origin", lines="".join(f"{each}\n" for each in ids))

    def write(self) -> None:
        """Write the files to the target."""
        self._target.mkdir(parents=True, exist_ok=True)
        there = set(self._git("ls-tree", "--name-only", _PINNED).splitlines())
        wanted = [name for name in (*FOLDERS.values(), *BESIDE) if name in there]
        self._git(f"--work-tree={self._target.resolve()}", "checkout", "--force", _PINNED, "--", *wanted)

    def forget(self) -> None:
        """All is there."""
        shutil.rmtree(self._kept)

    def _ask(self, *words: str, lines: str = "") -> None:
        # Without "noop" git would first try to tell the source what is here already.
        try:
            self._git("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", *words, stdin=lines)
        except StageError as error:
            raise StageError(
                f"{self._source} could not be fetched ({error}). Check the network, then run this again: what has "
                f"arrived is kept."
            ) from None

    def _git(self, *words: str, stdin: str = "") -> str:
        return _run("git", f"--git-dir={self._kept}", *words, stdin=stdin)


def main() -> None:
    """Fetch, check, and `dvc add`.

    Raises:
        StageError: it cannot be done; the sentence says what to do.
    """
    parser = argparse.ArgumentParser(prog="python -m trainer.pipeline.fetch", description=__doc__.partition("\n")[0])
    parser.add_argument("--source", default=PUBLIC, help=f"a git repository in the layout of Fruits-360 ({PUBLIC})")
    fetch(parser.parse_args().source)


def fetch(source: str, target: Path = SOURCE) -> None:
    """Have the images of `source` in `target`, known to DVC.

    Raises:
        StageError: see `main`.
    """
    if not Path(".dvc").is_dir():
        raise StageError("There is no .dvc here. Run this in the root folder of a DVC project (`dvc init` makes one).")
    work = Fetch(source, target)
    if target.exists() and not work.begun:
        raise StageError(f"{target} is there already. Move it and {target}.dvc away to fetch the images anew.")
    work.open()
    wanted = work.missing()
    say(f"{source}: {len(work.files()):,} images, {len(wanted):,} files still to fetch")
    for start in range(0, len(wanted), BATCH):
        work.bring(wanted[start : start + BATCH])
        say(f"fetched {min(start + BATCH, len(wanted)):,} of {len(wanted):,}")
    work.write()
    _check(target, len(work.files()))
    _run(sys.executable, "-m", "dvc", "add", "--quiet", str(target))
    work.forget()
    say(f"{target} is known to DVC. Next: `git add {target}.dvc`, `git commit`, `dvc push`.")


def _check(target: Path, expected: int) -> None:
    """Refuse a set that the stage `prepare` could not read, or that has another number of images than was listed."""
    classes = class_names(target)
    counts = {folder: len(list_images(target / folder, classes).files) for folder in FOLDERS.values()}
    if sum(counts.values()) != expected:
        raise StageError(f"{target} has {sum(counts.values()):,} images instead of {expected:,}. Run this again.")
    say(f"{len(classes)} classes, {counts['Training']:,} images to train with and {counts['Test']:,} to test with")


def _run(*words: str, stdin: str = "") -> str:
    """What a program prints.

    Raises:
        StageError: it is not there, or failed; the sentence is the last one that it said.
    """
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C.UTF-8"}
    try:
        done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError:
        raise StageError(f"`{words[0]}` is not installed here. Install it, then run this again.") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise StageError(lines[-1] if lines else f"{words[0]} ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    run(main)
