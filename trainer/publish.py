"""The third step: one resumable transaction from a reproduced workspace to a commit and a tag that anybody can use.

    1 push the objects of dvc.lock   2 prove that the remote has them   3 commit   4 tag   5 push both, or neither
    6 write the standalone pointer, and report

Each looks before it acts, so a step that was killed anywhere is simply run again. Nothing is run in the workspace,
and its .git is never opened: the commit is made in the mirror from an allow-list of files.
"""

from __future__ import annotations

import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from trainer import crashpoints, durable, parameters
from trainer.code.mirror import open_mirror
from trainer.code.ship import Shipment, Shipped
from trainer.data import proof, transfer
from trainer.data.objects import Cache
from trainer.data.proof import Proof
from trainer.data.store import Store
from trainer.data.stores import open_store
from trainer.events import EventLog
from trainer.failure import StepError
from trainer.job import fence
from trainer.job.credentials import Secrets
from trainer.project import figures, plots, pointer, results
from trainer.project.commit import Project, load
from trainer.spec import Spec


def run(spec: Spec, secrets: Secrets, events: EventLog) -> None:
    """Do the step.

    Raises:
        StepError: it cannot be done; the message says why, and nothing was pushed unless it says so.
    """
    if not spec.remembered:
        raise StepError("internal", f"Nothing of a run of the kind {spec.kind} is published.")
    fence.check(spec.places.fence, spec.fence)
    crashpoints.reach("publish.before")
    mirror = open_mirror(spec.places.mirror, spec.git_url, secrets.git_config(spec.git_url))
    mirror.fetch(spec.branch, spec.commit)
    base = load(mirror, spec.commit)
    scratch = spec.places.scratch
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        with ThreadPoolExecutor(1) as pool:
            store = pool.submit(open_store, base.remote(spec.remote, spec.places.repo))
            _publish(spec, base, store, scratch, events)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _publish(spec: Spec, base: Project, opening: Future[Store], scratch: Path, events: EventLog) -> None:
    mirror = base.mirror
    cache = Cache(spec.places.cache)
    files = results.collect(base, spec.places.repo, scratch, also=[parameters.FILE] if spec.set else [])
    tree = results.tree_with(base, files, scratch)
    mirror.keep_result(spec.uid, tree)
    result = load(mirror, tree) if files else base
    outs = pointer.release_outs(result.graph, spec.release_outs)
    store = opening.result()
    proven = proof.prove(result.graph, store, cache, events, with_run_cache=bool(files))
    transfer.pull(store, cache, cache.missing(figures.needed(result.graph)), events)
    drawings = _plots(result, store, cache, events)
    crashpoints.reach("publish.proven")

    def rebase(tip: str) -> str | None:
        from trainer.project import rebasing  # noqa: PLC0415 - needs DVC itself; only when the branch has moved

        return rebasing.onto(tip, base, files, scratch, cache)

    shipped = Shipment(spec, mirror, events, when=_when(spec)).send(tree, rebase)
    if shipped.by != spec.uid:  # a retried run had pushed it: what stands there is reported, not what was made again
        result = load(mirror, shipped.commit)
        outs = pointer.release_outs(result.graph, spec.release_outs)
        transfer.pull(store, cache, cache.missing(figures.needed(result.graph)), events)
    text = pointer.text(spec, outs, shipped.commit)
    durable.write(spec.run_dir / spec.pointer_name, text.encode())
    crashpoints.reach("publish.pointer")
    _tell_plots(drawings, events)
    _report(spec, result, proven, shipped, events)
    for uid in (spec.uid, *spec.retries):
        mirror.forget_result(uid)
    crashpoints.reach("publish.reported")


def _plots(result: Project, store: Store, cache: Cache, events: EventLog) -> plots.Found:
    """The result's plots. They are worth a warning and no more: no result is lost for a picture."""
    try:
        files = plots.sources(result, cache)
        transfer.pull(store, cache, cache.missing(files.needed()), events)
        return plots.gather(files)
    except Exception as error:  # noqa: BLE001 - whatever a project declares and writes
        why = str(error) if isinstance(error, StepError) else type(error).__name__
        return plots.Found((), (f"The plots could not be read: {why}",))


def _tell_plots(found: plots.Found, events: EventLog) -> None:
    if found.problems:
        first, *more = found.problems
        events.emit("warning", text=first + (f" So were {len(more)} more." if more else ""))
    if found.plots:
        events.emit("plots", plots=found.plots)


def _report(spec: Spec, result: Project, proven: Proof, shipped: Shipped, events: EventLog) -> None:
    events.emit(
        "published",
        commit=shipped.commit,
        tag=shipped.tag,
        branch=shipped.branch,
        diverged=shipped.diverged,
        objects=proven.objects,
        bytes=proven.bytes,
        changed=shipped.commit != spec.commit,
        metrics=figures.metrics(result, Cache(spec.places.cache)),
        params=figures.params(result.graph),
        data=figures.data(result.graph),
        pointer=spec.pointer_name,
    )


def _when(spec: Spec) -> int:
    """The time that commit and tag carry: that of the first try, so that every try makes the same objects."""
    path = spec.run_dir / "publish-time"
    durable.create(path, str(int(time.time())).encode("ascii"))
    text = path.read_text(encoding="ascii")
    now = int(time.time())
    written = int(text) if text.isdigit() else now
    return written if spec.started_at - 86400 <= written <= now else int(spec.started_at) or now
