"""DVC on a tree that is checked out aside, without git, without a remote, and with a memory of its own.

What DVC remembers of hashed files is a database that the team's code can write to (and Python's pickle reads it), so
the steps with credentials never open that of the workspace.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainer.code.git import Git
from trainer.code.mirror import Mirror
from trainer.data import remote
from trainer.definition import graph
from trainer.definition.graph import Out, Stage


def check_out(mirror: Mirror, tree: str, folder: Path, *, cache: Path) -> None:
    """Write the tree's files into a new folder, as a DVC repository without git."""
    folder.mkdir(parents=True)
    git = Git(mirror.path, work_tree=folder, index=folder.with_name(f"{folder.name}.index"))
    git.run("read-tree", tree)
    git.run("checkout-index", "--all", "--quiet")
    site = folder.with_name(f"{folder.name}.site")
    config = remote.local_config(None, None, cache=cache, site=site)
    config = config.replace("[core]\n", "[core]\n    no_scm = true\n", 1)
    (folder / ".dvc/config.local").write_text(config, encoding="utf-8")


def would_run(folder: Path) -> list[str]:
    """The stages that `dvc repro --dry --allow-missing` would run there."""
    from dvc.repo import Repo  # noqa: PLC0415 - a second

    found: list[str] = []

    def one(step: Any, upstream: Any = None, **_options: Any) -> None:
        if step.changed(True, upstream):
            found.append(step.addressing)

    repo = Repo(str(folder))
    try:
        top = folder / graph.PIPELINE_FILE
        options = {"targets": [str(top)]} if top.exists() else {"all_pipelines": True}
        repo.reproduce(repro_fn=one, **options)
    finally:
        repo.close()
    return found


def stages(folder: Path) -> dict[str, tuple[Stage, ...]]:
    """The stages of each dvc.yaml, with all templates resolved by DVC."""
    from dvc.repo import Repo  # noqa: PLC0415 - a second

    found: dict[str, list[Stage]] = {}
    repo = Repo(str(folder))
    try:
        for step in repo.index.stages:
            if step.cmd:
                stage = _stage(step, folder)
                found.setdefault(stage.file, []).append(stage)
    finally:
        repo.close()
    return {path: tuple(many) for path, many in found.items()}


def _stage(step: Any, folder: Path) -> Stage:
    from dvc.dependency.param import ParamsDependency  # noqa: PLC0415
    from dvc.stage.serialize import to_single_stage_lockfile  # noqa: PLC0415

    def inside(path: str) -> str:
        return graph.join("", str(Path(path).relative_to(folder))) if path.startswith(str(folder)) else path

    file = inside(step.path)
    made = all(out.hash_info for out in step.outs)
    params = [dep for dep in step.deps if isinstance(dep, ParamsDependency)]
    return Stage(
        name=step.addressing if file == graph.PIPELINE_FILE else f"{file}:{step.name}",
        file=file,
        cmd=step.cmd,
        deps=tuple(inside(dep.fs_path) for dep in step.deps if dep not in params),
        params={inside(dep.fs_path): tuple(dep.params) for dep in params},
        outs=tuple(_out(out, inside(out.fs_path)) for out in step.outs),
        frozen=step.frozen,
        always_changed=step.always_changed or step.is_callback,
        locked=to_single_stage_lockfile(step) if made else {},
    )


def _out(out: Any, path: str) -> Out:
    return Out(
        path=path,
        oid=out.hash_info.value if out.hash_info else None,
        size=out.meta.size if out.meta else None,
        nfiles=out.meta.nfiles if out.meta else None,
        algorithm="md5" if out.hash_name == "md5" else "md5-dos2unix",
        cached=out.use_cache,
        kind="metric" if out.metric else "plot" if out.plot else "out",
        persist=out.persist,
        pushed=out.can_push,
        remote=out.remote,
        plot=out.plot if isinstance(out.plot, dict) else {},
    )
