"""What only DVC itself can say of a project: whether it understands it, and what its remote lacks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from trainer.onboarding.finding import Finding, named, note, ok, todo


def check(root: Path) -> Finding:
    """Whether DVC reads the definition as something that can be run."""
    from dvc.exceptions import DvcException  # noqa: PLC0415 - a second, and not needed where something is missing

    try:
        with closing(_open(root)) as repo:
            count = sum(1 for stage in repo.index.stages if stage.cmd)
            repo.index.check_graph()
    except DvcException as error:
        return todo(f"DVC does not understand the pipeline: {error}. `dvc stage list` says the same; mend that.")
    return ok(f"DVC understands the pipeline: {count} {'stage' if count == 1 else 'stages'}.")


def check_data(root: Path) -> Iterator[Finding]:
    """Whether all data that this commit names is on the remote; with the logins that DVC has on this machine."""
    try:
        with closing(_open(root)) as repo:
            data = [out for out in repo.index.outs if _is_ours(out)]
            status: dict[str, str] = repo.status(cloud=True) if data else {}
            unlisted = [str(out) for out in data if _is_unlisted(out)]
    except Exception as error:  # noqa: BLE001 - each kind of remote raises what its own library has
        yield note(f"Whether the data is on the remote could not be asked ({error}). Try `dvc status --cloud`.")
        return
    here = sorted(name for name, what in status.items() if what == "new")
    lost = sorted({*unlisted, *(name for name, what in status.items() if what == "missing")})
    if here:
        yield todo(f"Not on the remote yet: {named(here)}. Run `dvc push`.")
    if lost:
        yield todo(f"Neither here nor on the remote: {named(lost)}. Run `dvc push` where this data was made.")
    if data and not here and not lost:
        yield ok("All data is on the remote.")


def _open(root: Path) -> Any:
    """The project for DVC, which keeps its warnings to itself: they would stand between our sentences."""
    from dvc.repo import Repo  # noqa: PLC0415 - a second, and not needed where something is missing

    logging.getLogger("dvc").setLevel(logging.CRITICAL)
    return Repo(str(root))


def _is_ours(out: Any) -> bool:
    return bool(out.use_cache and out.can_push and out.hash_info and not out.stage.is_repo_import)


def _is_unlisted(out: Any) -> bool:
    """A folder without a list of its files: DVC leaves it out of its answer, and only logs a warning."""
    return bool(out.hash_info.isdir and not out.cache.exists(out.hash_info.value))
