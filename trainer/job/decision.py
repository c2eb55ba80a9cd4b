"""The one decision of a run, `push` or `cancel`: the first to ask wins, for ever. Standard library only.

publish takes `push` right before it pushes; the engine takes `cancel`. So a run that was cancelled never publishes, and
a run that is being published is never called cancelled.
"""

from __future__ import annotations

from pathlib import Path

from trainer import durable

CHOICES = ("push", "cancel")


def take(run_dir: Path, choice: str) -> str:
    """Take `choice` unless something was decided; returns what holds.

    Raises:
        ValueError: `choice` is neither.
    """
    if choice not in CHOICES:
        raise ValueError(f"{choice!r} is no decision; say push or cancel")
    run_dir.mkdir(parents=True, exist_ok=True)
    path = run_dir / "decision"
    durable.create(path, choice.encode("ascii"))
    return path.read_text(encoding="ascii")
