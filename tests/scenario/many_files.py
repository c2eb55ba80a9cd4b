"""A project with a folder of many small files, each of which a stage turns into another one: what does a run move?

Counted is what passes the S3 stand-in as the contents of objects, in both directions, and set against the bytes of the
objects that the second release refers to and the first one does not. A folder's list of its files is such an object
when one of them has changed: DVC keeps it as one piece, some 75 bytes for each file in the folder.
"""

import json
import random
from dataclasses import dataclass

import yaml

PIPELINE = """
stages:
  turn:
    cmd: python src/turn.py
    deps: [data/raw, src/turn.py]
    outs: [turned]
artifacts:
  turned:
    path: turned
"""
TURN = """
import pathlib
there = pathlib.Path("turned")
there.mkdir()
for file in pathlib.Path("data/raw").iterdir():
    (there / file.name).write_bytes(file.read_bytes()[::-1])
"""


@dataclass(frozen=True)
class Second:
    """A second run on a warm machine, in bytes. `whole` is all data of the release, inputs and outputs."""

    fetched: int
    changed_inputs: int
    stored: int
    changed_outputs: int
    asked: int
    """Of the answers that say what is there: the proof looks at every object of the release."""
    whole: int
    lists: int
    """Of the lists of the two folders, within both `changed_*` and `whole`."""

    @property
    def ratio(self):
        """Bytes moved, for each byte that changed."""
        return (self.fetched + self.stored) / (self.changed_inputs + self.changed_outputs)

    @property
    def share(self):
        """Bytes of files that were moved, of all bytes of files: the lists are left out."""
        return (self.fetched + self.stored - self.lists) / (self.whole - self.lists)


def measure(world, *, files, changed, size):
    """Train a folder of so many files of `size` bytes, change some, and train again."""
    chance = random.Random(7)
    content = {f"{number:06}.jpg": chance.randbytes(size) for number in range(files)}
    world.project.change("main", {"dvc.yaml": PIPELINE, "src/turn.py": TURN, **world.project.data(content)})
    _train(world, "v1")
    content |= {name: chance.randbytes(size) for name in chance.sample(sorted(content), changed)}
    world.project.change("main", world.project.data(content))
    before = world.aws.moved(world.aws.data_bucket)
    _train(world, "v2")
    moved = world.aws.moved(world.aws.data_bucket) - before
    inputs, outputs = (_objects(world, "v2", file) for file in ("data/raw.dvc", "dvc.lock"))
    old = {**_objects(world, "v1", "data/raw.dvc"), **_objects(world, "v1", "dvc.lock")}
    return Second(
        fetched=moved.fetched,
        changed_inputs=_bytes(inputs, old),
        stored=moved.stored,
        changed_outputs=_bytes(outputs, old),
        asked=moved.other,
        whole=_bytes({**inputs, **outputs}, {}),
        lists=sum(size for oid, size in {**inputs, **outputs}.items() if oid.endswith(".dir")),
    )


def _train(world, tag):
    assert world.types("alice", f"/train main {tag}") == ""
    run = world.until_over(tag, 600)
    assert "*Released*" in run.headline, run.text


def _objects(world, tag, file):
    """Object -> its bytes, of all outputs that a .dvc file or a dvc.lock names."""
    described = yaml.safe_load(world.show(tag, file))
    outs = described.get("outs") or [out for stage in described["stages"].values() for out in stage["outs"]]
    lists = {out["md5"]: world.object(out["md5"]) for out in outs}
    sizes = world.object_sizes()
    return {oid: sizes[oid] for each in lists.values() for oid in (*lists, *(one["md5"] for one in json.loads(each)))}


def _bytes(objects, known):
    return sum(size for oid, size in objects.items() if oid not in known)
