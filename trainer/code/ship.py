"""Commit, tag and push: made in the mirror by plumbing alone, and the same objects however often it is tried.

Author, dates, parent, tree and message of a commit and a tag follow from the run, so a second try after a crash makes
the very same ids, and pushing them again does nothing. The branch is only moved from the commit that we know it at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trainer import crashpoints
from trainer.code.git import GitError, server_failure, server_said
from trainer.code.mirror import Mirror
from trainer.events import EventLog
from trainer.failure import CancelledError, StepError
from trainer.job import decision, fence
from trainer.spec import Spec

ATTEMPTS = 5
"""How often a branch may move under our hands before the result goes to a branch of its own."""

Rebase = Callable[[str], str | None]
"""From a commit that the branch moved to: the tree with our result on it, or None where that is not valid."""


@dataclass(frozen=True)
class Shipped:
    """What is on the server now. `by` is the uid of the run that pushed it: ours, or one that is tried again."""

    commit: str
    tag: str
    branch: str
    diverged: bool
    by: str


class Shipment:
    """One result on its way to the server."""

    def __init__(self, spec: Spec, mirror: Mirror, events: EventLog, *, when: int) -> None:
        self._spec = spec
        self._events = events
        self._mirror = mirror
        self._when = when

    def send(self, tree: str, rebase: Rebase) -> Shipped:
        """Push the tree as a commit of the branch, with its tag; nobody's commit is ever overwritten.

        Raises:
            StepError: `conflict` when the tag is another's; or the server's own failure.
            CancelledError: the run was cancelled before.
        """
        spec = self._spec
        base = spec.commit
        commit = self._commit(tree, base)
        for _ in range(ATTEMPTS):
            refusal = self._push(commit, spec.branch, base)
            if refusal is None:
                return Shipped(commit, spec.tag, spec.branch, diverged=False, by=spec.uid)
            earlier = self._earlier()
            if earlier is not None:
                return earlier
            tip = self._mirror.fetch_tip(spec.branch)
            if tip == base:  # nothing moved: the server does not let us (a protected branch)
                self._events.emit("warning", text=f"The server refused the push to {spec.branch}: {refusal}")
                break
            moved = rebase(tip) if tip else None
            if tip is None or moved is None:
                break
            base = tip
            commit = self._commit(moved, base)
        return self._diverge(self._commit(tree, spec.commit))

    def _commit(self, tree: str, parent: str) -> str:
        """A commit of the tree; the parent itself when that has the same tree: there are no empty commits."""
        if self._mirror.git.text("rev-parse", f"{parent}^{{tree}}") == tree:
            return parent
        spec = self._spec
        subject = f"Train {spec.tag} [skip ci]" if spec.skip_ci else f"Train {spec.tag}"
        made = self._mirror.git.run(
            "commit-tree", tree, "-p", parent, stdin=self._message(subject).encode(), env=self._identity()
        )
        crashpoints.reach("publish.committed")
        return made.decode("ascii").strip()

    def _tag(self, commit: str) -> str:
        spec = self._spec
        header = f"object {commit}\ntype commit\ntag {spec.tag}\ntagger {spec.author} {self._when} +0000\n\n"
        made = self._mirror.git.run("mktag", stdin=(header + self._message(f"Train {spec.tag}")).encode())
        crashpoints.reach("publish.tagged")
        return made.decode("ascii").strip()

    def _push(self, commit: str, branch: str, expected: str) -> str | None:
        """Branch and tag, or nothing: None when both are there now, else what the server said when it refused.

        The branch is only moved from where it is expected (empty: it must not exist).
        """
        tag = self._tag(commit)
        self._ask_leave()
        refspecs = [f"{tag}:refs/tags/{self._spec.tag}"]
        lease = []
        if commit != expected:
            refspecs.append(f"{commit}:refs/heads/{branch}")
            lease.append(f"--force-with-lease=refs/heads/{branch}:{expected}")
        words = ("push", "--quiet", "--atomic", "--no-verify", "--no-follow-tags", *lease, "--", self._mirror.url)
        try:
            self._mirror.git.run(*words, *refspecs, remote=True)
        except GitError as error:
            if _was_refused(error):
                return server_said(error)
            raise server_failure("pushing the result", error) from error
        crashpoints.reach("publish.pushed")
        if commit != expected:
            self._mirror.git.run("update-ref", f"refs/heads/{branch}", commit)
        return None

    def _ask_leave(self) -> None:
        """The last look before what cannot be undone."""
        fence.check(self._spec.places.fence, self._spec.fence)
        if decision.take(self._spec.run_dir, "push") != "push":
            raise CancelledError
        crashpoints.reach("publish.decided")

    def _earlier(self) -> Shipped | None:
        """What an earlier try of this run, or a run that it tries again, has pushed; None when there is no such tag.

        Raises:
            StepError: the tag is there, and is another's.
        """
        spec = self._spec
        theirs = self._mirror.fetch_tag(spec.tag)
        if theirs is None:
            return None
        lines = self._mirror.git.text("cat-file", "-p", theirs).splitlines()
        by = next((uid for uid in (spec.uid, *spec.retries) if f"Run-Uid: {uid}" in lines), None)
        if by is None:
            raise StepError(
                "conflict",
                f"The tag {spec.tag} was made by somebody else meanwhile, and was left as it is. "
                "Train again with another tag.",
            )
        commit = self._mirror.git.text("rev-parse", f"{theirs}^{{commit}}")
        tip = self._mirror.fetch_tip(spec.branch)
        if tip is not None and self._mirror.is_ancestor(commit, tip):
            return Shipped(commit, spec.tag, spec.branch, diverged=False, by=by)
        return Shipped(commit, spec.tag, _branches_of(by)[0], diverged=True, by=by)

    def _diverge(self, commit: str) -> Shipped:
        """The result cannot go on the branch: it gets a branch of its own, for a merge request."""
        spec = self._spec
        refusal: str | None = ""
        for branch in _branches_of(spec.uid):
            refusal = self._push(commit, branch, "")
            if refusal is None:
                return Shipped(commit, spec.tag, branch, diverged=True, by=spec.uid)
            earlier = self._earlier()
            if earlier is not None:
                return earlier
        raise StepError(
            "conflict", f"The server took the result neither on {spec.branch} nor on a branch of its own: {refusal}"
        )

    def _message(self, subject: str) -> str:
        spec = self._spec
        trailers = [f"Run: {spec.run}", f"Run-Uid: {spec.uid}", f"Triggered-by: {spec.triggered_by}"]
        return "\n".join([subject, "", *spec.message_extras, *trailers]) + "\n"

    def _identity(self) -> Mapping[str, str]:
        name, mail = self._spec.author.removesuffix(">").split(" <", 1)
        date = f"{self._when} +0000"
        return {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": mail,
            "GIT_AUTHOR_DATE": date,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": mail,
            "GIT_COMMITTER_DATE": date,
        }


def _branches_of(uid: str) -> list[str]:
    """Where a run's result goes that its branch does not take: the run's number, and where that is taken its uid."""
    return [f"train/run-{uid.partition('-')[0]}", f"train/run-{uid}"]


def _was_refused(error: GitError) -> bool:
    """Whether the server took the connection and refused the refs, so that looking again may help."""
    signs = (
        "[rejected]",
        "[remote rejected]",
        "stale info",
        "already exists",
        "atomic push failed",
        "non-fast-forward",
    )
    return any(sign in error.output for sign in signs)
