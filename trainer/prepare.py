"""The first step: the workspace at the run's commit, with the data that its stages need. Our code, with read access.

Where images are built, it also says what the branch's own is made from, and puts that aside for the build.

It reads the pipeline from git, never imports DVC, and does not talk to the remote when everything is in the cache.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from trainer import crashpoints, parameters, room
from trainer.code import workspace
from trainer.code.mirror import Mirror, open_mirror
from trainer.data import remote, transfer
from trainer.data.objects import Cache, Object, Tree, root_of, tree_of
from trainer.data.store import Store
from trainer.data.stores import open_store
from trainer.definition import needs
from trainer.definition.graph import Out
from trainer.events import EventLog
from trainer.failure import StepError
from trainer.job import fence
from trainer.job.credentials import Secrets
from trainer.project import figures, image, results
from trainer.project.commit import Project, load
from trainer.spec import Spec


def run(spec: Spec, secrets: Secrets, events: EventLog) -> None:
    """Do the step.

    Raises:
        StepError: it cannot be done; the message says why.
    """
    places = spec.places
    fence.check(places.fence, spec.fence)
    little = room.warning(room.free(places.workdir))
    if little:
        events.emit("warning", text=little)
    mirror = open_mirror(places.mirror, spec.git_url, secrets.git_config(spec.git_url))
    mirror.fetch(spec.branch, spec.commit)
    crashpoints.reach("prepare.fetched")
    if spec.build_arguments is not None:
        _set_out_image(spec, mirror, spec.build_arguments, events)
    if spec.kind == "build":
        return
    _clear_reproduction(spec)
    found = _made_before(spec, mirror, events) or _with_parameters(spec, load(mirror, spec.commit))
    if found.submodules:
        events.emit("warning", text=f"Submodules are not fetched: {', '.join(found.submodules)}.")
    if spec.reproduces:
        _want_room(spec, found)
    _check_out(spec, found)
    crashpoints.reach("prepare.checked-out")
    Pull(spec, found, events).run()
    if spec.reproduces:
        _pull_metrics(spec, found, events)
    crashpoints.reach("prepare.pulled")


def _clear_reproduction(spec: Spec) -> None:
    """Nobody needs the workspace of an earlier reproduction, and the next one begins with nothing."""
    folder = replace(spec.places, kind="reproduce").repo
    shutil.rmtree(folder, ignore_errors=True)
    if spec.reproduces and folder.is_dir() and not folder.is_symlink():
        raise StepError("internal", f"What an earlier reproduction left in {folder} could not be removed.")


def _want_room(spec: Spec, found: Project) -> None:
    """Each output is written anew, and dvc.lock says how large it becomes: better now than after an hour of work."""
    size = sum(out.size or 0 for stage in found.graph.stages for out in stage.outs)
    left = room.free(spec.places.workdir)
    if size > left:
        said = f"The outputs of {spec.tag} are {size / 1e6:,.0f} MB, and only {left / 1e6:,.0f} MB are free here."
        raise StepError("disk-full", said)


def _pull_metrics(spec: Spec, found: Project, events: EventLog) -> None:
    """What was measured then, where DVC's cache has it and not git: `compare` has no credentials to fetch it with."""
    cache = Cache(spec.places.cache)
    lacking = cache.missing(figures.needed(found.graph))
    if lacking:
        transfer.pull(open_store(found.remote(spec.remote, spec.places.repo)), cache, lacking, events)


def _set_out_image(spec: Spec, mirror: Mirror, arguments: Sequence[str], events: EventLog) -> None:
    found = image.inputs(mirror, mirror.entries(spec.commit), arguments)
    if found is None:
        events.emit("image", inputs=None)
        return
    image.export(mirror, spec.commit, found, spec.run_dir / image.CONTEXT)
    events.emit("image", inputs=found.digest, parts=dict(found.parts))


def _made_before(spec: Spec, mirror: Mirror, events: EventLog) -> Project | None:
    """What a run made that is tried again here, if all of it is still in the cache: then nothing has to be trained."""
    cache = Cache(spec.places.cache)
    for uid in spec.retries:
        tree = mirror.kept_result(uid)
        if tree is None:
            continue
        found = load(mirror, tree)
        outs = [out for out in found.graph.outs if out.cached]
        if all(out.oid for out in outs) and not any(_lacks(cache, out) for out in outs):
            events.emit("restored", uid=uid)
            return found
    return None


