"""Whether the kernel killed somebody for want of memory. Standard library only.

Exit code 137 alone says nothing: anybody can send SIGKILL, and a container's `OOMKilled` can be false for a real one.
So the kernel's own counters are compared, from before a deed and after it.
"""

from __future__ import annotations

import re
from pathlib import Path

_COUNTER = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def oom_kills(root: Path = Path("/")) -> int:
    """How often the kernel has killed for want of memory, in our control group and on the machine; 0 where unknown."""
    return sum(_read(path) for path in (*_groups(root), root / "proc/vmstat"))


def _groups(root: Path) -> list[Path]:
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            found.append(root / "sys/fs/cgroup" / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            found.append(root / "sys/fs/cgroup/memory" / path.lstrip("/") / "memory.oom_control")
    return found


def _read(path: Path) -> int:
    try:
        match = _COUNTER.search(path.read_text(encoding="utf-8"))
    except OSError:
        return 0
    return int(match.group(1)) if match else 0
