"""The two things that a project gets for Stationmaster: a Dockerfile.train, and examples in params.yaml."""

from __future__ import annotations

import os
from collections.abc import Iterator

from trainer import durable
from trainer.definition.graph import Graph
from trainer.onboarding import params, pipeline
from trainer.onboarding.finding import Finding, added, note, ok
from trainer.onboarding.worktree import Worktree
from trainer.project.image import DOCKERFILE

REQUIREMENTS = "requirements.txt"
_HEAD = """\
# The image that this project trains in: Stationmaster's trainer, and what the stages import. Change it whenever they
# need something else; the next training finds that out and builds it anew.
#
# BASE is the image of Stationmaster's own Dockerfile.train (with `--build-arg EXTRAS=trainer` it has no TensorFlow).
# Write here where your team's is, or tell the bot: IMAGE_BUILD_ARGS="BASE=registry.example.com/stationmaster-train"
ARG BASE=stationmaster-train
FROM ${BASE}

"""
_INSTALL = f"""\
USER 0
COPY {REQUIREMENTS} /tmp/{REQUIREMENTS}
RUN pip install --no-cache-dir --requirement /tmp/{REQUIREMENTS}
USER 10001:10001
"""
_EXAMPLE = """\
# USER 0
# RUN pip install --no-cache-dir scikit-learn==1.5.2
# USER 10001:10001
"""


def add(tree: Worktree, found: Graph | None, *, only_check: bool) -> Iterator[Finding]:
    """Write what is missing, or say that it is; what is there stays as it is."""
    yield _dockerfile(tree, only_check=only_check)
    yield _examples(tree, found, only_check=only_check)


def _dockerfile(tree: Worktree, *, only_check: bool) -> Finding:
    if os.path.lexists(tree.root / DOCKERFILE):
        return ok(f"{DOCKERFILE} is there.")
    if only_check:
        return note(
            f"There is no {DOCKERFILE}, so it trains in its location's own image. `stationmaster init` adds one."
        )
    installs = REQUIREMENTS in tree.present
    durable.write(tree.root / DOCKERFILE, (_HEAD + (_INSTALL if installs else _EXAMPLE)).encode(), mode=0o644)
    what = f"it installs {REQUIREMENTS}" if installs else "put into it what the stages import"
    return added(f"{DOCKERFILE}, for machines that train in containers; {what}.")


def _examples(tree: Worktree, found: Graph | None, *, only_check: bool) -> Finding:
    file = tree.root / params.FILE
    text = (tree.read(params.FILE) or b"").decode("utf-8", errors="surrogateescape")
    wanted = params.with_examples(text)
    if wanted == text:
        return ok(f"{params.FILE} has `smoke:` and `gates:`, or examples of them.")
    if readers := pipeline.stages_that_read(found.stages if found else (), params.FILE):
        return note(
            f"{params.FILE} has no examples of `smoke:` and `gates:`: a new line in it would run `{readers[0]}`."
        )
    if only_check or file.is_symlink() or (file.exists() and not file.is_file()):
        return note(f"{params.FILE} shows no `smoke:` and `gates:`. `stationmaster init` adds examples, as comments.")
    durable.write(file, wanted.encode("utf-8", errors="surrogateescape"), mode=0o644)
    return added(f"Examples of `smoke:` and `gates:` in {params.FILE}, as comments.")
