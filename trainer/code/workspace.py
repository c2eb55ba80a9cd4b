"""The workspace: brought to a commit without ever running a git repository that a training could have touched.

The old `.git` is thrown away unread (a training may have planted hooks, an fsmonitor, an address rewriting) and
written anew, outside the workspace, with the mirror's objects behind it. Only files whose content differs are
written, so that the others keep their times and DVC need not hash them again; ignored files, DVC's outputs among
them, stay.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from trainer.code.git import Git, GitError
from trainer.failure import StepError
from trainer.places import Places

_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = false\n"
_KEPT = ("/.dvc/config.local", "/.dvc/tmp", "/.dvc/cache")


def check_out(places: Places, branch: str, commit: str, kept: Iterable[str], *, tree: str) -> None:
    """Make the tracked files exactly those of `tree`, remove what is neither tracked nor ignored.

    `tree` is that of `commit`, which is what git shows as checked out, or one beside it that differs in parameters.
    `kept` are paths that stay although no .gitignore names them (outputs of the pipeline).

    Raises:
        StepError: the workspace cannot be written.
    """
    fresh = places.home / "workspace.git"
    _remove(fresh)
    _remove(places.repo / ".git")
    _write_git_folder(fresh, places.mirror, branch, commit)
    git = Git(fresh, work_tree=places.repo)
    try:
        git.run("read-tree", tree)
        _refresh(git)
        git.run("checkout-index", "--force", "--all", "--index", "--quiet")
        git.run("clean", "-ffd", "--quiet", *(f"--exclude=/{_escaped(path)}" for path in kept))
    except GitError as error:
        raise StepError("internal", f"The workspace could not be brought to {commit[:10]}: {error}") from error
    fresh.rename(places.repo / ".git")


def make(repo: Path) -> None:
    """Have the workspace's folder: a real one, not a link that somebody left in its place."""
    if repo.is_symlink():
        repo.unlink()
    repo.mkdir(parents=True, exist_ok=True)


def drop_stale_locks(repo: Path) -> None:
    """Forget the locks of a DVC that was killed: the workspace is ours while we hold the reservation."""
    if (repo / ".dvc/tmp").is_symlink():
        (repo / ".dvc/tmp").unlink()
    for pattern in ("rwlock*", "lock", "lock.*", "*.lock", "exp_scm_lock"):
        for path in (repo / ".dvc/tmp").glob(pattern):
            if path.is_file() or path.is_symlink():
                path.unlink()


def clear_links(repo: Path, paths: Iterable[str], tracked_links: Iterable[str], cache: Path) -> None:
    """Make sure that no output is reached through a symbolic link, before anything is written.

    A link that the commit itself holds is refused; one that was left in the workspace is removed. The output itself
    may be a link into DVC's cache (`cache.type symlink`).

    Raises:
        StepError: the commit holds such a link.
    """
    links = set(tracked_links)
    for path in paths:
        parts = Path(path).parts
        for depth in range(1, len(parts) + 1):
            at = "/".join(parts[:depth])
            if at in links:
                raise StepError(
                    "pipeline", f"The output {path} goes through the symbolic link {at}; that is not allowed."
                )
            target = repo / at
            if target.is_symlink() and not (depth == len(parts) and target.resolve().is_relative_to(cache.resolve())):
                target.unlink()


def _refresh(git: Git) -> None:
    """Hash what is there into the index; files that differ are no error here."""
    try:
        git.run("update-index", "-q", "--refresh")
    except GitError as error:
        if error.code != 1:
            raise


def _write_git_folder(folder: Path, mirror: Path, branch: str, commit: str) -> None:
    ref = folder / "refs/heads" / branch
    for part in (ref.parent, folder / "objects/info", folder / "refs/tags", folder / "info"):
        part.mkdir(parents=True, exist_ok=True)
    (folder / "config").write_text(_CONFIG, encoding="utf-8")
    (folder / "HEAD").write_text(f"ref: refs/heads/{branch}\n", encoding="utf-8")
    (folder / "objects/info/alternates").write_text(f"{mirror / 'objects'}\n", encoding="utf-8")
    ref.write_text(f"{commit}\n", encoding="ascii")
    (folder / "info/exclude").write_text("\n".join(_KEPT) + "\n", encoding="utf-8")


def _escaped(path: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\*?[ !#" else letter for letter in path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
