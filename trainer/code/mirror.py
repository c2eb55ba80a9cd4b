"""The bare copy of the project that only prepare and publish use, and never the team's code."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trainer.code.git import Git, GitError, server_failure
from trainer.failure import StepError

_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"


@dataclass(frozen=True)
class Entry:
    """One path of a commit's tree. `mode` is git's (100644, 100755, 120000 for a link, 160000 for a submodule)."""

    mode: str
    oid: str
    path: str


class Mirror:
    """A bare repository without a configuration of its own: it is written anew each time the mirror is opened."""

    def __init__(self, path: Path, url: str, git: Git) -> None:
        self.path = path
        self.url = url
        self.git = git

    def fetch(self, branch: str, commit: str) -> None:
        """Have `commit` here, whole. Asks the server only when the branch's tip here is another one.

        Raises:
            StepError: the server does not answer, refuses the login, or has no such commit.
        """
        if self.git.resolve(f"refs/heads/{branch}") == commit:
            return
        try:
            self._fetch(f"+refs/heads/{branch}:refs/heads/{branch}")
        except GitError as error:
            if "couldn't find remote ref" not in error.output:
                raise server_failure("fetching the branch", error) from error
        if self._whole(commit):
            return
        try:
            self._fetch(f"+{commit}:refs/stationmaster/{commit}")
        except GitError as error:
            raise StepError(
                "conflict",
                f"Commit {commit[:10]} is not on the server any more (was {branch} force-pushed?). Train again.",
            ) from error

    def fetch_tip(self, branch: str) -> str | None:
        """The branch's newest commit on the server, fetched; None when the branch is gone there."""
        try:
            self._fetch(f"+refs/heads/{branch}:refs/heads/{branch}")
        except GitError as error:
            if "couldn't find remote ref" in error.output:
                return None
            raise server_failure("fetching the branch", error) from error
        return self.git.resolve(f"refs/heads/{branch}")

    def fetch_tag(self, tag: str) -> str | None:
        """The id of the tag object on the server, fetched under refs/theirs; None when there is no such tag."""
        try:
            self._fetch(f"+refs/tags/{tag}:refs/theirs/{tag}")
        except GitError as error:
            if "couldn't find remote ref" in error.output:
                return None
            raise server_failure("looking at the tag", error) from error
        return self.git.resolve(f"refs/theirs/{tag}")

    def entries(self, tree: str) -> list[Entry]:
        """Every path of a commit or tree."""
        listing = self.git.run("ls-tree", "-r", "-z", "--full-tree", tree)
        found = []
        for line in listing.split(b"\0")[:-1]:
            head, path = line.split(b"\t", 1)
            mode, _, oid = head.decode("ascii").split(" ")
            found.append(Entry(mode, oid, path.decode("utf-8", errors="surrogateescape")))
        return found

    def contents(self, oids: Iterable[str]) -> dict[str, bytes]:
        """The bytes of blobs, by id; one call to git for all of them."""
        wanted = list(dict.fromkeys(oids))
        if not wanted:
            return {}
        output = self.git.run("cat-file", "--batch", stdin="".join(f"{oid}\n" for oid in wanted).encode())
        found = {}
        start = 0
        for oid in wanted:
            end = output.index(b"\n", start)
            size = int(output[start:end].split(b" ")[2])
            found[oid] = output[end + 1 : end + 1 + size]
            start = end + 1 + size + 1
        return found

    def keep_result(self, uid: str, tree: str) -> None:
        """Remember the tree that a run made, so that a later try of it need not make it again."""
        self.git.run("update-ref", f"refs/results/{uid}", tree)

    def kept_result(self, uid: str) -> str | None:
        """The tree that a run made and did not publish to the end; None without one."""
        return self.git.resolve(f"refs/results/{uid}^{{tree}}")

    def forget_result(self, uid: str) -> None:
        """It is published."""
        self.git.run("update-ref", "-d", f"refs/results/{uid}")

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` contains `old`."""
        try:
            self.git.run("merge-base", "--is-ancestor", old, new)
        except GitError as error:
            if error.code == 1:
                return False
            raise
        return True

    def _fetch(self, refspec: str) -> None:
        words = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--force")
        self.git.run(*words, "--", self.url, refspec, remote=True)

    def _whole(self, commit: str) -> bool:
        """Fetched objects are complete when a ref holds them; a lone object may be the rest of a broken fetch."""
        if self.git.resolve(f"{commit}^{{commit}}") is None:
            return False
        ours = ("refs/heads", "refs/stationmaster")
        return bool(self.git.text("for-each-ref", "--count=1", "--contains", commit, *ours))


def open_mirror(path: Path, url: str, git_login: dict[str, str]) -> Mirror:
    """The mirror at `path`, made when there is none; its configuration is ours whatever anybody wrote there."""
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    if not (path / "HEAD").exists():
        (path / "HEAD").write_text("ref: refs/heads/stationmaster\n", encoding="ascii")
    (path / "config").unlink(missing_ok=True)
    (path / "config").write_text(_CONFIG, encoding="ascii")
    for planted in ("hooks", "objects/info/alternates", "info/attributes", "info/grafts", "shallow.lock"):
        target = path / planted
        if target.is_dir() and not target.is_symlink():
            shutil.rmtree(target)
        else:
            target.unlink(missing_ok=True)
    return Mirror(path, url, Git(path, login=git_login))
