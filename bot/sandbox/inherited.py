"""What a process of the sandbox takes over from this person's environment: where programs, home and language are.

No proxy (everything is on this machine), no AWS profile, no setting of git, DVC or Stationmaster: the sandbox is the
same for everybody.
"""

from __future__ import annotations

import os

NAMES = (
    "CUDA_VISIBLE_DEVICES",
    "HOME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LD_LIBRARY_PATH",
    "LOGNAME",
    "PATH",
    "SHELL",
    "TMPDIR",
    "TZ",
    "USER",
)


def inherited() -> dict[str, str]:
    """The variables of `NAMES` that are set; a `PATH` in any case."""
    return {"PATH": os.defpath, **{name: os.environ[name] for name in NAMES if name in os.environ}}
