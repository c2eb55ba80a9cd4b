"""A second run on a warm machine with a folder of 10,000 images, of which 100 have changed: what is moved?

How it is counted: tests/scenario/many_files.py.
"""

import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.scenario.many_files import measure as train_twice
from tests.scenario.world import TinyWorld

IMAGES, CHANGED, SIZE = 10_000, 100, 6_000
"""About what Fruits-360 has for a picture of 100 x 100."""


def measure() -> dict:
    """Bytes by direction; `moved_by_changed` wants to be 1, `moved_of_all` the share that changed."""
    with (
        tempfile.TemporaryDirectory(prefix="stationmaster-bench-") as home,
        TinyWorld(Path(home) / "world") as world,
        world.serving(IDLE_MINUTES="60"),
    ):
        second = train_twice(world, files=IMAGES, changed=CHANGED, size=SIZE)
    return {
        "images": IMAGES,
        "changed_images": CHANGED,
        "moved_by_changed": round(second.ratio, 4),
        "moved_of_all": round(second.share, 5),
        "bytes": asdict(second),
    }
