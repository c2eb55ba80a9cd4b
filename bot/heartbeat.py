"""Whether the bot that owns a folder is at work: it touches a file there, and `stationmaster health` looks at its age.

In Socket Mode there is no port that an orchestrator could ask. Slack being away is no illness: the bot waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

BEAT_SECONDS = 10
SILENCE_SECONDS = 60.0
"""Older than that, and it is not at work: six beats, so that a busy machine is no alarm."""
NAME = "alive"


def beat(home: Path, at_work: Callable[[], bool]) -> None:
    """Say that we are there, unless one of our own threads has ended."""
    if at_work():
        (home / NAME).touch()


def silence(home: Path, now: float) -> float | None:
    """Seconds since the last beat (`now` is wall time); None where there was none."""
    try:
        return max(0.0, now - (home / NAME).stat().st_mtime)
    except FileNotFoundError:
        return None


def verdict(home: Path, now: float) -> tuple[bool, str]:
    """Whether it is at work, and a sentence."""
    seconds = silence(home, now)
    if seconds is None:
        return False, f"No Stationmaster has worked in {home} yet."
    if seconds > SILENCE_SECONDS:
        return False, f"The Stationmaster of {home} has not been heard of for {seconds:.0f} s. Restart it."
    return True, f"At work, heard of {seconds:.0f} s ago."
