"""Data that a project imports from another repository (`dvc import`): fetched by DVC, which alone knows how."""

from __future__ import annotations

import os
from collections.abc import Sequence

from dvc.exceptions import DvcException
from dvc.repo import Repo

from trainer.failure import StepError
from trainer.spec import Spec


def fetch(spec: Spec, paths: Sequence[str]) -> None:
    """Bring what the imports at these paths stand for into the cache.

    Raises:
        StepError: DVC could not.
    """
    site = spec.places.home / "prepare-site"
    os.environ["DVC_SITE_CACHE_DIR"] = str(site)  # not the one that the team's code can write to
    repo = Repo(str(spec.places.repo))
    try:
        repo.fetch(targets=[str(spec.places.repo / path) for path in paths])
    except DvcException as error:
        raise StepError("missing-data", f"{', '.join(paths)} could not be imported: {error}") from error
    finally:
        repo.close()
