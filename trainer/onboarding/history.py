"""Whether the bot would find the project in GitLab as it lies here: committed, and pushed."""

from __future__ import annotations

from collections.abc import Iterator

from trainer.code.git import GitError
from trainer.onboarding.finding import Finding, named, ok, todo
from trainer.onboarding.worktree import Worktree


def check(tree: Worktree) -> Iterator[Finding]:
    """Commits, then pushes. That git leaves DVC's own files alone is DVC's work: it mends .dvc/.gitignore itself."""
    if tree.git.resolve("HEAD") is None:
        yield todo("Nothing is committed yet. The bot trains what is in GitLab: commit, and push.")
        return
    if changed := _changed(tree):
        yield todo(f"Not committed: {named(changed)}. The bot trains what is in GitLab: commit, and push.")
    else:
        yield ok("Everything is committed.")
    yield _pushed(tree)


def _changed(tree: Worktree) -> list[str]:
    lines = tree.git.run("status", "--porcelain", "--no-renames", "-z").decode("utf-8", errors="surrogateescape")
    return [line[3:] for line in lines.split("\0") if line]


def _pushed(tree: Worktree) -> Finding:
    if not tree.git.text("remote"):
        return todo("git knows no server. Make a project in GitLab, then `git remote add origin ...` and push.")
    try:
        ahead = int(tree.git.text("rev-list", "--count", "@{upstream}..HEAD"))
    except GitError:
        return todo(
            "This branch is not in GitLab yet, or git does not know that it is. Push it: `git push -u origin HEAD`"
        )
    if ahead:
        return todo(f"{ahead} {'commits are' if ahead > 1 else 'commit is'} not in GitLab yet. Push: `git push`")
    return ok("Every commit is pushed.")
