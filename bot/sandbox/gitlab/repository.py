"""A bare repository on disk: everything the stand-in knows of branches, tags, commits and files is read from it.

Plain git subprocesses with argv lists. Nothing is cached, so what was pushed a moment ago is what the next answer
says. Names that come from outside are only ever used inside a full ref (`refs/heads/...`) or as a checked sha.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_FIELD = "\x1f"
_TRAILERS = "%(trailers:only=true,unfold=true,separator=%x1e)"
_COMMIT_FIELDS = ("%H", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", _TRAILERS, "%B")
_COMMIT_FORMAT = "%x1f".join(_COMMIT_FIELDS)
_REF_FIELDS = ("refname", "objecttype", "objectname", "*objectname", "creatordate:iso-strict", "contents")
_REF_FORMAT = "%00".join(f"%({field})" for field in _REF_FIELDS) + "%1e"
_SHA = re.compile(r"[0-9a-f]{7,40}\Z")
DIFF_LIMIT = 400_000
"""Bytes of a diff that are shown."""


class GitError(Exception):
    """Git refused; the message is what it wrote to standard error."""


@dataclass(frozen=True)
class Commit:
    """A commit. Times are ISO 8601 with the offset that git recorded."""

    sha: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    authored_at: str
    committer_name: str
    committer_email: str
    committed_at: str
    trailers: tuple[tuple[str, str], ...]
    message: str

    @property
    def title(self) -> str:
        """The first line of the message."""
        return self.message.split("\n", 1)[0]


@dataclass(frozen=True)
class Ref:
    """A branch or tag. `object` is what the ref itself names (a tag object where annotated); `message` is of that."""

    name: str
    object: str
    commit: Commit
    created_at: str
    message: str | None = None


@dataclass(frozen=True)
class Entry:
    """One line of a folder: `kind` is `blob`, `tree` or `commit` (a submodule); `size` is None for a folder."""

    name: str
    path: str
    kind: str
    size: int | None


@dataclass(frozen=True)
class Node:
    """What git holds at a path: `kind` as in `Entry`, `mode` in six octal digits."""

    path: str
    kind: str
    mode: str
    id: str


@dataclass(frozen=True)
class Change:
    """A file that differs between two commits: `status` is `A`, `D`, `M`, `R` (renamed) or `T`; modes in six digits."""

    status: str
    old_path: str
    new_path: str
    old_mode: str
    new_mode: str


def git_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for git: no settings of the person or the machine, no GIT_* of a caller, English."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    fixed = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    return {**kept, **fixed, **(extra or {})}


class Repository:
    """One bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path

    # ------------------------------------------------------------------------------------------------ reading

    def branches(self) -> list[Ref]:
        """All branches, by name."""
        return self._refs("refs/heads/", sort="refname")

    def tags(self) -> list[Ref]:
        """All tags, newest first."""
        return self._refs("refs/tags/", sort="-creatordate")

    def branch(self, name: str) -> Ref | None:
        """The branch, or None."""
        return self._ref("refs/heads/", name)

    def tag(self, name: str) -> Ref | None:
        """The tag, or None."""
        return self._ref("refs/tags/", name)

    def resolve(self, revision: str) -> str | None:
        """The commit (40 hex digits) that a branch, tag or commit id names; branches win over tags."""
        candidates = [f"refs/heads/{revision}", f"refs/tags/{revision}"]
        if _SHA.match(revision) or revision == "HEAD":
            candidates.append(revision)
        for candidate in candidates:
            found = self._try("rev-parse", "--verify", "--quiet", candidate + "^{commit}")
            if found:
                return found.decode().strip()
        return None

    def commit(self, revision: str) -> Commit | None:
        """The commit that `revision` names, or None."""
        sha = self.resolve(revision)
        return self._commits([sha])[sha] if sha else None

    def log(self, revision: str, limit: int) -> list[Commit]:
        """The newest `limit` commits that are reachable from `revision`."""
        sha = self.resolve(revision)
        if sha is None:
            return []
        text = self._run("log", "-z", f"--max-count={limit}", f"--format={_COMMIT_FORMAT}", sha).decode(
            errors="replace"
        )
        return [_parse_commit(record) for record in text.split("\0") if record.strip("\n")]

    def stats(self, sha: str) -> tuple[int, int]:
        """Lines added and deleted by a commit, against its first parent."""
        text = self._run("show", "--format=", "--numstat", "--first-parent", sha).decode(errors="replace")
        pairs = [line.split("\t", 2)[:2] for line in text.splitlines() if "\t" in line]
        return sum(_count(added) for added, _ in pairs), sum(_count(deleted) for _, deleted in pairs)

    def diff(self, sha: str, base: str | None = None) -> str:
        """A commit's patch against its first parent (or the patch from `base`), cut at DIFF_LIMIT."""
        argv = ["diff", base, sha, "--"] if base else ["show", "--format=", "--first-parent", "--patch", sha, "--"]
        return self._run(*argv)[:DIFF_LIMIT].decode(errors="replace")

    def between(self, old: str, new: str) -> list[Commit]:
        """The commits that are reachable from `new` and not from `old` (both commit ids), oldest first."""
        shas = self._run("rev-list", "--reverse", f"{old}..{new}").decode().split()
        found = self._commits(shas)
        return [found[sha] for sha in shas]

    def changed(self, old: str, new: str) -> list[Change]:
        """Each file in which two commit ids differ, in git's order."""
        words = self._run("diff", "--raw", "-z", "--find-renames", old, new, "--").decode(errors="replace").split("\0")
        found: list[Change] = []
        left = iter(words[:-1])
        for about in left:
            old_mode, new_mode, _, _, status = about.removeprefix(":").split()
            path = next(left)
            found.append(Change(status[0], path, next(left) if status[0] in "RC" else path, old_mode, new_mode))
        return found

    def patch(self, old: str, new: str, change: Change) -> str:
        """What differs in one file, cut at DIFF_LIMIT."""
        paths = [f":(literal){path}" for path in dict.fromkeys((change.old_path, change.new_path))]
        return self._run("diff", "--find-renames", old, new, "--", *paths)[:DIFF_LIMIT].decode(errors="replace")

    def is_ancestor(self, older: str, newer: str) -> bool:
        """Whether `older` is reachable from `newer` (both commit ids)."""
        return self._try("merge-base", "--is-ancestor", older, newer) is not None

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor of two commit ids."""
        found = self._try("merge-base", one, other)
        return found.decode().strip() if found else None

    def folder(self, sha: str, path: str = "") -> list[Entry] | None:
        """What a folder holds at a commit, folders first; None when there is no such folder."""
        listing = self._try("ls-tree", "-z", "--long", f"{sha}:{path.strip('/')}")
        if listing is None:
            return None
        entries = [_parse_entry(line, path.strip("/")) for line in listing.decode(errors="replace").split("\0") if line]
        return sorted(entries, key=lambda entry: (entry.kind != "tree", entry.name))

    def tree(self, sha: str, path: str = "", *, recursive: bool = False) -> list[Node] | None:
        """What a folder holds at a commit, in git's order; None when there is no such folder."""
        flags = ["-r", "-t"] if recursive else []
        folder = path.strip("/")
        listing = self._try("ls-tree", "-z", *flags, f"{sha}:{folder}")
        if listing is None:
            return None
        return [_parse_node(line, folder) for line in listing.decode(errors="replace").split("\0") if line]

    def file(self, sha: str, path: str) -> bytes | None:
        """A file's bytes at a commit; None when there is no such file."""
        return self._try("cat-file", "blob", f"{sha}:{path.strip('/')}")

    def archive(self, sha: str, form: str, prefix: str) -> bytes:
        """All files of a commit as a `zip` or `tar.gz`."""
        return self._run("archive", f"--format={form}", f"--prefix={prefix}/", sha)

    # ------------------------------------------------------------------------------------------------ writing

    def create_tag(self, name: str, sha: str, *, message: str | None, tagger: tuple[str, str], at: str) -> None:
        """Make a tag, annotated when there is a message. `GitError` when the name is illegal or taken."""
        self._run("check-ref-format", f"refs/tags/{name}")
        target = sha
        if message:
            who = {"GIT_COMMITTER_NAME": tagger[0], "GIT_COMMITTER_EMAIL": tagger[1], "GIT_COMMITTER_DATE": at}
            ident = self._run("var", "GIT_COMMITTER_IDENT", environment=who).decode().strip()
            text = f"object {sha}\ntype commit\ntag {name}\ntagger {ident}\n\n{message}\n"
            target = self._run("mktag", feed=text.encode()).decode().strip()
        self._run("update-ref", f"refs/tags/{name}", target, "0" * 40)

    def delete_tag(self, name: str) -> None:
        """Remove a tag that exists."""
        self._run("update-ref", "-d", f"refs/tags/{name}")

    # ------------------------------------------------------------------------------------------------ git

    def _refs(self, prefix: str, name: str = "", *, sort: str) -> list[Ref]:
        argv = ["for-each-ref", f"--sort={sort}", f"--format={_REF_FORMAT}", prefix + name]
        text = self._run(*argv).decode(errors="replace")
        rows = [record.lstrip("\n").split("\0") for record in text.split("\x1e") if record.strip("\n")]
        shas = [peeled or own for _, _, own, peeled, _, _ in rows]
        commits = self._commits(shas)
        return [
            Ref(
                name=refname.removeprefix(prefix),
                object=own,
                commit=commits[sha],
                created_at=created,
                message=contents.rstrip("\n") if kind == "tag" else None,
            )
            for (refname, kind, own, _, created, contents), sha in zip(rows, shas, strict=True)
            if sha in commits
        ]

    def _ref(self, prefix: str, name: str) -> Ref | None:
        if not name or set(name) & set("*?["):
            return None  # no name of a ref, but what git would take for a pattern
        return next((ref for ref in self._refs(prefix, name, sort="refname") if ref.name == name), None)

    def _commits(self, shas: Sequence[str]) -> dict[str, Commit]:
        if not shas:
            return {}
        argv = ["log", "-z", "--no-walk=unsorted", "--ignore-missing", "--stdin", f"--format={_COMMIT_FORMAT}"]
        text = self._run(*argv, feed="\n".join(shas).encode() + b"\n").decode(errors="replace")
        commits = [_parse_commit(record) for record in text.split("\0") if record.strip("\n")]
        return {commit.sha: commit for commit in commits}

    def _try(self, *argv: str) -> bytes | None:
        try:
            return self._run(*argv)
        except GitError:
            return None

    def _run(self, *argv: str, feed: bytes = b"", environment: Mapping[str, str] | None = None) -> bytes:
        done = subprocess.run(
            ["git", "--git-dir", str(self.path), *argv],
            input=feed,
            capture_output=True,
            check=False,
            env=git_environment(environment),
        )
        if done.returncode != 0:
            raise GitError(done.stderr.decode(errors="replace").strip() or f"git {argv[0]} failed")
        return done.stdout


def _parse_commit(record: str) -> Commit:
    fields = record.lstrip("\n").split(_FIELD, 9)
    sha, parents, author, author_mail, authored, committer, committer_mail, committed, trailers, message = fields
    pairs = [line.partition(":") for line in trailers.split("\x1e") if ":" in line]
    return Commit(
        sha=sha,
        parents=tuple(parents.split()),
        author_name=author,
        author_email=author_mail,
        authored_at=authored,
        committer_name=committer,
        committer_email=committer_mail,
        committed_at=committed,
        trailers=tuple((key.strip(), value.strip()) for key, _, value in pairs),
        message=message.rstrip("\n") + "\n",
    )


def _parse_entry(line: str, folder: str) -> Entry:
    about, name = line.split("\t", 1)
    _, kind, _, size = about.split()
    path = f"{folder}/{name}" if folder else name
    return Entry(name=name, path=path, kind=kind, size=None if size == "-" else int(size))


def _parse_node(line: str, folder: str) -> Node:
    about, name = line.split("\t", 1)
    mode, kind, identity = about.split()
    return Node(path=f"{folder}/{name}" if folder else name, kind=kind, mode=mode, id=identity)


def _count(text: str) -> int:
    return int(text) if text.isdigit() else 0  # "-" for a binary file