def _with_parameters(spec: Spec, found: Project) -> Project:
    """The project as it would be with the run's own parameters committed: what depends on them is judged by them."""
    if not (spec.set or spec.smoke):
        return found
    try:
        content = parameters.changed(found.read(parameters.FILE), spec.set, smoke=spec.smoke)
    except parameters.ParameterError as error:
        raise StepError("pipeline", str(error)) from error
    with tempfile.TemporaryDirectory(dir=spec.places.home, prefix=".parameters-") as scratch:
        return load(found.mirror, results.tree_with(found, {parameters.FILE: content}, Path(scratch)))


def _check_out(spec: Spec, found: Project) -> None:
    places = spec.places
    outs = [out.path for out in found.graph.outs]
    workspace.make(places.repo)
    workspace.clear_links(places.repo, outs, found.links, places.cache)
    cached = [out.path for out in found.graph.outs if out.cached]
    workspace.check_out(places, spec.branch, spec.commit, cached, tree=found.tree)
    workspace.drop_stale_locks(places.repo)
    dvc_dir = places.repo / ".dvc"
    named = _named_remote(found, spec)
    config = remote.local_config(named, spec.remote, cache=places.cache, site=places.site)
    local = dvc_dir / "config.local"
    local.unlink(missing_ok=True)
    local.write_text(config, encoding="utf-8")


def _named_remote(found: Project, spec: Spec) -> remote.Remote | None:
    """The remote, or None while the project has none: that matters only where something must be moved."""
    try:
        return found.remote(spec.remote, spec.places.repo)
    except StepError:
        return None


class Pull:
    """Brings the data that the stages need into the cache, and makes sure that the result's other data exists."""

    def __init__(self, spec: Spec, found: Project, events: EventLog) -> None:
        self._spec = spec
        self._project = found
        self._events = events
        self._cache = Cache(spec.places.cache)

    def run(self) -> None:
        """See the class."""
        outs = [out for out in self._project.graph.outs if out.cached and out.oid]
        if not any(_lacks(self._cache, out) for out in outs):
            return
        judged = needs.judge(self._project.graph, self._project.read, every=self._spec.force)
        imported = {out.path for data in self._project.graph.data if data.imported for out in data.outs}
        wanted = [out for out in judged.outs if _lacks(self._cache, out)]
        store = open_store(self._project.remote(self._spec.remote, self._spec.places.repo))
        self._pull(store, [out for out in wanted if out.path not in imported])
        self._look(store, [out for out in judged.idle if out.path not in imported and _lacks(self._cache, out)])
        if any(out.path in imported for out in wanted):
            from trainer.definition import imports  # noqa: PLC0415 - DVC itself; a second slower, and only needed here

            imports.fetch(self._spec, [out.path for out in wanted if out.path in imported])

    def _pull(self, store: Store, outs: Iterable[Out]) -> None:
        outs = list(outs)
        lists = self._cache.missing(root_of(out) for out in outs if out.is_dir)
        transfer.pull(store, self._cache, lists, self._events)
        items = {item.key: item for out in outs for item in self._tree(out).objects}
        wanted = self._cache.missing(items.values())
        known = [out.size for out in outs if out.size is not None]
        untouched = len(wanted) == len(items) - len(lists) and len(known) == len(outs)
        total = sum(known) if untouched else None
        transfer.pull(store, self._cache, wanted, self._events, bytes_total=total)

    def _look(self, store: Store, outs: Iterable[Out]) -> None:
        """Data that is not needed here, but that the result will refer to: if it is gone, say so before it trains."""
        roots = [root_of(out) for out in outs]
        lost = _absent(store, roots)
        if lost:
            raise transfer.missing(lost)

    def _tree(self, out: Out) -> Tree:
        tree = tree_of(out, self._cache.read)
        if tree is None:
            raise StepError("internal", f"The list of the files in {out.path} went away while it was read.")
        return tree


def _lacks(cache: Cache, out: Out) -> bool:
    tree = tree_of(out, cache.read)
    return tree is None or any(not cache.has(item) for item in tree.objects)


def _absent(store: Store, items: list[Object]) -> list[Object]:
    there = store.sizes(items) if items else {}
    return [item for item in items if item.key not in there]
