"""The inputs of a branch's own image: which they are, whether they changed, and a clean copy of them to build from.

They are read from git's objects at the run's commit, never from the workspace that a training may have touched. What
the build gets is exactly what was hashed, so nothing that the hash does not cover can get into the image.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path

from trainer.code.git import Git
from trainer.code.mirror import Entry, Mirror
from trainer.definition import dockerfile
from trainer.failure import StepError

DOCKERFILE = "Dockerfile.train"
IGNORE = ".dockerignore"
OWN_IGNORE = f"{DOCKERFILE}.dockerignore"
"""What BuildKit reads instead of `.dockerignore`, where it is there."""
CONTEXT = "context"
"""The folder in the run's own that an image is built from."""
PARTS = 20
"""How many inputs are told apart when it is said what changed; of more, all are one."""

_REGULAR = ("100644", "100755")
_LINK = "120000"


@dataclass(frozen=True)
class Inputs:
    """`digest` is 64 hex digits over all of them; `parts` has 8 for each source, to say what changed."""

    digest: str
    parts: Mapping[str, str]
    entries: Sequence[Entry] = field(repr=False)


def inputs(mirror: Mirror, entries: Iterable[Entry], arguments: Sequence[str]) -> Inputs | None:
    """What the image of a commit with these `entries` is made from; None when it has no Dockerfile.train.

    Raises:
        StepError: an input is not what a build may be given.
    """
    by_path = {entry.path: entry for entry in entries}
    if DOCKERFILE not in by_path:
        return None
    control = [by_path[name] for name in (DOCKERFILE, IGNORE, OWN_IGNORE) if name in by_path]
    for entry in control:
        if entry.mode not in _REGULAR:
            raise StepError("image", f"{entry.path} is no regular file. Commit the file itself, then train again.")
    texts = {path: text.decode("utf-8", errors="replace") for path, text in _contents(mirror, control).items()}
    candidates = _not_ignored(by_path.values(), texts)
    chosen = _chosen(candidates, dockerfile.sources(texts[DOCKERFILE]))
    chosen |= {entry.path: [entry] for entry in control}
    taken = sorted({entry for group in chosen.values() for entry in group}, key=lambda entry: entry.path)
    _check_links(mirror, taken)
    settings = [platform.machine(), *arguments]
    parts = {name: _digest(group)[:8] for name, group in chosen.items()}
    if len(parts) > PARTS:
        parts = {"its files": _digest(taken)[:8]}
    parts["the build arguments"] = _digest((), settings)[:8]
    return Inputs(_digest(taken, settings), parts, taken)


def export(mirror: Mirror, commit: str, found: Inputs, folder: Path) -> None:
    """Write the inputs, and nothing else, into a new folder; one that a killed step left is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    index = folder.with_name(f"{folder.name}.index")
    git = Git(mirror.path, work_tree=folder, index=index)
    git.run("read-tree", commit)
    paths = b"".join(_bytes(entry.path) + b"\0" for entry in found.entries)
    git.run("checkout-index", "--quiet", "-z", "--stdin", stdin=paths)
    index.unlink(missing_ok=True)


def _not_ignored(entries: Iterable[Entry], texts: Mapping[str, str]) -> list[Entry]:
    if OWN_IGNORE in texts:  # BuildKit reads that one, the classic builder the other: nothing is left out for sure
        return list(entries)
    left_out = dockerfile.ignoring(texts.get(IGNORE, ""))
    return [entry for entry in entries if not left_out(entry.path)]


def _chosen(candidates: Sequence[Entry], sources: dockerfile.Sources) -> dict[str, list[Entry]]:
    """What each source takes; all of the repository where a source or a link could mean more than it shows."""
    everything = {"the repository": list(candidates)}
    if sources is None:
        return everything
    found = {}
    for source in sources:
        takes = dockerfile.taking(source)
        found[source] = [entry for entry in candidates if takes(entry.path)]
        if not found[source] or any(entry.mode == _LINK for entry in found[source]):
            return everything
    return found


def _check_links(mirror: Mirror, entries: Iterable[Entry]) -> None:
    links = [entry for entry in entries if entry.mode == _LINK]
    for path, target in _contents(mirror, links).items():
        if not _stays_inside(path, target.decode("utf-8", errors="surrogateescape")):
            raise StepError(
                "image",
                f"{path} is a symbolic link that may lead out of the repository, so no image is built with it. "
                f"Remove it, or let {DOCKERFILE} copy less than all, then train again.",
            )


def _stays_inside(path: str, target: str) -> bool:
    """A `..` behind a name could mean a place that the text does not show, since the name may be a link too."""
    parts = target.split("/")
    ups = len(list(takewhile(lambda part: part == "..", parts)))
    return parts[0] != "" and ups <= path.count("/") and ".." not in parts[ups:]


def _contents(mirror: Mirror, entries: Iterable[Entry]) -> dict[str, bytes]:
    entries = list(entries)
    found = mirror.contents(entry.oid for entry in entries)
    return {entry.path: found[entry.oid] for entry in entries}


def _digest(entries: Iterable[Entry], settings: Iterable[str] = ()) -> str:
    made = hashlib.sha256()
    for entry in entries:
        made.update(f"{entry.mode} {entry.oid} ".encode() + _bytes(entry.path) + b"\0")
    for setting in settings:
        made.update(f"= {setting}".encode() + b"\0")
    return made.hexdigest()


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", errors="surrogateescape")
