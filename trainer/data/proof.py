"""Data first: every object of a result is on the remote, as the remote itself says, before anything refers to it.

DVC's own word is no proof (it remembers what it once saw there); so the remote is asked for each object, members of
folders included, and its size is compared. What is missing is uploaded, and then asked for again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trainer import crashpoints
from trainer.data import transfer
from trainer.data.objects import Cache, Object, Tree, root_of, tree_of
from trainer.data.store import Store
from trainer.definition.graph import Graph, Out
from trainer.events import EventLog
from trainer.failure import StepError


@dataclass(frozen=True)
class Proof:
    """What is proven to be on the remote: `objects` and their `bytes`; `sent` bytes had to be uploaded for it."""

    objects: int
    bytes: int
    sent: int


def prove(graph: Graph, store: Store, cache: Cache, events: EventLog, *, with_run_cache: bool) -> Proof:
    """Have every object of the graph's outputs on the remote, and with them what the run cache knows of these runs.

    Raises:
        StepError: one is neither there nor here, or is damaged; or the remote fails.
    """
    imported = {out.path for data in graph.data if data.imported for out in data.outs}
    outs = [out for out in graph.outs if out.cached and out.pushed and out.path not in imported]
    _check_made(outs)
    trees = [_tree(out, store, cache, events) for out in outs]
    items = {item.key: item for tree in trees for item in tree.objects}
    there = store.sizes(items.values())
    lacking = _lacking(items, there, cache)
    lost = [item for item in lacking if not cache.has(item)]
    transfer.pull(store, cache, lost, events)  # says which is missing and which is damaged
    sent = transfer.push(store, cache, lacking, events)
    if with_run_cache:
        _push_run_cache(graph, store, cache)
    crashpoints.reach("publish.uploaded")
    if lacking:
        there |= store.sizes(lacking)
        still = _lacking({item.key: item for item in lacking}, there, cache)
        if still:
            raise StepError("network", f"{still[0].path} was uploaded, but the remote does not have it. Try again.")
    _check_sizes(trees, there)
    return Proof(len(items), sum(there[key] for key in items), sent)


def run_cache_key(locked: Mapping[str, Any]) -> str:
    """The name under which DVC's run cache keeps runs of a stage with these inputs (dvc/stage/cache.py)."""
    record = {**locked, "outs": [out["path"] for out in locked.get("outs") or ()]}
    text = json.dumps(_without_sizes(record), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _check_made(outs: Sequence[Out]) -> None:
    unmade = [out.path for out in outs if out.oid is None]
    if unmade:
        raise StepError(
            "pipeline",
            f"dvc.lock does not say what {unmade[0]} is: the pipeline has not run to its end. "
            "Run `dvc repro`, commit dvc.lock, train again.",
        )


def _tree(out: Out, store: Store, cache: Cache, events: EventLog) -> Tree:
    tree = tree_of(out, cache.read)
    if tree is None:
        transfer.pull(store, cache, [root_of(out)], events)
        tree = tree_of(out, cache.read)
    if tree is None:
        raise StepError("corrupt-data", f"The list of the files in {out.path} cannot be read.")
    return tree


def _lacking(items: Mapping[str, Object], there: Mapping[str, int], cache: Cache) -> list[Object]:
    """Objects that the remote does not have, or has in another size."""
    lacking = []
    for key, item in items.items():
        size = there.get(key)
        right = item.size if item.size is not None else cache.size(item)
        if size is None or (right is not None and size != right):
            lacking.append(item)
    return lacking


def _check_sizes(trees: Iterable[Tree], there: Mapping[str, int]) -> None:
    """A folder's members, together, are as large as dvc.lock says of the folder."""
    for tree in trees:
        if not tree.root.is_dir or tree.out.size is None:
            continue
        sizes = {item.oid: there[item.key] for item in tree.members}
        if sum(sizes[oid] for oid in tree.oids) != tree.out.size:
            raise StepError(
                "corrupt-data",
                f"The files of {tree.out.path} on the remote have another size than dvc.lock says. "
                "Run `dvc push` again from a good copy.",
            )


def _push_run_cache(graph: Graph, store: Store, cache: Cache) -> None:
    """DVC's memory of these runs, so that the same inputs need not be trained again elsewhere. Small files."""
    for stage in graph.stages:
        key = run_cache_key(stage.locked)
        folder = cache.root / "runs" / key[:2] / key
        for entry in sorted(folder.glob("*")) if folder.is_dir() else ():
            if entry.is_file() and not entry.is_symlink():
                store.put_named(f"runs/{key[:2]}/{key}/{entry.name}", entry)


def _without_sizes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_sizes(item) for key, item in value.items() if key not in ("size", "nfiles")}
    if isinstance(value, list):
        return [_without_sizes(item) for item in value]
    return value
