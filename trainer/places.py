"""Where things lie at a location: the one table of folders. Standard library only.

<workdir>/<project slug>/repo          the workspace, in which the team's code runs
<workdir>/<project slug>/smoke         the workspace of smoke tests, from which nothing is published
<workdir>/<project slug>/reproduce     the workspace in which a release is made again, gone when the next run begins
<workdir>/<project slug>/mirror.git    a bare copy of the project that only prepare and publish use
<workdir>/<project slug>/fence         the highest reservation that was seen
<workdir>/dvc-cache                    DVC's cache, shared by all branches and projects
<workdir>/dvc-site                     what DVC remembers of files it has hashed
<workdir>/runs/<uid>/                  a run: events.jsonl, log, decision, jobs/<name>/
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path


def slug(project: str) -> str:
    """A folder name for `team/fruits`: readable, and unlike that of any other project.

    Readable forms are not injective (`a/b` and `a-b` look alike), hence the eight digits of SHA-256.
    """
    readable = re.sub(r"[^a-z0-9]+", "-", project.lower()).strip("-")[:40] or "project"
    return f"{readable}-{hashlib.sha256(project.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Places:
    """The folders of one project at one location, for a run of a `kind` (see `trainer.spec.Spec`)."""

    workdir: Path
    project: str
    kind: str = "train"

    @property
    def home(self) -> Path:
        """What belongs to this project alone."""
        return self.workdir / slug(self.project)

    @property
    def repo(self) -> Path:
        """The workspace."""
        return self.home / (self.kind if self.kind in ("smoke", "reproduce") else "repo")

    @property
    def mirror(self) -> Path:
        """The trusted bare repository."""
        return self.home / "mirror.git"

    @property
    def scratch(self) -> Path:
        """A folder of the step that runs now; what is found in it is of one that was killed."""
        return self.home / "scratch"

    @property
    def fence(self) -> Path:
        """The file with the highest fence."""
        return self.home / "fence"

    @property
    def cache(self) -> Path:
        """DVC's cache."""
        return self.workdir / "dvc-cache"

    @property
    def site(self) -> Path:
        """DVC's site cache."""
        return self.workdir / "dvc-site"
