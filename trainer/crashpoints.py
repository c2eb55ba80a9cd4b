"""Named places at which a test may kill a step, as a power cut would. Standard library only.

`STATIONMASTER_CRASH=<name>` in the environment of the step makes it end with 137 when it comes by.
"""

from __future__ import annotations

import os

VARIABLE = "STATIONMASTER_CRASH"

POINTS = {
    "prepare.fetched": "the commit is in the mirror, the workspace is as it was",
    "prepare.checked-out": "the workspace has the commit's files, no data was pulled",
    "prepare.pulled": "everything is there, the end was not reported",
    "repro.before": "nothing ran",
    "repro.after": "all stages ran, the end was not reported",
    "publish.before": "nothing was pushed",
    "publish.half-uploaded": "some objects are on the remote",
    "publish.uploaded": "all objects are on the remote, unproven",
    "publish.proven": "all objects are proven, nothing is committed",
    "publish.committed": "the commit is in the mirror only",
    "publish.tagged": "commit and tag are in the mirror only",
    "publish.decided": "the decision to push was taken, nothing is pushed",
    "publish.pushed": "branch and tag are pushed, nothing was reported",
    "publish.pointer": "the pointer is written, `published` was not reported",
    "compare.reported": "`compared` was reported, the step has not ended",
    "publish.reported": "`published` was reported, the step has not ended",
}


def reach(name: str) -> None:
    """Pass the point `name`, or die there when the environment says so."""
    if name not in POINTS:
        raise ValueError(f"{name} is no crash point; add it to the table")
    if os.environ.get(VARIABLE) == name:
        os._exit(137)
