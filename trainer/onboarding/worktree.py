"""Somebody's project as it lies in their folder: what git has of it, what it would take, and what the files hold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trainer.code.git import Git


@dataclass(frozen=True)
class Worktree:
    """`root` is the folder that holds .git. `tracked` is in git; `present` is too, or would be with `git add --all`."""

    root: Path
    git: Git
    tracked: frozenset[str]
    present: frozenset[str]

    def read(self, path: str) -> bytes | None:
        """The content of a file as it is now, or None where there is no regular file."""
        file = self.root / path
        return file.read_bytes() if file.is_file() else None

    def ignores(self, paths: Iterable[str]) -> set[str]:
        """Those that git would not add, by what .gitignore says of them."""
        question = "\0".join(paths).encode("utf-8", errors="surrogateescape")
        if not question:
            return set()
        answer = self.git.ask("check-ignore", "--no-index", "-z", "--stdin", stdin=question + b"\0")
        return set(_names(answer))

    def holds(self, path: str) -> bool:
        """Whether git would have that file, or something in that folder."""
        return path == "." or path in self.present or any(item.startswith(f"{path}/") for item in self.present)


def open_worktree(folder: Path) -> Worktree | None:
    """The repository around a folder; None where there is none.

    Raises:
        GitError: it is none that git can read.
    """
    for root in (folder, *folder.parents):
        git_dir = _git_dir(root)
        if git_dir is not None:
            git = Git(git_dir, work_tree=root)
            tracked = frozenset(_names(git.run("ls-files", "-z")))
            others = _names(git.run("ls-files", "-z", "--others", "--exclude-standard"))
            return Worktree(root, git, tracked, tracked | frozenset(others))
    return None


def _git_dir(root: Path) -> Path | None:
    """Where git keeps what it knows: a folder, or for a second worktree what the file of that name says."""
    place = root / ".git"
    if place.is_file():
        said = place.read_text("utf-8").strip()
        return (root / said.removeprefix("gitdir: ")).resolve() if said.startswith("gitdir: ") else None
    return place if place.is_dir() else None


def _names(answer: bytes) -> list[str]:
    return [name.decode("utf-8", errors="surrogateescape") for name in answer.split(b"\0") if name]
